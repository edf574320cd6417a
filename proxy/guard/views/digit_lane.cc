#include "proxy/guard/views/digit_lane.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "proxy/contract/hex_digit.h"
#include "proxy/guard/views/base64_units.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bottle {
namespace {

// Text has no more than one byte in so many that is binary.
constexpr std::size_t kTextShare = 6;

constexpr DigitAlphabet with_rows(DigitAlphabet made) {
  made.rows = {};
  for (unsigned c = 0; c < 128; ++c) {
    if (made.values[c] == DigitAlphabet::kForeign) continue;
    made.rows[c & 15] = static_cast<std::uint8_t>(made.rows[c & 15] | 1u << (c >> 4));
  }
  return made;
}

constexpr DigitAlphabet hex_alphabet() {
  DigitAlphabet made{
      .coded = Coded::Hex, .bits = 4, .alignments = 2, .values = kHexDigits, .rows = {}};
  made.values['-'] = DigitAlphabet::kSkipped;
  // U+0041
  made.values['U'] = made.values['+'] = DigitAlphabet::kSkipped;
  made.values['x'] = made.values['X'] = DigitAlphabet::kPrefix;
  return with_rows(made);
}

constexpr DigitAlphabet base32_alphabet(char first_letter) {
  DigitAlphabet made{.coded = Coded::Base32, .bits = 5, .alignments = 8, .values = {}, .rows = {}};
  made.values.fill(DigitAlphabet::kForeign);
  const auto letter = static_cast<unsigned char>(first_letter);
  for (unsigned i = 0; i < 26; ++i) made.values[letter + i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 2; i < 8; ++i) made.values['0' + i] = static_cast<std::uint8_t>(24 + i);
  return with_rows(made);
}

static_assert(DigitAlphabet::kForeign == kNoDigit);

// Decodes groups of digits that fill whole bytes, as long as nothing but digits comes; `waiting`
// bits are no byte yet. Returns how many characters that are.
template <unsigned kBits, std::size_t kGroup>
std::size_t decode_groups(const DigitAlphabet& alphabet, std::uint32_t& carried, unsigned waiting,
                          ByteView chars, char*& to) {
  static constexpr std::size_t kBytes = kGroup * kBits / 8;
  std::size_t i = 0;
  for (; i + kGroup <= chars.size(); i += kGroup) {
    std::uint64_t bits = carried;
    unsigned all = 0;
    for (std::size_t j = 0; j < kGroup; ++j) {
      const std::uint8_t value = alphabet.values[static_cast<unsigned char>(chars[i + j])];
      all |= value;
      bits = bits << kBits | value;
    }
    if (all >> kBits != 0) break;  // not all of them are digits
    for (std::size_t j = kBytes; j > 0; --j) {
      *to++ = static_cast<char>(bits >> (8 * (j - 1) + waiting));
    }
    carried = static_cast<std::uint32_t>(bits);
  }
  return i;
}

std::size_t count_binary(const char* from, const char* to) {
  return static_cast<std::size_t>(
      std::count_if(from, to, [](char c) { return !is_text(static_cast<unsigned char>(c)); }));
}

}  // namespace

constinit const DigitAlphabet kHexAlphabet = hex_alphabet();
constinit const DigitAlphabet kUpperBase32 = base32_alphabet('A');
constinit const DigitAlphabet kLowerBase32 = base32_alphabet('a');

void DigitLane::begin(std::uint64_t at, std::size_t word) {
  begin_ = at;
  word_ = word;
}

void DigitLane::read(const char* chars, std::size_t size, std::uint64_t end) {
  std::size_t i = 0;
  while (i < size) {
    if (head_size_ == 0 && !open_) i = skip_foreign(chars, i, size);
    std::size_t digits_end = i;
    while (digits_end + kLooks <= size && !has_foreign(chars + digits_end)) digits_end += kLooks;
    while (digits_end < size && !is_foreign(chars[digits_end])) ++digits_end;
    take(chars + i, digits_end - i, end);
    if (digits_end == size) return;
    end_digits(end);
    i = digits_end + 1;
  }
}

#if defined(__x86_64__)
// Bit i: chars[i] is not foreign. A character is of the alphabet if the bit of its high half is set
// in the row of its low half.
__attribute__((target("avx2"))) std::uint64_t DigitLane::digit_mask(const char* chars) const {
  const __m256i rows = _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(alphabet_.rows.data())));
  // The shuffle takes them by the high half: 1, 2, 4, to 128 for those of ASCII.
  const __m256i bits = _mm256_broadcastsi128_si256(
      _mm_set_epi64x(0, static_cast<long long>(0x8040'2010'0804'0201u)));
  const auto foreign = [&](const char* from) __attribute__((target("avx2"))) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
    const __m256i found =
        _mm256_and_si256(_mm256_shuffle_epi8(rows, bytes), _mm256_shuffle_epi8(bits, high));
    return static_cast<unsigned>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(found, _mm256_setzero_si256())));
  };
  return ~(std::uint64_t{foreign(chars)} | std::uint64_t{foreign(chars + 32)} << 32);
}
#endif

// The same as skip_foreign(), as far as whole blocks go. True: kLeast digits begin at `from`.
bool DigitLane::skip_blocks(const char* chars, std::size_t& from, std::size_t size) const {
#if defined(__x86_64__)
  static constexpr std::size_t kBlock = 64;
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  while (avx2 && from + kBlock <= size) {
    const std::uint64_t digits = digit_mask(chars + from);
    if (digits == ~std::uint64_t{0}) return true;
    // Where so many ones follow each other.
    static_assert(kLeast == 24);
    std::uint64_t begins = digits & digits >> 1;
    begins &= begins >> 2;
    begins &= begins >> 4;
    begins &= (begins >> 8) & (begins >> 16);
    if (begins != 0) {
      from += static_cast<std::size_t>(std::countr_zero(begins));
      return true;
    }
    from += kBlock - static_cast<std::size_t>(std::countl_one(digits));
  }
#endif
  return false;
}

// Where kLeast digits begin, or the digits at the end of the characters; too few of them may be
// before. Looks at a few of kLeast characters: where one is foreign, no run of digits goes over it.
std::size_t DigitLane::skip_foreign(const char* chars, std::size_t from, std::size_t size) const {
  if (skip_blocks(chars, from, size)) return from;
  while (from + kLeast <= size) {
    const std::size_t next = from + kLeast - kLooks;
    if (has_foreign(chars + next)) {
      from = next + 1;
      continue;
    }
    std::size_t i = next;
    while (i > from && !is_foreign(chars[i - 1])) --i;
    if (i == from) return from;
    from = i;
  }
  std::size_t i = size;
  while (i > from && !is_foreign(chars[i - 1])) --i;
  return i;
}

bool DigitLane::has_foreign(const char* chars) const noexcept {
  bool found = false;
  for (std::size_t i = 0; i < kLooks; ++i) found |= is_foreign(chars[i]);
  return found;
}

void DigitLane::take(const char* chars, std::size_t size, std::uint64_t end) {
  if (!open_) {
    const std::size_t more = std::min(size, kHead - head_size_);
    std::memcpy(head_.data() + head_size_, chars, more);
    head_size_ += more;
    chars += more;
    size -= more;
    if (head_size_ < kHead) return;
    open(end);
  }
  decode_out(chars, size, end);
}

// Which alignments may decode to text, a bit each: in the others the first bytes have more binary
// ones than all of the head could have. For alphabets with nothing between the digits.
unsigned DigitLane::likely_alignments() const {
  static constexpr unsigned kBytes = 8;
  __extension__ unsigned __int128 digits = 0;
  for (std::size_t i = 0; i < kLeast; ++i) {
    digits = digits << alphabet_.bits | alphabet_.values[static_cast<unsigned char>(head_[i])];
  }
  const std::size_t most = head_size_ * alphabet_.bits / 8 / kTextShare;
  unsigned likely = 0;
  for (unsigned skip = 0; skip < alphabet_.alignments; ++skip) {
    const auto left = static_cast<unsigned>(kLeast - skip) * alphabet_.bits;
    const auto bytes = static_cast<std::uint64_t>(digits >> (left - 8 * kBytes));
    std::size_t binary = 0;
    for (unsigned i = 0; i < kBytes; ++i) {
      binary += is_text(static_cast<unsigned char>(bytes >> (8 * i))) ? 0u : 1u;
    }
    likely |= (binary <= most ? 1u : 0u) << skip;
  }
  return likely;
}

void DigitLane::open(std::uint64_t end) {
  static_assert((kLeast - 7) * 5 >= 64);  // in the last alignment, too
  const unsigned likely = alphabet_.bits == 5 ? likely_alignments() : ~0u;
  unsigned best = 0;
  std::size_t least_binary = kHead + 1;
  // Digits that decode to binary bytes anyhow begin where they begin.
  for (unsigned skip = 0; skip < alphabet_.alignments && likely > 1; ++skip) {
    if (skip > 0 && (likely >> skip & 1) == 0) continue;
    std::array<char, kHead> bytes;
    Bits state{.skip = skip};
    const char* to = decode(state, head_.data(), head_size_, bytes.data());
    const std::size_t binary = count_binary(bytes.data(), to);
    const auto all = static_cast<std::size_t>(to - bytes.data());
    if (binary >= least_binary || (skip > 0 && binary * kTextShare > all)) continue;
    least_binary = binary;
    best = skip;
  }
  state_ = {.skip = best};
  word_size_ = 0;
  open_ = true;
  decode_out(head_.data(), head_size_, end);
}

void DigitLane::end_digits(std::uint64_t end) {
  if (!open_ && head_size_ >= kLeast) open(end);
  if (word_ > 1 && word_size_ > 0) {
    child_.give(ByteView(word_bytes_.data() + word_ - word_size_, word_size_), begin_, end);
  }
  child_.close(end);
  open_ = false;
  head_size_ = 0;
  word_size_ = 0;
}

char* DigitLane::decode(Bits& state, const char* chars, std::size_t size, char* to) const {
  for (std::size_t i = 0; i < size; ++i) {
    if (state.skip == 0) {
      const ByteView rest(chars + i, size - i);
      i += alphabet_.bits == 4 ? decode_groups<4, 2>(alphabet_, state.bits, state.count, rest, to)
                               : decode_groups<5, 8>(alphabet_, state.bits, state.count, rest, to);
    }
    if (i == size) break;
    const std::uint8_t value = alphabet_.values[static_cast<unsigned char>(chars[i])];
    if (value == DigitAlphabet::kSkipped) continue;
    if (value == DigitAlphabet::kPrefix) {
      // A zero that waits for its second digit was the prefix'.
      if (state.count == alphabet_.bits && (state.bits & 0x0f) == 0) state.count = 0;
      continue;
    }
    if (state.skip > 0) {
      --state.skip;
      continue;
    }
    state.bits = state.bits << alphabet_.bits | value;
    state.count += alphabet_.bits;
    if (state.count < 8) continue;
    state.count -= 8;
    *to++ = static_cast<char>(state.bits >> state.count);
  }
  return to;
}

void DigitLane::decode_out(const char* chars, std::size_t size, std::uint64_t end) {
  std::array<char, kOut> out;
  while (size > 0) {
    const std::size_t now = std::min(size, kOut);
    const char* to = decode(state_, chars, now, out.data());
    give(ByteView(out.data(), static_cast<std::size_t>(to - out.data())), end);
    chars += now;
    size -= now;
  }
}

void DigitLane::give(ByteView bytes, std::uint64_t end) {
  if (word_ == 1) return child_.give(bytes, begin_, end);
  std::array<char, kOut + kMaxDumpWord> reversed;
  std::size_t size = 0;
  for (const char byte : bytes) {
    ++word_size_;
    word_bytes_[word_ - word_size_] = byte;
    if (word_size_ < word_) continue;
    std::memcpy(reversed.data() + size, word_bytes_.data(), word_);
    size += word_;
    word_size_ = 0;
  }
  child_.give(ByteView(reversed.data(), size), begin_, end);
}

}  // namespace bottle
