#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bottle::launcher::local {

// The text of the messages between the launcher and the processes that hold namespaces.

inline constexpr std::size_t kMaxMessage =
    100 * 1024;  // a command line; socket messages are bounded

// Words in one text: a NUL after each.
std::string packed(const std::vector<std::string>& words);
std::vector<std::string> unpacked(const std::string& text);

}  // namespace bottle::launcher::local
