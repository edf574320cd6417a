#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// The fate of requests for hosts that are not allowed. A bottle refuses them, holds them until the
// person has answered, or lets them pass and writes them down. Never the last two together.
struct AskEntry {
  bool asks = false;
  bool learns = false;                 // of the command line alone
  std::vector<std::string> command{};  // answers asks; outside of the bottle, as the person
};

// Checks the value of "ask" or "ask_command" completely. `file` is only used in messages. nullopt:
// all is well.
std::optional<Error> read_ask(const JsonNode& node, const std::string& file, const std::string& key,
                              AskEntry& out);

}  // namespace bottle::launcher
