#include "launcher/plan/allowlist.h"

#include <algorithm>

namespace bottle::launcher {

bool opens(const std::vector<std::string>& allow, std::string_view host, std::string_view port) {
  return std::any_of(allow.begin(), allow.end(), [host, port](std::string_view entry) {
    if (entry == "*") return true;
    const auto colon = entry.find(':');
    const auto entry_port = colon == std::string_view::npos ? "" : entry.substr(colon + 1);
    if (entry_port.empty() ? port != "443" && port != "80" : entry_port != port) return false;
    auto name = entry.substr(0, colon);
    if (!name.starts_with("*.")) return name == host;
    name.remove_prefix(1);  // ".example.com"
    return host == name.substr(1) || host.ends_with(name);
  });
}

}  // namespace bottle::launcher
