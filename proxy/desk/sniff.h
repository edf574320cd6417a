#pragma once

#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// The protocol that the first bytes of a connection (or of a tunnel) promise.
enum class FirstBytes : std::uint8_t {
  NeedMore,  // a prefix of both; read on, within the first-byte deadline
  Tls,       // a TLS handshake record that begins a ClientHello
  Http,      // looks like an HTTP/1.x request line; the parser has the last word
  Unknown,   // anything else (SSH, SMTP, SSLv2, HTTP/2 without TLS): close
};

// Needs at most kSniffBytes to decide. An empty view is NeedMore.
inline constexpr std::size_t kSniffBytes = 32;
[[nodiscard]] FirstBytes sniff(ByteView first) noexcept;

}  // namespace bottle
