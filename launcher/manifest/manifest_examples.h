#pragma once

#include <string>
#include <string_view>

namespace bottle::launcher {

// "example: …": a correct value for a key of the manifest; errors about that key show it. Empty
// for names that are the user's own.
std::string example_of(std::string_view key);

}  // namespace bottle::launcher
