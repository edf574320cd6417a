#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/manifest/manifest.h"
#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// A value that is kept out of the bottle ("keep_out", "in"), as the manifest has it. `file` is only
// used in messages. nullopt: all is well.

// The parts of a request: `node` is an array of the strings `words`.
std::optional<Error> check_parts(const JsonNode& node, const std::string& file,
                                 const std::vector<std::string>& words);
// The keys of the variable `name` together. Without "in" the value is put into the header.
std::optional<Error> check_keep_out(const JsonNode& node, const std::string& file,
                                    const std::string& name, EnvValue& value);

}  // namespace bottle::launcher
