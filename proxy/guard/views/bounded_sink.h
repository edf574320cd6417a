#pragma once

#include <algorithm>
#include <cstddef>

#include "proxy/guard/views/view.h"

namespace bottle {

// Hands pieces on as long as they are, together, at most kMostPerByte bytes for each byte that was
// read of their parent; what is more is cut off. Few texts come near it: most of their bytes would
// have to mean something in every encoding at once. The alignments of base64 that are guessed lose
// their pieces before the others do.
class BoundedSink final : public ViewSink {
 public:
  static constexpr std::size_t kMostPerByte = 3;

  // `sink` outlives it. Slots below `first_guess` or beyond `last_guess` are not guessed.
  BoundedSink(ViewSink& sink, std::uint8_t first_guess, std::uint8_t last_guess)
      : sink_(sink), first_guess_(first_guess), last_guess_(last_guess) {}

  void read(std::size_t bytes) noexcept { room_ += kMostPerByte * bytes; }
  void begin_text() noexcept { room_ = 0; }
  [[nodiscard]] bool has_cut_off() const noexcept { return has_cut_off_; }

  void view(ByteView text, ViewSpec where) override {
    const bool guess = where.slot >= first_guess_ && where.slot <= last_guess_;
    const std::size_t kept = guess ? std::min(room_ / 4, kMostKept) : 0;
    const ByteView given = text.substr(0, room_ - kept);
    room_ -= given.size();
    has_cut_off_ |= given.size() < text.size();
    if (!given.empty() || where.first || where.last) sink_.view(given, where);
  }

 private:
  // A guess leaves so much for the others. A run is read in pieces that need less.
  static constexpr std::size_t kMostKept = 8192;

  ViewSink& sink_;
  const std::uint8_t first_guess_;
  const std::uint8_t last_guess_;
  std::size_t room_ = 0;
  bool has_cut_off_ = false;
};

}  // namespace bottle
