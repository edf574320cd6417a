#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// A text, and the one of the same length that takes its place. Keeps views: their owner outlives
// it and every TextSwap of it.
class SwapPair {
 public:
  // `from` is not empty, `to` has its size.
  SwapPair(ByteView from, ByteView to);
  [[nodiscard]] ByteView from() const noexcept { return from_; }
  [[nodiscard]] ByteView to() const noexcept { return to_; }

 private:
  friend class TextSwap;
  ByteView from_;
  ByteView to_;
  // How long the longest proper beginning of the first i + 1 bytes is that is also their end.
  std::vector<std::uint32_t> borders_;
};

// Replaces a text in a stream of pieces, wherever it is cut. What may be its beginning is held
// back until the next bytes tell; nothing else is. Linear in the stream's size, whatever it holds.
class TextSwap {
 public:
  explicit TextSwap(const SwapPair& pair) : pair_(&pair) {}
  // Appends to `out` what is certain now.
  void feed(ByteView in, Bytes& out);
  // The stream has ended: what was held back is no such text.
  void finish(Bytes& out);

 private:
  const SwapPair* pair_;
  std::size_t matched_ = 0;  // so many of the stream's last bytes begin the text; they are held
};

// Several of them, one after the other in the order given.
class TextSwaps {
 public:
  explicit TextSwaps(const std::vector<const SwapPair*>& pairs);
  [[nodiscard]] Bytes feed(Bytes piece);
  [[nodiscard]] Bytes finish();

 private:
  std::vector<TextSwap> stages_;
};

// A text that is there as a whole. True if something was replaced.
bool swap_in(Bytes& text, const std::vector<const SwapPair*>& pairs);

}  // namespace bottle
