#pragma once

#include <optional>
#include <string>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// `bottle watch --json`: an object a line for each event, first those that the logs have. `only`:
// the id of the only bottle, with whose end it ends. Ends with 0 when its reader is gone, and with
// 128+n by a signal.
Expected<int> run_watch_json(std::optional<std::string> only, const Context& context);

}  // namespace bottle::launcher
