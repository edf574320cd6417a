#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace bottle {

// The one name a certificate may be minted for, and a peer's certificate is checked against: a
// canonical DNS name or an IP literal, as read_host() spells them (no trailing dot, no brackets). A
// value; nothing else reaches a GENERAL_NAME or a host check.
class ServerName {
 public:
  enum class Kind : std::uint8_t { Dns, Ipv4, Ipv6 };

  // Refuses (Denied, "bad_name") what is not already canonical, so that what policy allowed and
  // what is minted cannot differ; upper-case letters alone are folded.
  [[nodiscard]] static Result<ServerName> parse(std::string_view canonical);

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is_ip() const noexcept { return kind_ != Kind::Dns; }
  // As in the canonical destination; IPv6 without brackets.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // 4 or 16 bytes in network order; empty for a DNS name.
  [[nodiscard]] std::span<const unsigned char> address() const noexcept {
    return {address_.data(), kind_ == Kind::Dns ? 0U : kind_ == Kind::Ipv4 ? 4U : 16U};
  }

  friend bool operator==(const ServerName&, const ServerName&) = default;

 private:
  ServerName() = default;

  Kind kind_ = Kind::Dns;
  std::string text_;
  std::array<unsigned char, 16> address_{};
};

}  // namespace bottle
