#pragma once

#include <string>
#include <string_view>

namespace bottle::launcher {

// "example: …": what belongs at a key of the manifest, for who wrote something else there. Empty
// for names that are the user's own.
std::string example_of(std::string_view key);

}  // namespace bottle::launcher
