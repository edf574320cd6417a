#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bottle::launcher {

// Whether a bottle's list of hosts opens `host` at `port`: the launcher reads it only
// for its own messages. The proxy decides.
bool opens(const std::vector<std::string>& allow, std::string_view host, std::uint16_t port = 443);

}  // namespace bottle::launcher
