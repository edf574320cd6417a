#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "certs/digest.h"
#include "proxy/base/bytes.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

namespace bottle {

// Stands for a text: 128 bits of SHA-256 under a key of this process. A party that does not know
// the key can neither make two texts with one mark nor recognise a text by its mark.
struct TextMark {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const TextMark&) const = default;
};

// Remembers which texts are no news to a destination: those that the scanner passed to it, and
// those that it sent itself (docs/what-pipelock-sees.md). Holds marks, never texts. One for the
// whole process, shared by fronts and exit; thread-safe. Memory is fixed: kBytes, half for each
// kind, taken page by page as it fills. A full part forgets the oldest of the marks that share a
// place with the new one.
class KnownText {
 public:
  enum class Kind : std::uint8_t {
    Passed,    // the scanner passed it to this destination
    Said,      // this destination sent it
    Answered,  // the scanner passed it in an answer of this destination's
  };
  static constexpr std::size_t kBytes = std::size_t{4} << 20;
  // A shorter text is not remembered: it says too little to be worth a mark.
  static constexpr std::size_t kShortest = 64;

  // Makes the marks of one destination and kind useless for others.
  struct Place {
    TextMark passed;
    TextMark said;
    TextMark answered;
  };

  KnownText();
  KnownText(const KnownText&) = delete;
  KnownText& operator=(const KnownText&) = delete;

  [[nodiscard]] Place place_of(const Destination& destination, Scheme scheme) const;
  [[nodiscard]] TextMark mark_of(ByteView text) const;
  // The same of a text that comes in pieces: begin(), updates, mark().
  [[nodiscard]] Sha256 begin() const;
  [[nodiscard]] static TextMark mark(Sha256& text);

  // Of any destination: a look that would be in vain need not be made.
  [[nodiscard]] bool has_any(Kind kind);
  [[nodiscard]] bool has(Kind kind, const Place& place, TextMark mark);
  void add_said(const Place& place, std::span<const TextMark> marks);
  // `kind`: Passed or Answered. `epoch`: of the scanner that passed them. Of another than the
  // present one they are dropped.
  void add_passed(std::uint64_t epoch, Kind kind, const Place& place,
                  std::span<const TextMark> marks);

  // The key and what was passed, for restore() in another process. Holds no text.
  [[nodiscard]] Bytes save();
  // Before any mark is made. False: they are not the bytes of save().
  [[nodiscard]] bool restore(ByteView saved);

  // Counts the scanner's lives: a text that an earlier one passed may not pass the present one.
  [[nodiscard]] std::uint64_t epoch();
  // The scanner is another one than before: nothing counts as passed any more.
  void begin_epoch();

 private:
  // Marks that share a place, the one that was used last in front. A free entry is zero.
  static constexpr std::size_t kWays = 8;
  using Set = std::array<TextMark, kWays>;

  [[nodiscard]] static TextMark in_place(Kind kind, const Place& place, TextMark mark) noexcept;
  [[nodiscard]] std::vector<Set>& table_of(Kind kind) noexcept;
  void add(Kind kind, const Place& place, std::span<const TextMark> marks);

  std::array<char, 64> key_{};  // one block of SHA-256
  std::mutex mutex_;
  std::uint64_t epoch_ = 1;
  std::vector<Set> passed_;  // in both directions; empty until something is added
  std::vector<Set> said_;    // the same
};

// Texts that the scanner is being shown, until it has passed them.
struct PassedTexts {
  KnownText* known = nullptr;  // outlives it; null: nothing is remembered
  std::uint64_t epoch = 0;
  KnownText::Kind kind = KnownText::Kind::Passed;
  KnownText::Place place = {};
  std::vector<TextMark> marks = {};

  // The scanner has passed them.
  void remember() const {
    if (known != nullptr && !marks.empty()) known->add_passed(epoch, kind, place, marks);
  }
};

}  // namespace bottle
