#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/body/decode_space.h"

struct z_stream_s;

namespace bottle {

// The compression of messages as permessage-deflate has it (RFC 7692 section 7.2): raw deflate, and
// the four bytes at a message's end that every message has are left out. Memory comes from `space`
// with the first message and goes back with the object; with no context takeover it is kept, but
// begins each message anew.

// Undoes it, in pieces of any size.
class MessageInflater {
 public:
  struct Bomb {
    std::uint64_t ratio = 100;  // of one message, plain to compressed: more is a bomb
    std::uint64_t ratio_after = 1u << 20;
  };

  // `space` outlives it. `keeps_context`: a message may refer to those before it.
  MessageInflater(DecodeSpace& space, bool keeps_context, Bomb bomb);
  ~MessageInflater();
  MessageInflater(const MessageInflater&) = delete;
  MessageInflater& operator=(const MessageInflater&) = delete;

  // Inflates from the front of `in`, which it shortens, to `out`; returns how much it made. Call it
  // until `in` is empty and `out` did not come back full. `last`: the message ends with `in`; call
  // it then until done(), also with an empty `in`. Failures, which are final: ClientBad
  // ("coding_broken"), BodyTooLarge ("coding_bomb"), Overloaded ("decode_memory_full").
  [[nodiscard]] Result<std::size_t> inflate(ByteView& in, ByteSpan out, bool last);
  // The message that had its `last` call is out as a whole. The next call begins another.
  [[nodiscard]] bool done() const noexcept { return done_; }

 private:
  [[nodiscard]] Result<> begin();
  [[nodiscard]] Result<std::size_t> step(ByteView& in, ByteSpan out);

  DecodeHeap heap_;
  const bool keeps_context_;
  const Bomb bomb_;
  std::unique_ptr<z_stream_s> stream_;  // null: not begun
  std::size_t tail_ = 0;                // bytes of the message's left-out end that were put in
  bool done_ = true;
  bool at_block_ = true;  // between two blocks
  std::uint64_t in_ = 0;  // of the message
  std::uint64_t out_ = 0;
};

// Makes it, piece by piece: each piece can be read as soon as it is there.
class MessageDeflater {
 public:
  static constexpr int kLeastBits = 9;  // zlib has no smaller window for raw deflate
  // A window of 4 KiB takes an eighth of the largest one's memory, and text hardly more bytes.
  static constexpr int kMostBits = 12;

  // `space` outlives it. `window_bits`: the most that was agreed on, 8 to 15.
  MessageDeflater(DecodeSpace& space, bool keeps_context, int window_bits);
  ~MessageDeflater();
  MessageDeflater(const MessageDeflater&) = delete;
  MessageDeflater& operator=(const MessageDeflater&) = delete;

  // Before a message's first piece. False: there is no memory, or no window that small: the message
  // goes as it is, which is allowed (RFC 7692 section 6).
  [[nodiscard]] bool begin();
  // The next piece, appended to `out`. `last`: it is the message's last one.
  void deflate(ByteView piece, bool last, Bytes& out);

 private:
  DecodeHeap heap_;
  const bool keeps_context_;
  const int window_bits_;
  std::unique_ptr<z_stream_s> stream_;  // null: not begun
};

}  // namespace bottle
