#pragma once

#include <cstddef>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/guard/finding.h"

namespace bottle {

// A piece of a message of a tunnel.
struct MessagePiece {
  ByteView bytes;
  bool is_text = true;  // so its sender says
  bool begins = false;  // nothing of the message came before
  bool ends = false;    // nothing of it follows
};

// Looks at the messages of one direction of a tunnel, one after the other, while they pass.
class MessageLook {
 public:
  virtual ~MessageLook() = default;

  // The next piece. Returns how many of the message's last bytes must not go before the next call;
  // with `ends`, all go. A Failure is final: nothing of the piece may go.
  [[nodiscard]] virtual Result<std::size_t> feed(const MessagePiece& piece) = 0;
  // The sender pauses within a message, and what was fed is about to leave: returns as feed().
  [[nodiscard]] virtual Result<std::size_t> pause() = 0;
  // The finding that the Failure tells of; nothing if it is none.
  [[nodiscard]] virtual const std::optional<Finding>& refused() const noexcept = 0;
};

}  // namespace bottle
