#include "proxy/guard/views/quiet_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "proxy/contract/hex_digit.h"
#include "proxy/guard/views/dump_lines.h"
#include "proxy/guard/views/number_list.h"
#include "proxy/guard/views/quoted_printable.h"
#include "proxy/guard/views/run_finder.h"
#include "proxy/guard/views/text_classes.h"
#include "proxy/guard/views/word_mask.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// A part of a function that is compiled for several CPUs.
#define BOTTLE_FOR_EACH_CPU __attribute__((always_inline)) inline

namespace bottle {
namespace {

using Place = std::int64_t;  // of a piece; what is before it is negative

constexpr std::uint64_t kAll = ~std::uint64_t{0};

BOTTLE_FOR_EACH_CPU std::uint64_t bit(std::uint64_t mask, unsigned at) { return mask >> at & 1; }
BOTTLE_FOR_EACH_CPU unsigned lowest(std::uint64_t mask) {
  return static_cast<unsigned>(__builtin_ctzll(mask));
}
BOTTLE_FOR_EACH_CPU unsigned highest(std::uint64_t mask) {
  return 63 - static_cast<unsigned>(__builtin_clzll(mask));
}
BOTTLE_FOR_EACH_CPU std::size_t count(std::uint64_t mask) {
  return static_cast<std::size_t>(__builtin_popcountll(mask));
}

// The bits at which so many ones follow each other.
BOTTLE_FOR_EACH_CPU std::uint64_t six_ones(std::uint64_t mask) {
  mask &= mask >> 1;
  mask &= mask >> 2;
  return mask & mask >> 2;
}
BOTTLE_FOR_EACH_CPU std::uint64_t twenty_ones(std::uint64_t mask) {
  mask &= mask >> 1;
  mask &= mask >> 2;
  mask &= mask >> 4;
  mask &= mask >> 8;
  return mask & mask >> 4;
}
static_assert(DumpLines::kLeastOffset == 6 && RunFinder::kMinWord == 20);

// Whether a word that begins at `at` is a dump's offset. Also if the piece does not tell.
bool may_be_offset(ByteView in, Place at) {
  if (at < 1) return true;
  const ByteView word = in.substr(static_cast<std::size_t>(at));
  std::size_t size = 0;
  while (size < word.size() && hex_digit(word[size]) != kNoDigit) ++size;
  if (size == word.size()) return true;
  return size >= DumpLines::kLeastOffset && size <= DumpLines::kMostOffset &&
         DumpLines::may_be_offset(in[static_cast<std::size_t>(at) - 1], word.front(), word[size]);
}

bool may_be_uuencode(ByteView in, Place at) {
  static constexpr ByteView kBegin = "begin";
  const ByteView word = in.substr(static_cast<std::size_t>(at), kBegin.size() + 1);
  if (word.size() <= kBegin.size()) return true;
  return word.starts_with(kBegin) && !kWordChars[static_cast<unsigned char>(word.back())];
}

// Where a finder could begin without a state: none of the words of one length, or of the numbers,
// that are there began before it.
struct Clean {
  Place words = -1;  // where the words of one length begin
  Place list = -1;   // the character before is none of a list
};

template <class Classes>
class Passer {
 public:
  BOTTLE_FOR_EACH_CPU Passer(ByteView in, std::size_t from, const QuietState& state)
      : in_(in),
        from_(static_cast<Place>(from)),
        in_word_(state.open > 0 ? 1 : 0),
        word_begin_(from_ - static_cast<Place>(state.open)),
        size_(static_cast<Place>(state.size)),
        joined_(static_cast<Place>(state.joined)),
        numbers_(state.numbers),
        hex_before_(state.open > 0 ? 1 : 0) {}

  BOTTLE_FOR_EACH_CPU QuietText pass() {
    const auto size = static_cast<Place>(in_.size());
    for (at_ = from_; at_ + static_cast<Place>(kBlockBytes) <= size; at_ += kBlockBytes) {
      const Clean before = clean_;
      if (!block_is_quiet(Classes::of(in_.data() + at_))) {
        return {.resume = resume(before), .end = static_cast<std::size_t>(at_) + kBlockBytes};
      }
    }
    return {.resume = resume(clean_), .end = static_cast<std::size_t>(at_)};
  }

 private:
  BOTTLE_FOR_EACH_CPU bool block_is_quiet(const TextClasses& block) {
    const std::uint64_t words = block.words;
    if ((words | in_word_) == 0) {
      // Words behind so wide a gap belong to nothing before it.
      static_assert(kBlockBytes > RunFinder::kMaxGap);
      clean_.words = clean_.list = at_ + static_cast<Place>(kBlockBytes);
      size_ = joined_ = 0;
      numbers_ = 0;
      hex_before_ = 0;
      return true;
    }
    const std::uint64_t shifted = words << 1 | in_word_;
    const std::uint64_t begins = words & ~shifted;
    const std::uint64_t ends = ~words & shifted;
    if (twenty_ones(words) != 0) return false;
    if (in_word_ != 0) {
      const unsigned end = lowest(~words);
      if (at_ + end - word_begin_ >= static_cast<Place>(RunFinder::kMinWord)) return false;
      const std::uint64_t first = (std::uint64_t{1} << end) - 1;
      const bool all_hex = hex_before_ != 0 && (block.hex & first) == first;
      if (all_hex && may_be_offset(in_, word_begin_)) return false;
    }
    std::uint64_t odd = begins & (six_ones(block.hex) | block.begins);
    odd |= ends & block.equals;
    if (odd != 0 && has_beginning(odd, block)) return false;
    if (!numbers_are_few(begins & block.digits, words & ~block.digits)) return false;
    const bool goes_on = in_word_ != 0;
    in_word_ = bit(words, 63);
    hex_before_ = bit(block.hex, 63);
    return words_are_few(begins, ends, goes_on);
  }

  // `odd`: where a dump, quoted-printable or uuencode may begin.
  bool has_beginning(std::uint64_t odd, const TextClasses& block) const {
    for (; odd != 0; odd &= odd - 1) {
      const unsigned i = lowest(odd);
      const Place place = at_ + i;
      if (bit(block.equals, i) != 0) {
        const ByteView escape = in_.substr(static_cast<std::size_t>(place), 3);
        if (QuotedPrintable::may_begin(escape)) return true;
        continue;
      }
      if (bit(block.begins, i) != 0 && may_be_uuencode(in_, place)) return true;
      if (bit(block.hex, i) != 0 && may_be_offset(in_, place)) return true;
    }
    return false;
  }

  // `numbers`: where words begin with a digit. `others`: what ends a list.
  BOTTLE_FOR_EACH_CPU bool numbers_are_few(std::uint64_t numbers, std::uint64_t others) {
    std::uint64_t behind = numbers;
    std::size_t most = numbers_ + count(numbers);
    if (others != 0) {
      const unsigned last = highest(others);
      clean_.list = at_ + last + 1;
      behind = numbers & (kAll << last);
      numbers_ = 0;
    } else if (numbers == 0) {
      // The block holds a wide gap, and no more than the last digits of a number.
      static_assert(kBlockBytes > RunFinder::kMaxGap + RunFinder::kMinWord);
      clean_.list = at_ + static_cast<Place>(kBlockBytes);
      numbers_ = 0;
    }
    numbers_ += count(behind);
    return most < NumberList::kLeast;
  }

  // Adds up the words of one length that follow each other. `goes_on`: a word from before does.
  BOTTLE_FOR_EACH_CPU bool words_are_few(std::uint64_t begins, std::uint64_t ends, bool goes_on) {
    static constexpr std::uint64_t kLast = std::uint64_t{1} << 63;
    Place begin = word_begin_;
    // Where no word begins any more, the place is not used.
    const auto next_begin = [&] {
      begin = at_ + lowest(begins | kLast);
      begins &= begins - 1;
    };
    if (!goes_on) next_begin();
    Place most = 0;
    Place size = size_;
    Place joined = joined_;
    Place first = clean_.words;
    for (; ends != 0; ends &= ends - 1) {
      const Place last = size;
      size = at_ + lowest(ends) - begin;
      first = size == last ? first : begin;
      joined = (size == last ? joined : 0) + size;
      most = std::max(most, joined);
      next_begin();
    }
    word_begin_ = begin;
    size_ = size;
    joined_ = joined;
    clean_.words = first;
    return most < static_cast<Place>(RunFinder::kMinJoined);
  }

  BOTTLE_FOR_EACH_CPU std::size_t resume(const Clean& clean) const {
    Place place = clean.list;
    // Digits behind a letter are no number.
    const auto is_word = [this](Place i) {
      return kWordChars[static_cast<unsigned char>(in_[static_cast<std::size_t>(i)])];
    };
    if (place > 0 && is_word(place - 1)) {
      while (place < static_cast<Place>(in_.size()) && is_word(place)) ++place;
    }
    return static_cast<std::size_t>(std::max(from_, std::min(place, clean.words)));
  }

  const ByteView in_;
  const Place from_;
  Place at_ = 0;
  std::uint64_t in_word_;  // 1: a word goes on
  Place word_begin_;       // of that word
  Place size_;             // of the last word that is complete
  Place joined_;
  std::size_t numbers_;
  std::uint64_t hex_before_;  // 1: the last byte is a hex digit
  Clean clean_;
};

constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned i = 0; i < 128; ++i) table[i] = kHighRows[i >> 4] & kLowRows[i & 15];
  return table;
}();

constexpr bool begins_line(char before) { return before == '\n' || before == '"'; }

struct PortableClasses {
  static TextClasses of(const char* block) {
    TextClasses found;
    for (unsigned i = 0; i < kBlockBytes; ++i) {
      const std::uint64_t classes = kClasses[static_cast<unsigned char>(block[i])];
      found.words |= std::uint64_t{(classes & kWordClasses) != 0} << i;
      found.digits |= std::uint64_t{(classes & kDigitClass) != 0} << i;
      found.hex |= std::uint64_t{(classes & kHexClasses) != 0} << i;
      found.equals |= std::uint64_t{(classes & kEqualsClass) != 0} << i;
      found.begins |= std::uint64_t{block[i] == 'b' && begins_line(*(block + i - 1))} << i;
    }
    return found;
  }
};

QuietText pass_portably(ByteView in, std::size_t from, const QuietState& state) {
  return Passer<PortableClasses>(in, from, state).pass();
}

#if defined(__x86_64__)
#define BOTTLE_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))

struct Avx2Classes {
  BOTTLE_AVX2 static std::uint64_t bits(__m256i low, __m256i high) {
    return std::uint64_t{static_cast<unsigned>(_mm256_movemask_epi8(low))} |
           std::uint64_t{static_cast<unsigned>(_mm256_movemask_epi8(high))} << 32;
  }
  BOTTLE_AVX2 static std::uint64_t any_of(__m256i low, __m256i high, unsigned classes) {
    const __m256i wanted = _mm256_set1_epi8(static_cast<char>(classes));
    const __m256i zero = _mm256_setzero_si256();
    return ~bits(_mm256_cmpeq_epi8(_mm256_and_si256(low, wanted), zero),
                 _mm256_cmpeq_epi8(_mm256_and_si256(high, wanted), zero));
  }
  BOTTLE_AVX2 static __m256i rows(const std::array<std::uint8_t, 16>& table) {
    return _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
  }
  BOTTLE_AVX2 static __m256i load(const char* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  BOTTLE_AVX2 static __m256i classes(__m256i bytes) {
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
    // The shuffle gives zero for bytes from 0x80 on.
    return _mm256_and_si256(_mm256_shuffle_epi8(rows(kLowRows), bytes),
                            _mm256_shuffle_epi8(rows(kHighRows), high));
  }
  BOTTLE_AVX2 static __m256i begins(__m256i bytes, const char* block) {
    const __m256i before = load(block - 1);
    const __m256i line = _mm256_or_si256(_mm256_cmpeq_epi8(before, _mm256_set1_epi8('\n')),
                                         _mm256_cmpeq_epi8(before, _mm256_set1_epi8('"')));
    return _mm256_and_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('b')), line);
  }
  BOTTLE_AVX2 static TextClasses of(const char* block) {
    const __m256i low_bytes = load(block);
    const __m256i high_bytes = load(block + 32);
    const __m256i low = classes(low_bytes);
    const __m256i high = classes(high_bytes);
    static_assert(kDigitClass << 7 == 0x80 && kEqualsClass << 1 == 0x80);
    return {.words = any_of(low, high, kWordClasses),
            .digits = bits(_mm256_slli_epi16(low, 7), _mm256_slli_epi16(high, 7)),
            .hex = any_of(low, high, kHexClasses),
            .equals = bits(_mm256_slli_epi16(low, 1), _mm256_slli_epi16(high, 1)),
            .begins = bits(begins(low_bytes, block), begins(high_bytes, block + 32))};
  }
};

BOTTLE_AVX2 QuietText pass_with_avx2(ByteView in, std::size_t from, const QuietState& state) {
  return Passer<Avx2Classes>(in, from, state).pass();
}
#endif

}  // namespace

PassQuietText pass_quiet_text(Kernel kernel) noexcept {
#if defined(__x86_64__)
  static const bool has_all = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                              __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") &&
                              __builtin_cpu_supports("popcnt");
  if (has_all && kernel == Kernel::Best) return pass_with_avx2;
#endif
  return pass_portably;
}

}  // namespace bottle
