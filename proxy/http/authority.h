#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/contract/host_name.h"
#include "proxy/http/head.h"

namespace bottle {

[[nodiscard]] constexpr std::uint16_t default_port(Scheme scheme) noexcept {
  return scheme == Scheme::Https ? 443 : 80;
}

// The one place an exchange may go to, in its only spelling: two destinations are the same place
// exactly if they compare equal. Made by the functions below and by nothing else.
struct Destination {
  // As read_host() spells it.
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
// "bad_authority") for every host that read_host() refuses, and for userinfo, port 0, a port above
// 65535, with a sign or leading zeros, and anything behind the port.
[[nodiscard]] Result<Destination> parse_authority(std::string_view text,
                                                  std::optional<std::uint16_t> default_port);

// The same for a host and a port that come apart (SNI, configuration). IPv6 with or without
// brackets.
[[nodiscard]] Result<Destination> parse_host(std::string_view host, std::uint16_t port);

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
