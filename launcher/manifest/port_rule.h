#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// A port of the bottle that is opened on the host.
struct PortRule {
  std::uint16_t inside = 0;
  std::uint16_t host = 0;  // 0: a free one

  bool operator==(const PortRule&) const = default;
};
inline constexpr std::size_t kMaxPorts = 16;  // of one bottle

// Says how a port is written.
inline constexpr std::string_view kPortForm =
    R"(write 3000, or "3000:8080" for port 3000 of the bottle and 8080 of the host (0: a free one))";

// Reads "3000" or "3000:8080". nullopt: it is not one.
std::optional<PortRule> port_rule(std::string_view text);
// The same for a manifest, where it can also be a number.
std::optional<PortRule> port_rule(const JsonNode& node);
// Reads a manifest's list. The Error names the entry that is wrong, and its place.
std::optional<Error> read_ports(const JsonNode& node, const std::string& file,
                                std::vector<PortRule>& out);
// As it is written.
std::string text_of(const PortRule& rule);

// True of an IPv4 or IPv6 address.
bool is_address(const std::string& text);
// The value of --publish-address.
Expected<void> check_publish_address(const std::string& address);
bool is_loopback(const std::string& address);

}  // namespace bottle::launcher
