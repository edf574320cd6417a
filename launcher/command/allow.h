#pragma once

#include <optional>
#include <string>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct AllowOptions {
  std::optional<std::string> name{};  // a bottle or an agent of the manifest
  std::optional<std::string> secret{};
  std::optional<std::string> manifest{};
};

// `bottle allow`: writes into the manifest that a value which the guard found may leave, from the
// next start on. A value that is there already is no error.
Expected<int> run_allow(const AllowOptions& options, const Context& context);
Expected<void> check_allow(const AllowOptions& options);

}  // namespace bottle::launcher
