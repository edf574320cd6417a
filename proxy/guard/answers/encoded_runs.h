#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// Takes texts that were decoded.
class DecodedSink {
 public:
  virtual ~DecodedSink() = default;
  virtual void decoded(ByteView text) = 0;
};

// Finds long words of base64, base64url or hex digits in a text, in any split, also when they are
// broken into lines, and decodes those that decode to text. Memory: kMaxRun bytes; a longer run
// is read in parts. In a text without runs it looks at about every kMinRun-th byte.
class EncodedRuns {
 public:
  static constexpr std::size_t kMinRun = 24;
  static constexpr std::size_t kMaxRun = 4096;

  // `sink` outlives it.
  explicit EncodedRuns(DecodedSink& sink) : sink_(sink) {}
  void feed(ByteView in);
  void flush();

 private:
  void take(ByteView in);
  void start(ByteView run);
  void end_run();

  DecodedSink& sink_;
  Bytes run_;            // a word, or what may become one
  std::size_t gap_ = 0;  // bytes behind it that may be a line's end
  bool long_ = false;    // it has kMinRun characters without a gap
};

}  // namespace bottle
