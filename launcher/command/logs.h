#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct LogsOptions {
  std::optional<std::string> id{};
  bool follow = false;
  bool json = false;
  bool verify = false;
};

// `bottle logs`: the audit log of a bottle that runs, or of one that ended and whose state is kept.
// Without an id: the only one that runs, else the newest. Following ends with the bottle. With
// `verify` it checks the log instead, and the id may also be a file's name with a '/'.
Expected<int> run_logs(const LogsOptions& options, const Context& context);

// One audit line for a person, without a line end; empty when it is not one.
std::string audit_line_words(std::string_view line, const Style& style);

}  // namespace bottle::launcher
