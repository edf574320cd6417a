#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/guard/views/child.h"

namespace bottle {

// Undoes quoted-printable (RFC 2045 section 6.7) around the places that look like it: a soft line
// break behind a word, or an escape of a character that tokens have (=5F). The bytes before such a
// place belong to the child text, and so do those behind it until there was no escape for a while.
class QuotedPrintable {
 public:
  static constexpr std::size_t kBefore = 128;
  static constexpr std::size_t kBehind = 256;

  QuotedPrintable(ViewSink& sink, std::uint8_t slot) : child_(sink, Coded::QuotedPrintable, slot) {}

  // May "=" and what follows, as far as it is there, begin a text?
  [[nodiscard]] static bool may_begin(ByteView text) noexcept;

  // A "=" is at `at`. `before`: up to kBefore bytes that stand in front of it.
  void begin(ByteView before, std::uint64_t at);
  // The next bytes, from `at` on.
  void read(ByteView in, std::uint64_t at);
  void finish(std::uint64_t end);
  // Positions count from the beginning of another text.
  void begin_text() noexcept { read_to_ = 0; }
  // Looks at the bytes; begin() is not needed.
  [[nodiscard]] bool is_reading() const noexcept { return reading_; }
  // It was reading up to here.
  [[nodiscard]] std::uint64_t read_to() const noexcept { return read_to_; }

 private:
  static constexpr std::size_t kMostHeld = 3;  // "=\r\n", "=5F"

  void decode(ByteView in, std::uint64_t end);
  bool decode_held(Bytes& out);

  Child child_;
  bool reading_ = false;
  bool sure_ = false;  // the escape that it began with is one
  std::uint64_t begin_ = 0;
  std::uint64_t read_to_ = 0;
  std::size_t plain_ = 0;  // bytes since the last escape
  std::size_t held_size_ = 0;
  std::array<char, kMostHeld> held_;
  Bytes before_;          // the text before a run, and of its first escape the bytes so far
  std::size_t lead_ = 0;  // bytes of `before_` that are text
  Bytes out_;
};

}  // namespace bottle
