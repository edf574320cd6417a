#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/http/head.h"

namespace bottle {

enum class HostKind : std::uint8_t { Name, Ipv4, Ipv6 };

[[nodiscard]] constexpr std::uint16_t default_port(Scheme scheme) noexcept {
  return scheme == Scheme::Https ? 443 : 80;
}

// The one place an exchange may go to, in its only spelling: two destinations are the same place
// exactly if they compare equal. Made by the functions below and by nothing else.
struct Destination {
  // A lower-case name of LDH labels (A-labels for international names) without the trailing dot,
  // or an address in canonical text. IPv6 without brackets.
  std::string host;
  std::uint16_t port = 0;
  HostKind kind = HostKind::Name;

  bool operator==(const Destination&) const = default;

  // For Host, :authority and URLs: brackets around IPv6, the port only if it is not the scheme's.
  [[nodiscard]] std::string authority(Scheme scheme) const;
  // For CONNECT, logs and cache keys: always with the port.
  [[nodiscard]] std::string host_port() const;
};

// Parses "host[:port]" (RFC 3986 section 3.2 without userinfo). Without a port in the text the
// default is taken; no default means that the port is mandatory. ClientBad (reason
// "bad_authority") for whatever has a second reading somewhere: userinfo, empty host, port 0,
// above 65535, with a sign or leading zeros, IPv6 zones, IPv4-mapped and IPv4-compatible IPv6,
// IPv4 in any but dotted-decimal form (127.1, 2130706433, 0x7f.1, 010.0.0.1), names with other
// than letters, digits and inner hyphens (so no "_"), labels above 63 bytes, names above 253,
// xn-- labels that are not Punycode, non-ASCII bytes, anything after the port.
[[nodiscard]] Result<Destination> parse_authority(std::string_view text,
                                                  std::optional<std::uint16_t> default_port);

// The same for a host and a port that come apart (SNI, configuration). IPv6 with or without
// brackets.
[[nodiscard]] Result<Destination> parse_host(std::string_view host, std::uint16_t port);

// Decimal, 1 to 65535, no sign, no leading zeros.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;

// True for a host name as above, in any case, with or without one trailing dot. Not for addresses.
[[nodiscard]] bool is_valid_hostname(std::string_view name) noexcept;

// An absolute-form request target, "http(s)://host[:port][/path][?query]" (RFC 9112 section 3.2.2),
// taken apart. Only the authority is vetted. ClientBad also for other schemes, a missing "//" and a
// fragment.
struct AbsoluteForm {
  Scheme scheme = Scheme::Http;
  Destination destination;
  std::string path;  // "/path?query" as sent; "/" is put in front where there is no path
  bool has_path = false;
};
[[nodiscard]] bool is_absolute_form(std::string_view target) noexcept;
[[nodiscard]] Result<AbsoluteForm> parse_absolute_form(std::string_view target);

}  // namespace bottle
