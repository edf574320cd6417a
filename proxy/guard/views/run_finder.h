#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/guard/views/view.h"

namespace bottle {

// Finds what looks encoded in a text, in any split, and hands the decoded bytes to a sink piece by
// piece while the run goes on. The children's bytes do not depend on how the text was cut (where
// their pieces are cut does), unless they were cut off: all children of a text together have at
// most 3 bytes for each byte that was fed (BoundedSink), and mostly less than one. Memory is fixed
// (about 10 KiB), work linear.
//
// A run is
//  - an unbroken word of kMinWord characters of base64 and base64url, or
//  - words of one length, whatever stands between them (up to kMaxGap bytes: line breaks, quotes,
//    commas, "> ", \x, colons), with kMinJoined characters in all; the last word may be shorter,
//    and the first one of two long lines too.
// Its characters are read as base64 (in each alignment that decodes to text, and in those that the
// beginnings of its first two words give), as base32 and as hex, as far as they may be it. Lists of
// byte values, dumps with offsets, quoted-printable and uuencode have readers of their own.
// Text that holds none of it is passed a block at a time: with AVX2, prose at about a twelfth of
// memchr's speed (0.9 GB/s on a busy core), code with its long names and paths at half of that.
class RunFinder {
 public:
  static constexpr std::size_t kSlots = 14;  // ViewSpec::slot is below it
  static constexpr std::size_t kMinWord = 20;
  static constexpr std::size_t kMinJoined = 24;
  static constexpr std::size_t kMaxGap = 32;

  // How text without runs is read; the finds are the same.
  enum class Reading : std::uint8_t {
    Fast,      // passed a block at a time, with what this CPU has
    Portable,  // the same with what every CPU has
    Exact,     // word by word: the reference for tests
  };

  // `sink` outlives it.
  explicit RunFinder(ViewSink& sink, Reading reading = Reading::Fast);
  ~RunFinder();
  RunFinder(const RunFinder&) = delete;
  RunFinder& operator=(const RunFinder&) = delete;

  void feed(ByteView in);
  // The text ended: open children get their last piece. The next feed() begins another text.
  void flush();
  // No run is open.
  [[nodiscard]] bool idle() const noexcept;
  // Bytes of a child were cut off, in any of the texts so far.
  [[nodiscard]] bool has_cut_off() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bottle
