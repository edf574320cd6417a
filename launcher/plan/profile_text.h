#pragma once

#include <map>
#include <string>
#include <string_view>

namespace bottle::launcher {

// Read by login shells (`bash -l`, by which some agents run each command). /etc/profile sets PATH
// anew before.
inline constexpr std::string_view kProfileDirectory = "/etc/profile.d";
inline constexpr std::string_view kProfileName = "bottle.sh";

// That file: the variables of trust, and `path` as PATH, in which a shell replaces $PATH.
std::string profile_text(const std::map<std::string, std::string>& variables,
                         const std::string& path);

}  // namespace bottle::launcher
