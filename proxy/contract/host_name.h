#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bottle {

enum class HostKind : std::uint8_t { Name, Ipv4, Ipv6 };

// A host in its only spelling, or what is wrong with it. Values; no I/O.
struct HostReading {
  HostKind kind = HostKind::Name;
  // A lower-case name without the trailing dot, or an address in canonical text, IPv6 without
  // brackets. Empty if there is a defect.
  std::string text;
  const char* defect = nullptr;  // for a person; a literal. Set exactly if this is no host
};

// A name or an address, IPv6 with or without brackets. Refused is every text that has a second
// reading somewhere: IPv6 zones, IPv4-mapped and IPv4-compatible IPv6, IPv4 in any but
// dotted-decimal form (127.1, 2130706433, 0x7f.1, 010.0.0.1), an empty label, labels above 63
// bytes, names above 253, xn-- labels that are not Punycode, other bytes than letters, digits,
// hyphens and underscores, labels that begin with a hyphen. An underscore is in no host's name by
// RFC 952, and a hyphen ends none; resolvers, browsers and certificates take both.
[[nodiscard]] HostReading read_host(std::string_view host);
[[nodiscard]] HostReading read_name_or_ipv4(std::string_view host);
[[nodiscard]] HostReading read_ipv6(std::string_view without_brackets);

// Says what is wrong with a name as above, in any case, without a trailing dot; nullptr: nothing.
// For names alone, not for addresses.
[[nodiscard]] const char* name_defect(std::string_view name);

// Decimal, 1 to 65535, no sign, no leading zeros.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;
[[nodiscard]] constexpr std::optional<std::uint16_t> as_port(std::uint64_t number) noexcept {
  if (number == 0 || number > 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(number);
}

}  // namespace bottle
