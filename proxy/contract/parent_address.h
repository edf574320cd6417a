#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/contract/error.h"
#include "proxy/contract/host_name.h"

namespace bottle {

// The proxy of the network that this machine is in, as a person or HTTPS_PROXY writes it:
//   [http://][USER[:PASSWORD]@]HOST:PORT[/]
// USER and PASSWORD may have escapes (%40). A value; no I/O.
struct ParentAddress {
  static constexpr std::size_t kLongestUser = 256;
  static constexpr std::size_t kLongestPassword = 1024;

  // The Error (kUsage) says what is wrong, without the password: https:// and socks parents, no
  // port, no host, a user with a colon or a control character.
  [[nodiscard]] static Expected<ParentAddress> parse(std::string_view text);

  // As parse() takes it, without the password.
  [[nodiscard]] std::string text() const;
  // True if it is a program of the machine on which it is dialled.
  [[nodiscard]] bool is_loopback() const;
  // For messages and for dialling: HOST:PORT.
  [[nodiscard]] std::string host_port() const;

  std::string host;  // as read_host() spells it
  HostKind kind = HostKind::Name;
  std::uint16_t port = 0;
  std::string user;      // empty: no Proxy-Authorization
  std::string password;  // empty: none was written
};

// The value of Proxy-Authorization (RFC 7617).
[[nodiscard]] std::string basic_authorization(std::string_view user, std::string_view password);

}  // namespace bottle
