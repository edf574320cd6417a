#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/guard/views/child.h"

namespace bottle {

// An alphabet whose characters are some bits each.
struct DigitAlphabet {
  static constexpr std::uint8_t kForeign = 0xff;  // no such character: the digits end here
  static constexpr std::uint8_t kSkipped = 0xfe;  // stands between digits
  static constexpr std::uint8_t kPrefix = 0xfd;   // the x of 0x: a zero before it is no digit

  Coded coded;
  unsigned bits;        // of one digit
  unsigned alignments;  // digits after which a byte ends with a digit again
  std::array<std::uint8_t, 256> values;
  // For each low half of a character that is not foreign, a bit for each high half.
  std::array<std::uint8_t, 16> rows;
};
extern const DigitAlphabet kHexAlphabet;
extern const DigitAlphabet kUpperBase32;
extern const DigitAlphabet kLowerBase32;

// Finds the digits of one alphabet in a run's characters, kLeast of them without a foreign one
// between, and decodes them. Characters glued before them may belong to the alphabet, too: of all
// alignments the one is taken in which the first digits decode to the most text.
class DigitLane {
 public:
  static constexpr std::size_t kLeast = 24;
  static constexpr std::size_t kMaxDumpWord = 8;

  // `alphabet` and `sink` outlive it.
  DigitLane(ViewSink& sink, const DigitAlphabet& alphabet, std::uint8_t slot)
      : alphabet_(alphabet), child_(sink, alphabet.coded, slot) {}

  // A run begins there in the parent. `word`: give the bytes of each so many reversed, as dumps of
  // little-endian words have them; 1: as they come.
  void begin(std::uint64_t at, std::size_t word);
  void read(const char* chars, std::size_t size, std::uint64_t end);
  void finish(std::uint64_t end) { end_digits(end); }

 private:
  static constexpr std::size_t kHead = 64;  // characters that decide about the alignment
  static constexpr std::size_t kOut = 512;
  static constexpr std::size_t kLooks = 4;  // characters looked at together

  // The state of decoding.
  struct Bits {
    std::uint32_t bits = 0;
    unsigned count = 0;  // of bits that are no byte yet
    unsigned skip = 0;   // digits to leave out
  };

  [[nodiscard]] bool is_foreign(char c) const noexcept {
    return alphabet_.values[static_cast<unsigned char>(c)] == DigitAlphabet::kForeign;
  }
  // Of kLooks characters one, at least.
  [[nodiscard]] bool has_foreign(const char* chars) const noexcept;
  [[nodiscard]] std::uint64_t digit_mask(const char* chars) const;
  [[nodiscard]] bool skip_blocks(const char* chars, std::size_t& from, std::size_t size) const;
  [[nodiscard]] std::size_t skip_foreign(const char* chars, std::size_t from,
                                         std::size_t size) const;
  void take(const char* chars, std::size_t size, std::uint64_t end);
  [[nodiscard]] unsigned likely_alignments() const;
  void open(std::uint64_t end);
  void end_digits(std::uint64_t end);
  char* decode(Bits& state, const char* chars, std::size_t size, char* to) const;
  void decode_out(const char* chars, std::size_t size, std::uint64_t end);
  void give(ByteView bytes, std::uint64_t end);

  const DigitAlphabet& alphabet_;
  Child child_;
  std::uint64_t begin_ = 0;
  std::size_t word_ = 1;
  bool open_ = false;
  Bits state_;
  std::size_t head_size_ = 0;
  std::array<char, kHead> head_;
  std::size_t word_size_ = 0;
  std::array<char, kMaxDumpWord> word_bytes_;
};

}  // namespace bottle
