#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct AllowOptions {
  // [ID] HOST[:PORT] of a bottle that runs; with `secret`, a bottle or an agent of the manifest.
  std::vector<std::string> words{};
  std::optional<std::string> secret{};
  std::optional<std::string> manifest{};
  std::optional<std::string> route{};
  bool once = false;
  std::optional<std::string> lasts{};  // "10m"
  bool save = false;                   // in the manifest, too
  bool learned = false;                // hosts of a bottle that has ended: words are its id
};

// `bottle allow`: lets a host through in a bottle that runs, from the next request on, and with
// `save` also in those that the manifest makes; or, with `secret`, writes into the manifest that a
// value which the guard found may leave, from the next start on. A rule that is there already is no
// error.
Expected<int> run_allow(const AllowOptions& options, const Context& context);
Expected<void> check_allow(const AllowOptions& options);

struct DenyOptions {
  std::vector<std::string> words{};  // [ID] HOST
};
// `bottle deny`: closes a host in a bottle that runs, from the next request on.
Expected<int> run_deny(const DenyOptions& options, const Context& context);
Expected<void> check_deny(const DenyOptions& options);

}  // namespace bottle::launcher
