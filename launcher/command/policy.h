#pragma once

#include <optional>
#include <string>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct PolicyOptions {
  std::optional<std::string> id{};
  std::optional<std::string> check{};  // HOST, HOST:PORT or a URL
  bool json = false;
};
// `bottle policy`: lists the hosts that a bottle which runs lets through, where each comes from and
// how often it was used; or says what would happen to one request. With `check` the status is
// kCheckFailed where it would be refused.
Expected<int> run_policy(const PolicyOptions& options, const Context& context);

}  // namespace bottle::launcher
