#include "launcher/plan/profile_text.h"

namespace bottle::launcher {
namespace {

std::string quoted_value(const std::string& value) {
  std::string out = "'";
  for (const char c : value) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string profile_text(const std::map<std::string, std::string>& variables,
                         const std::string& path) {
  std::string out = "# Written by bottle: its proxy, and the CA that the proxy signs with.\n";
  for (const auto& [name, value] : variables) {
    out += "export " + name + "=" + quoted_value(value) + "\n";
  }
  // /etc/profile has set it anew.
  return out + "export PATH=" + path + "\n";
}

}  // namespace bottle::launcher
