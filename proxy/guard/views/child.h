#pragma once

#include <cstdint>

#include "proxy/guard/views/view.h"

namespace bottle {

// One slot of a sink: marks the first and the last piece of each child text.
class Child {
 public:
  // `sink` outlives it.
  Child(ViewSink& sink, Coded coded, std::uint8_t slot) : sink_(sink), coded_(coded), slot_(slot) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] bool is_open() const noexcept { return open_; }
  // Opens the text if it is not: it began at `begin` of the parent. `end`: how far that is read.
  void give(ByteView text, std::uint64_t begin, std::uint64_t end) {
    if (text.empty()) return;
    if (!open_) begin_ = begin;
    hand_out(text, end, false);
    open_ = true;
  }
  void close(std::uint64_t end) {
    if (!open_) return;
    hand_out({}, end, true);
    open_ = false;
  }

 private:
  void hand_out(ByteView text, std::uint64_t end, bool last) {
    sink_.view(text, {.begin = begin_,
                      .end = end,
                      .coded = coded_,
                      .slot = slot_,
                      .first = !open_,
                      .last = last});
  }

  ViewSink& sink_;
  const Coded coded_;
  const std::uint8_t slot_;
  bool open_ = false;
  std::uint64_t begin_ = 0;
};

}  // namespace bottle
