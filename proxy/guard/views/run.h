#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/guard/views/base64_lanes.h"
#include "proxy/guard/views/digit_lane.h"

namespace bottle {

// Reads the characters of one run after another, however they were broken up in the parent, as
// base64, base32 and hex at the same time.
class Run {
 public:
  explicit Run(ViewSink& sink);

  // `word`: the characters come in words of so many each; 0: in one word, or in long ones.
  void begin(std::uint64_t at, std::size_t word);
  // A further long word begins: it may be base64 of its own. `known`: read it as such in any case;
  // else only if it begins as a compressed stream.
  void next_word(bool known);
  // The next characters; the parent is read up to `end` with them.
  void add(const char* chars, std::size_t size, std::uint64_t end);
  // All that was added goes to the sink as far as it can be decoded.
  void hand_out();
  void finish();
  [[nodiscard]] bool is_open() const noexcept { return open_; }

 private:
  static constexpr std::size_t kStage = 2048;
  // Base64 that begins behind a path's or a name's last word is found by what it begins with, if it
  // begins among so many characters.
  static constexpr std::size_t kGlued = 68;

  void watch_beginning(const char* chars, std::size_t size, std::uint64_t end);
  void stage(const char* chars, std::size_t size, std::uint64_t end);
  void read(const char* chars, std::size_t size);

  Base64Lanes base64_;
  DigitLane upper_base32_;
  DigitLane lower_base32_;
  DigitLane hex_;
  DigitLane hex_words_;  // words of a little-endian machine
  bool open_ = false;
  bool has_words_ = false;
  std::uint64_t end_ = 0;
  std::size_t watched_ = 0;   // characters of the beginning that were looked at
  std::uint64_t recent_ = 0;  // the last of them, eight bits each
  std::size_t staged_ = 0;
  std::array<char, kStage> stage_;
};

}  // namespace bottle
