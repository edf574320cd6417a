#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// A text, and the one that takes its place. Keeps views: their owner outlives it and every
// TextSwaps of it.
class SwapPair {
 public:
  // `from` is not empty.
  SwapPair(ByteView from, ByteView to);
  [[nodiscard]] ByteView from() const noexcept { return from_; }
  [[nodiscard]] ByteView to() const noexcept { return to_; }

 private:
  friend class TextSwaps;
  ByteView from_;
  ByteView to_;
  // How long the longest proper beginning of the first i + 1 bytes is that is also their end.
  std::vector<std::uint32_t> borders_;
};

// Replaces texts in a stream of pieces, wherever it is cut, and holds the last bytes back until the
// next ones tell. Linear in the stream's size, whatever it holds. If every pair is of one length,
// each place where one of the texts stands is replaced, also where two overlap: those bytes are of
// the one that comes first in the order given. Else, of those that overlap, the one that begins
// first is replaced, and of those that begin together the first one in the order given; with
// Hold::Least alone.
class TextSwaps {
 public:
  enum class Hold : std::uint8_t {
    // All behind the last line's end, at most one byte less than the longest text has. So neither
    // the time nor the size of a piece tells anything of a text.
    Fixed,
    // No more than may begin one of the texts: for texts that everyone who sees the stream knows.
    Least,
  };
  TextSwaps(const std::vector<const SwapPair*>& pairs, Hold hold);
  // The bytes that are certain now. `parted` so many bytes before the end of `piece` no text can
  // go on (a message of a binary protocol ends there); more than it has: nowhere.
  [[nodiscard]] Bytes feed(ByteView piece, std::size_t parted = Bytes::npos);
  // The stream has ended: what was held back.
  [[nodiscard]] Bytes finish();

 private:
  struct Search {
    const SwapPair* pair;
    std::size_t matched;  // so many of the stream's last bytes begin the text
  };
  struct Match {
    std::size_t rank;  // of the text
    std::uint64_t begin;
  };
  void search(std::size_t rank, ByteView piece);
  [[nodiscard]] std::size_t certain(ByteView piece, std::size_t parted) const;
  [[nodiscard]] Bytes release(std::size_t size);
  // Over the bytes as they stand, of pairs of one length.
  void write_over(Bytes& out, std::uint64_t end) const;
  // ... and of others.
  [[nodiscard]] Bytes replaced(std::size_t size);

  const Hold hold_;
  std::size_t longest_ = 1;
  bool lines_ = true;       // no text has a line's end in it
  bool one_length_ = true;  // of each pair's texts
  std::vector<Search> searches_;
  std::vector<Match> matches_;  // with bytes that are held
  Bytes held_;
  std::uint64_t begin_ = 0;  // of what is held, in the stream
};

// A text that is there as a whole. True if something was replaced.
bool swap_in(Bytes& text, const std::vector<const SwapPair*>& pairs);

}  // namespace bottle
