#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/bytes.h"

// The parts of the protocol that reading and writing share (RFC 6455 sections 5 and 7).
namespace bottle::websocket {

enum class Opcode : std::uint8_t {
  Continuation = 0x0,
  Text = 0x1,
  Binary = 0x2,
  Close = 0x8,
  Ping = 0x9,
  Pong = 0xa,
};

// The side that sends the frames: a client masks them, a server does not (section 5.1).
enum class Sender : std::uint8_t { Client, Server };

inline constexpr std::size_t kMostControl = 125;              // payload bytes (section 5.5)
inline constexpr std::size_t kMostReason = kMostControl - 2;  // bytes of a close frame's reason

// Status codes of close frames (section 7.4.1, and IANA's registry).
enum class CloseCode : std::uint16_t {
  None = 0,  // the frame has no code
  Normal = 1000,
  GoingAway = 1001,
  ProtocolError = 1002,
  InvalidData = 1007,  // no UTF-8, or no data of the message's compression
  Policy = 1008,
  TooBig = 1009,
  TryAgainLater = 1013,
  BadGateway = 1014,
};

// A code that may stand in a frame (section 7.4.2): 1000 to 1003, 1007 to 1014, and those of
// libraries and applications, 3000 to 4999.
[[nodiscard]] constexpr bool may_be_sent(std::uint16_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

// A break of the protocol: the code of the close frame that its sender is owed, and words for a
// person, a literal.
struct Violation {
  CloseCode code = CloseCode::ProtocolError;
  const char* what = "";
};

// XORs the bytes with the mask, the first one with byte `at` mod 4 of it (section 5.3).
void apply_mask(ByteSpan bytes, const char (&mask)[4], std::uint64_t at) noexcept;

}  // namespace bottle::websocket
