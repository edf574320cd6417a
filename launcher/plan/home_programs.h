#pragma once

#include <map>
#include <string>
#include <string_view>

namespace bottle::launcher {

// Programs that are installed in a bottle go into its home, since the system cannot be changed
// there.

// Variables by which npm -g, pip, cargo and go install below /home/agent. A manifest may replace
// each.
std::map<std::string, std::string> install_settings();

// Scripts that stand before programs that cannot work in a bottle, and say so. The directory is
// read-only there.
inline constexpr std::string_view kStandInDirectory = "/run/bottle/bin";
// By name: sudo, apt, apt-get.
std::map<std::string, std::string> stand_ins();

// PATH with what is installed in the home, and with the stand-ins.
std::string with_home_programs(const std::string& path);

}  // namespace bottle::launcher
