#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"

// HTTP/2 frames by hand, for tests that must send what no library would (RFC 9113, RFC 7541).
namespace bottle::test {

enum : std::uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kPriorityFrame = 2,
  kRstFrame = 3,
  kSettingsFrame = 4,
  kPushFrame = 5,
  kPingFrame = 6,
  kGoAwayFrame = 7,
  kWindowFrame = 8,
  kContinuationFrame = 9,
};
enum : std::uint8_t { kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8 };

inline const Bytes kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline Bytes be32(std::uint32_t value) {
  return Bytes{static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
               static_cast<char>(value >> 8U), static_cast<char>(value)};
}

inline Bytes frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream,
                   std::string_view payload = {}) {
  Bytes out = be32(static_cast<std::uint32_t>(payload.size())).substr(1);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += be32(static_cast<std::uint32_t>(stream));
  out += payload;
  return out;
}

// An HPACK integer with a prefix of `bits` bits (RFC 7541 section 5.1).
inline Bytes hpack_int(std::size_t value, unsigned bits, std::uint8_t first = 0) {
  const std::size_t most = (1U << bits) - 1;
  if (value < most) return Bytes(1, static_cast<char>(first | value));
  Bytes out(1, static_cast<char>(first | most));
  value -= most;
  while (value >= 128) {
    out += static_cast<char>(value % 128 + 128);
    value /= 128;
  }
  out += static_cast<char>(value);
  return out;
}

// A literal field without indexing, new name (RFC 7541 section 6.2.2).
inline Bytes literal(std::string_view name, std::string_view value) {
  Bytes out(1, '\0');
  out += hpack_int(name.size(), 7);
  out += name;
  out += hpack_int(value.size(), 7);
  out += value;
  return out;
}

using FieldList = std::vector<std::pair<std::string, std::string>>;

inline Bytes block(const FieldList& fields) {
  Bytes out;
  for (const auto& [name, value] : fields) out += literal(name, value);
  return out;
}

inline FieldList request_fields(std::string_view method = "GET", std::string_view path = "/") {
  return {{":method", std::string(method)},
          {":scheme", "https"},
          {":authority", "a.test"},
          {":path", std::string(path)}};
}

// HEADERS, and CONTINUATION frames when the block is larger than a frame.
inline Bytes headers(std::int32_t stream, const FieldList& fields, bool end) {
  constexpr std::size_t kMost = 16384;
  const Bytes all = block(fields);
  std::uint8_t flags = end ? kEndStream : 0;
  Bytes out;
  std::size_t at = 0;
  std::uint8_t type = kHeadersFrame;
  do {
    const std::string_view piece = std::string_view(all).substr(at, kMost);
    at += piece.size();
    if (at == all.size()) flags |= kEndHeaders;
    out += frame(type, flags, stream, piece);
    type = kContinuationFrame;
    flags = 0;
  } while (at < all.size());
  return out;
}

inline Bytes settings(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> entries = {}) {
  Bytes payload;
  for (const auto& [id, value] : entries) payload += be32(id).substr(2) + be32(value);
  return frame(kSettingsFrame, 0, 0, payload);
}
inline Bytes settings_ack() { return frame(kSettingsFrame, kAck, 0); }
inline Bytes rst(std::int32_t stream, std::uint32_t code = 8) {
  return frame(kRstFrame, 0, stream, be32(code));
}
inline Bytes window_update(std::int32_t stream, std::uint32_t by) {
  return frame(kWindowFrame, 0, stream, be32(by));
}
inline Bytes ping(std::string_view eight = "12345678") { return frame(kPingFrame, 0, 0, eight); }
inline Bytes goaway(std::int32_t last, std::uint32_t code = 0) {
  return frame(kGoAwayFrame, 0, 0, be32(static_cast<std::uint32_t>(last)) + be32(code));
}
inline Bytes data(std::int32_t stream, std::string_view bytes, bool end = false) {
  return frame(kDataFrame, end ? kEndStream : 0, stream, bytes);
}

struct SeenFrame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::int32_t stream = 0;
  Bytes payload;

  [[nodiscard]] std::uint32_t word(std::size_t at = 0) const {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4 && i < payload.size(); ++i) {
      value = value << 8U | static_cast<std::uint8_t>(payload[i]);
    }
    return value;
  }
  [[nodiscard]] bool ends() const {
    return (type == kDataFrame || type == kHeadersFrame) && (flags & kEndStream) != 0;
  }
};

// Whole frames in `bytes`; `rest` keeps what is incomplete.
inline std::vector<SeenFrame> parse_frames(Bytes& rest) {
  std::vector<SeenFrame> out;
  std::size_t at = 0;
  const auto byte = [&rest](std::size_t i) { return static_cast<std::uint8_t>(rest[i]); };
  while (rest.size() - at >= 9) {
    const std::size_t length = static_cast<std::size_t>(byte(at)) << 16U |
                               static_cast<std::size_t>(byte(at + 1)) << 8U | byte(at + 2);
    if (rest.size() - at < 9 + length) break;
    SeenFrame seen;
    seen.type = byte(at + 3);
    seen.flags = byte(at + 4);
    const auto word = [&byte](std::size_t i) {
      return static_cast<std::uint32_t>(byte(i)) << 24U |
             static_cast<std::uint32_t>(byte(i + 1)) << 16U |
             static_cast<std::uint32_t>(byte(i + 2)) << 8U | byte(i + 3);
    };
    seen.stream = static_cast<std::int32_t>(word(at + 5) & 0x7fffffffU);
    seen.payload = rest.substr(at + 9, length);
    out.push_back(std::move(seen));
    at += 9 + length;
  }
  rest.erase(0, at);
  return out;
}

}  // namespace bottle::test
