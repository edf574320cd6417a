#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/guard/literal_set.h"
#include "proxy/guard/matcher.h"
#include "proxy/guard/views/escape_view.h"
#include "proxy/guard/views/fold.h"

namespace bottle {

// A text in one of its forms: the matchers' state, and the last bytes of it.
struct TextLayer {
  static constexpr std::size_t kTail = 2048;

  TextLayer(const MatchDatabase& database, MatchScratch& scratch) : shapes(database, scratch) {}

  // A text begins.
  void reset();
  // Goes on from where `other` is: up to here it is the same text.
  void copy(const TextLayer& other);
  // `block` was looked at.
  void keep();
  [[nodiscard]] std::uint64_t end() const noexcept { return at + block.size(); }
  // The bytes around an end, from at most kTail before to `behind` after, as far as they are there;
  // where they begin. They live until the next call.
  [[nodiscard]] std::pair<ByteView, std::uint64_t> around(std::uint64_t end, std::size_t behind);

  bool open = false;
  MatchStream shapes;
  LiteralStream literals;
  EscapeView escapes;  // to the next layer
  Fold fold;           // to the folded layer
  bool folds = false;  // this layer is made with `fold` of the one before, not with its `escapes`
  bool ended = false;  // the decoder to the next layer was flushed
  TextLayer* from = nullptr;
  Bytes decoded;          // for the next layer
  std::size_t plain = 0;  // bytes since it last was another text than the one before
  std::uint64_t at = 0;   // where `block` begins
  ByteView block;         // is being looked at
  Bytes tail;             // the text before it

 private:
  Bytes joined_;
};

// The bytes of `from` that [begin, end) of `layer`, which was made from it, came from.
[[nodiscard]] std::pair<std::uint64_t, std::uint64_t> source_of(const TextLayer& layer,
                                                                std::uint64_t begin,
                                                                std::uint64_t end);

}  // namespace bottle
