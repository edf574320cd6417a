#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/guard/views/child.h"

namespace bottle {

// Decodes uuencode: a line "begin 644 name", and lines of a length and its characters.
class Uuencode {
 public:
  Uuencode(ViewSink& sink, std::uint8_t slot) : child_(sink, Coded::Uuencode, slot) {}

  // A line began with "begin" there.
  void begin(std::uint64_t at);
  // The next bytes, from `at` on.
  void read(ByteView in, std::uint64_t at);
  void finish(std::uint64_t end);
  [[nodiscard]] bool is_reading() const noexcept { return place_ != Place::Outside; }

 private:
  enum class Place : std::uint8_t { Outside, Header, Length, Line, LineEnd };

  bool step(char c);
  bool header(char c);

  Child child_;
  Place place_ = Place::Outside;
  std::uint64_t begin_ = 0;
  std::size_t header_size_ = 0;
  std::size_t left_ = 0;  // bytes of the line that are still to come
  std::size_t quad_size_ = 0;
  std::array<std::uint8_t, 4> quad_;
  Bytes out_;
};

}  // namespace bottle
