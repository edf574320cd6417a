#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"
#include "proxy/http/websocket/frame.h"

namespace bottle::websocket {

// Reads the frames of one direction (RFC 6455 section 5), in bytes cut anywhere. It holds no frame:
// data comes out in the pieces in which it came in, only a control frame (125 bytes) is gathered.
// It sees to the order of frames, and to everything that a frame's head can have wrong. Text is not
// checked here (Utf8Check), nor is compression undone.
class FrameReader {
 public:
  // `compresses`: RSV1 on a message's first frame is allowed, and means that (RFC 7692 section 6).
  FrameReader(Sender from, bool compresses) noexcept : from_(from), compresses_(compresses) {}

  struct Part {
    enum class Kind : std::uint8_t {
      None,     // the input is used up
      Data,     // of a message
      Control,  // all of a Close, Ping or Pong
      Broken,   // see violation(); every further call says the same
    };
    Kind kind = Kind::None;
    Opcode opcode = Opcode::Continuation;  // Data: the message's, Text or Binary
    bool compressed = false;               // Data: the message is
    bool message_begins = false;           // Data: nothing of the message came before
    bool message_ends = false;             // Data: nothing of the message follows
    ByteView payload;                      // without its mask; may be empty; until the next call
  };

  // Reads from the front of `in`, which it shortens, and takes the mask off in place.
  [[nodiscard]] Part read(ByteSpan& in) noexcept;

  [[nodiscard]] const Violation& violation() const noexcept { return violation_; }
  // Between two frames.
  [[nodiscard]] bool at_frame() const noexcept { return state_ == State::Head && head_size_ == 0; }
  // Between two messages: no frame and no message is open.
  [[nodiscard]] bool at_message() const noexcept { return at_frame() && !in_message_; }

 private:
  enum class State : std::uint8_t { Head, Payload, Broken };
  static constexpr std::size_t kMostHead = 14;

  [[nodiscard]] Part data(ByteSpan& in) noexcept;
  [[nodiscard]] Part control(ByteSpan& in) noexcept;
  [[nodiscard]] Part broken(const char* what) noexcept;
  // Words for a mistake in the first two bytes of a head; null: there is none.
  [[nodiscard]] const char* wrong_start() const noexcept;
  // The same for a head that is complete; takes it.
  [[nodiscard]] const char* take_head() noexcept;
  [[nodiscard]] std::size_t head_needs() const noexcept;
  [[nodiscard]] unsigned char head_byte(std::size_t at) const noexcept {
    return static_cast<unsigned char>(head_[at]);
  }

  const Sender from_;
  const bool compresses_;
  State state_ = State::Head;
  char head_[kMostHead] = {};
  std::size_t head_size_ = 0;

  // Of the frame that is open.
  Opcode opcode_ = Opcode::Continuation;
  bool final_ = false;
  std::uint64_t left_ = 0;  // payload bytes that are still to come
  std::uint64_t at_ = 0;    // those that came
  char mask_[4] = {};
  bool masked_ = false;
  char control_[kMostControl] = {};

  // Of the message that is open.
  bool in_message_ = false;
  bool message_told_ = false;  // a Data part said that it begins
  bool compressed_ = false;
  Opcode message_ = Opcode::Continuation;

  Violation violation_;
};

// A close frame's payload (section 5.5.1).
struct CloseReason {
  CloseCode code = CloseCode::None;  // or a number that may_be_sent()
  ByteView reason;                   // UTF-8
};
// Nothing wrong: the answer's `what` is null.
[[nodiscard]] Violation read_close(ByteView payload, CloseReason& out) noexcept;

}  // namespace bottle::websocket
