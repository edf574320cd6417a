#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "launcher/manifest/manifest.h"
#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// "90s", "50m", "12h" or "2d"; nullopt for anything else, and above `most`.
std::optional<std::chrono::seconds> read_time(std::string_view text, std::chrono::seconds most);

// A value that a command prints ("command", "ttl"), as the manifest has it. `file` is only used in
// messages. nullopt: all is well.

// The words of the command: `node` is an array of strings that are not empty.
std::optional<Error> check_command_words(const JsonNode& node, const std::string& file,
                                         const std::vector<std::string>& words);
// "90s", "50m", "12h"; a week at most.
std::optional<Error> read_ttl(const JsonNode& node, const std::string& file,
                              std::chrono::seconds& out);
// The keys of the variable `name` together.
std::optional<Error> check_command_keys(const JsonNode& node, const std::string& file,
                                        const std::string& name, const EnvValue& value);

}  // namespace bottle::launcher
