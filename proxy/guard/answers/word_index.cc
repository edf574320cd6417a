#include "proxy/guard/answers/word_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "proxy/guard/answers/words.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bottle {
namespace {

constexpr std::size_t kKey = 4;
constexpr std::size_t kBlock = 64;

bool is_alnum(char c) noexcept {
  const char low = static_cast<char>(c | 0x20);
  return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9');
}

// The first letters at a place, in lower case; bytes behind the word are 0.
std::uint32_t key_at(ByteView text, std::size_t at) noexcept {
  std::uint32_t key = 0;
  for (std::size_t i = 0; i < kKey && at + i < text.size() && is_alnum(text[at + i]); ++i) {
    key |= (static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])) | 0x20u)
           << (8 * i);
  }
  return key;
}

constexpr std::array<std::uint32_t, kKey + 1> kKeyMask{0, 0xff, 0xffff, 0xff'ffff, 0xffff'ffff};
constexpr std::uint64_t kLower = 0x2020202020202020u;

// With the bit that tells upper from lower case set.
std::uint64_t eight_at(ByteView text, std::size_t at) noexcept {
  std::uint64_t eight = 0;
  if (at + 8 <= text.size()) {
    std::memcpy(&eight, text.data() + at, 8);
  } else {
    std::memcpy(&eight, text.data() + at, text.size() - at);
  }
  return eight | kLower;
}

// A bit for each of kBlock bytes.
struct Masks {
  std::uint64_t alnum = 0;
  std::uint64_t fence = 0;  // '`' and '~'
};

#if defined(__SSE2__)
Masks masks_of(const char* from) noexcept {
  Masks masks;
  for (unsigned i = 0; i < kBlock / 16; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16 * i));
    // Signed comparisons: what is not ASCII is less than everything.
    const __m128i low = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(low, _mm_set1_epi8('a' - 1)),
                                         _mm_cmplt_epi8(low, _mm_set1_epi8('z' + 1)));
    const __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('0' - 1)),
                                        _mm_cmplt_epi8(bytes, _mm_set1_epi8('9' + 1)));
    const __m128i fence = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('`')),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8('~')));
    const auto bits = [i](__m128i mask) {
      return static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(mask)))
             << (16 * i);
    };
    masks.alnum |= bits(_mm_or_si128(letter, digit));
    masks.fence |= bits(fence);
  }
  return masks;
}
#else
Masks masks_of(const char* from) noexcept {
  Masks masks;
  for (unsigned i = 0; i < kBlock; ++i) {
    masks.alnum |= static_cast<std::uint64_t>(is_alnum(from[i])) << i;
    masks.fence |= static_cast<std::uint64_t>(from[i] == '`' || from[i] == '~') << i;
  }
  return masks;
}
#endif

bool is_fence(ByteView text, std::size_t at) noexcept {
  if (at == 0 || at + 3 > text.size() || text[at - 1] != '\n') return false;
  return text[at + 1] == text[at] && text[at + 2] == text[at];
}

}  // namespace

std::size_t WordIndex::add(std::string_view word, bool open) {
  if (word.empty() || (open && word.size() < kKey - 1)) throw std::logic_error("a word is short");
  const auto known = std::find_if(words_.begin(), words_.end(), [&](const Word& other) {
    return other.open == open && other.text == word;
  });
  if (known == words_.end()) {
    words_.push_back({std::string(word), open});
    return words_.size() - 1;
  }
  return static_cast<std::size_t>(known - words_.begin());
}

void WordIndex::build() {
  for (std::uint32_t i = 0; i < words_.size(); ++i) {
    const std::string& text = words_[i].text;
    const std::uint32_t key = key_at(text, 0);
    Slot slot{
        .beginning = eight_at(text, 0), .mask = ~std::uint64_t{0}, .hash = hash(key), .word = i};
    if (text.size() < 8) slot.mask = (std::uint64_t{1} << (8 * text.size())) - 1;
    slot.beginning &= slot.mask;
    slots_.push_back(slot);
    if (!words_[i].open || text.size() >= kKey) continue;
    for (unsigned c = 0; c < 0x80; ++c) {
      const char letter = static_cast<char>(c);
      if (!is_alnum(letter) || letter != lower(letter)) continue;
      slot.hash = hash(key | c << 24);
      slots_.push_back(slot);
    }
  }
  std::ranges::sort(slots_, {}, [](const Slot& slot) { return std::pair(slot.hash, slot.word); });
  filter_.assign((std::size_t{1} << kBits) / 64, 0);
  starts_.assign((std::size_t{1} << kBits) + 1, 0);
  for (const Slot& slot : slots_) {
    filter_[slot.hash / 64] |= std::uint64_t{1} << (slot.hash % 64);
    ++starts_[slot.hash + 1];
  }
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
}

void WordIndex::scan(ByteView text, std::size_t from, std::size_t to, Listener& listener) const {
  const std::uint64_t* const filter = filter_.data();
  std::size_t at = from;
  std::uint64_t carry = from > 0 && is_alnum(text[from - 1]) ? 1 : 0;
  for (; at + kBlock + kKey <= text.size() && at + kBlock <= to; at += kBlock) {
    const Masks masks = masks_of(text.data() + at);
    std::uint64_t starts = masks.alnum & ~(masks.alnum << 1 | carry);
    carry = masks.alnum >> 63;
    if ((masks.fence & (masks.fence >> 1 | std::uint64_t{1} << 63)) != 0) [[unlikely]] {
      for (std::uint64_t rest = masks.fence; rest != 0; rest &= rest - 1) {
        const std::size_t tick = at + static_cast<std::size_t>(std::countr_zero(rest));
        if (is_fence(text, tick)) listener.fence(tick + 3);
      }
    }
    for (; starts != 0; starts &= starts - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(starts));
      std::uint32_t key = 0;
      std::memcpy(&key, text.data() + at + i, kKey);
      // Bytes behind a short word do not count.
      const auto size = static_cast<unsigned>(std::countr_one(masks.alnum >> i));
      key = (key | 0x20202020u) & kKeyMask[std::min(size, 4u)];
      if (i > kBlock - kKey) [[unlikely]]
        key = key_at(text, at + i);
      const std::uint32_t bit = hash(key);
      if (((filter[bit / 64] >> (bit % 64)) & 1u) == 0) [[likely]]
        continue;
      look_up(text, at + i, bit, listener);
    }
  }
  for (bool in_run = carry != 0; at < to; ++at) {
    const bool begins = is_alnum(text[at]) && !in_run;
    in_run = is_alnum(text[at]);
    if (begins) look_up(text, at, hash(key_at(text, at)), listener);
    if (is_fence(text, at) && (text[at] == '`' || text[at] == '~')) listener.fence(at + 3);
  }
}

void WordIndex::look_up(ByteView text, std::size_t at, std::uint32_t hash,
                        Listener& listener) const {
  const std::uint64_t beginning = eight_at(text, at);
  for (std::uint32_t i = starts_[hash]; i < starts_[hash + 1]; ++i) {
    const Slot& slot = slots_[i];
    if ((beginning & slot.mask) != slot.beginning) continue;
    if (stands_at(words_[slot.word], text, at)) listener.word(slot.word, at);
  }
}

bool WordIndex::stands_at(const Word& word, ByteView text, std::size_t at) {
  const std::size_t end = at + word.text.size();
  if (end > text.size()) return false;
  const bool same =
      std::equal(word.text.begin(), word.text.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
                 [](char mine, char c) { return mine == lower(c); });
  if (!same) return false;
  // The word is not the end of a longer one, or what follows an apostrophe.
  if (at > 0 && in_word(text[at - 1])) {
    if (text[at - 1] != '\'') return false;
    if (at > 1 && in_word(text[at - 2]) && text[at - 2] != '\'') return false;
  }
  if (word.open) return true;
  if (end == text.size()) return false;
  if (text[end] != '\'') return !in_word(text[end]);
  if (end + 1 == text.size()) return false;
  return !in_word(text[end + 1]);
}

}  // namespace bottle
