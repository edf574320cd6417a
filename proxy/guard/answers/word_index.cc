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
// Without the bits of the last kKey bytes.
constexpr std::uint64_t kStepMask = ~std::uint64_t{0} >> kKey;
constexpr unsigned kBuckets = 12;  // bits of a hash that tell where its slots are

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

bool is_high(char c) noexcept { return static_cast<unsigned char>(c) >= 0x80; }
bool is_letter(char c) noexcept { return is_alnum(c) || is_high(c); }

// A bit for each of kBlock bytes.
struct Masks {
  std::uint64_t alnum = 0;
  std::uint64_t high = 0;  // beyond ASCII
  std::uint64_t apostrophe = 0;
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
    masks.high |= bits(bytes);
    masks.apostrophe |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\'')));
    masks.fence |= bits(fence);
  }
  return masks;
}
#else
Masks masks_of(const char* from) noexcept {
  Masks masks;
  for (unsigned i = 0; i < kBlock; ++i) {
    masks.alnum |= static_cast<std::uint64_t>(is_alnum(from[i])) << i;
    masks.high |= static_cast<std::uint64_t>(is_high(from[i])) << i;
    masks.apostrophe |= static_cast<std::uint64_t>(from[i] == '\'') << i;
    masks.fence |= static_cast<std::uint64_t>(from[i] == '`' || from[i] == '~') << i;
  }
  return masks;
}
#endif

// Of the keys of all words that an entry stands for.
template <class Act>
void for_keys(WordIndex::Entry word, const Act& act) {
  const std::uint32_t key = key_at(word.text, 0);
  act(key);
  if (!word.open || word.text.size() >= kKey) return;
  for (unsigned c = 0; c < 0x80; ++c) {
    const char letter = static_cast<char>(c);
    if (is_alnum(letter) && letter == lower(letter)) act(key | c << 24);
  }
}

bool is_fence(ByteView text, std::size_t at) noexcept {
  if (at == 0 || at + 3 > text.size() || text[at - 1] != '\n') return false;
  return text[at + 1] == text[at] && text[at + 2] == text[at];
}

}  // namespace

namespace {

void check(WordIndex::Entry word) {
  if (word.text.empty() || (word.open && word.text.size() < WordIndex::kLeastOpen)) {
    throw std::logic_error("a word is short");
  }
}

// Where the slots of each bucket begin.
template <class Slot, class Bucket>
std::vector<std::uint32_t> starts_of(const std::vector<Slot>& slots, const Bucket& bucket) {
  std::vector<std::uint32_t> starts((std::size_t{1} << kBuckets) + 1, 0);
  for (const Slot& slot : slots) ++starts[bucket(slot) + 1];
  for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  return starts;
}

}  // namespace

std::size_t WordIndex::add(Entry word, Find find) {
  check(word);
  std::string key(word.text);
  key += {word.open ? '*' : ' ', find == Find::Always ? '!' : ' '};
  const auto [known, is_new] = known_words_.try_emplace(std::move(key), words_.size());
  if (is_new) words_.push_back({std::string(word.text), word.open, find});
  return known->second;
}

void WordIndex::set_neighbours(std::size_t word, const Neighbours& neighbours) {
  words_[word].anywhere = false;
  words_[word].neighbours = neighbours;
}

std::size_t WordIndex::add_pair(Entry front, Entry back) {
  check(front);
  check(back);
  std::string key(front.text);
  key += front.open ? '*' : ' ';
  key += back.text;
  key += back.open ? '*' : ' ';
  const auto [known, is_new] = known_pairs_.try_emplace(std::move(key), pair_list_.size());
  if (is_new) {
    pair_list_.push_back({std::string(front.text), std::string(back.text), front.open, back.open});
  }
  return known->second;
}

void WordIndex::build() {
  known_words_ = Known();
  known_pairs_ = Known();
  for (std::uint32_t i = 0; i < words_.size(); ++i) {
    const Word& word = words_[i];
    Slot slot{.beginning = eight_at(word.text, 0),
              .mask = ~std::uint64_t{0},
              .word = i,
              .at_ends = word.find == Find::AtEnds};
    if (word.text.size() < 8) slot.mask = (std::uint64_t{1} << (8 * word.text.size())) - 1;
    slot.beginning &= slot.mask;
    for_keys({word.text, word.open}, [&](std::uint32_t key) {
      slot.bucket = static_cast<std::uint16_t>(hash(key) >> (kBits - kBuckets));
      slots_.push_back(slot);
      if (word.find == Find::Always) set(alone_, hash(key));
    });
  }
  for (std::uint32_t i = 0; i < pair_list_.size(); ++i) {
    const Pair& pair = pair_list_[i];
    for_keys({pair.front, pair.front_open}, [&](std::uint32_t front) {
      for_keys({pair.back, pair.back_open}, [&](std::uint32_t back) {
        pair_slots_.push_back({hash(front, back), front, back, i});
        set(pairs_, hash(front, back));
      });
    });
  }
  std::ranges::sort(slots_, {}, [](const Slot& slot) { return std::pair(slot.bucket, slot.word); });
  std::ranges::sort(pair_slots_, {},
                    [](const PairSlot& slot) { return std::pair(slot.hash, slot.pair); });
  starts_ = starts_of(slots_, [](const Slot& slot) { return slot.bucket; });
  pair_starts_ = starts_of(
      pair_slots_, [](const PairSlot& slot) { return slot.hash >> (kPairBits - kBuckets); });
}

// The words of a scan, in their order.
struct WordIndex::Scan {
  const WordIndex& index;
  ByteView text;
  Listener& listener;
  std::uint32_t front = 0;  // the key of the last word
  std::size_t front_at = 0;
  // So many words are looked up without their pairs: the first one, and the next, which may follow
  // a word that began before the scan.
  std::size_t blind = 2;

  void hit(std::size_t at, std::uint32_t key, bool pair) {
    if (pair && blind < 2) index.look_up_pair(front_at, front, key, listener);
    index.look_up(text, at, key, blind > 0, listener);
    if (blind > 0) --blind;
  }
  // The word that follows the last one is not known.
  void look_up_front() {
    if (blind < 2) index.look_up(text, front_at, front, true, listener);
  }
  void fences(std::size_t from, std::size_t to) {
    for (std::size_t at = from; at < to; ++at) {
      if ((text[at] == '`' || text[at] == '~') && is_fence(text, at)) listener.fence(at + 3);
    }
  }
};

void WordIndex::scan(ByteView text, std::size_t from, std::size_t to, Listener& listener) const {
  // Of each block the last bytes are looked at with the next one: the key of a word that begins
  // there stands in both.
  constexpr std::size_t kStep = kBlock - kKey;
  const std::uint64_t* const alone = alone_.data();
  const std::uint64_t* const pairs = pairs_.data();
  Scan scan{.index = *this, .text = text, .listener = listener};
  std::size_t at = from;
  // Of the byte in front of the block.
  std::uint64_t in_run = from > 0 && is_letter(text[from - 1]) ? 1 : 0;
  std::uint64_t was_word = in_run;
  std::uint64_t was_apostrophe = from > 0 && text[from - 1] == '\'' ? 1 : 0;
  for (; at + kBlock <= text.size() && at + kStep <= to; at += kStep) {
    const Masks masks = masks_of(text.data() + at);
    if ((masks.fence & masks.fence >> 1) != 0) [[unlikely]]
      scan.fences(at, at + kStep);
    const std::uint64_t words = masks.alnum | masks.high;
    std::uint64_t runs = words;
    if ((masks.apostrophe | was_apostrophe) != 0) [[unlikely]] {
      runs |= masks.apostrophe & (words << 1 | was_word) & words >> 1;
      // Two in a row: where a word begins depends on the side that one comes from.
      if ((masks.apostrophe & (masks.apostrophe << 1 | was_apostrophe)) != 0) {
        scan.look_up_front();
        scan.blind = kBlock;
      }
    }
    std::uint64_t starts = runs & ~(runs << 1 | in_run) & kStepMask;
    for (std::uint32_t front = scan.front; starts != 0; starts &= starts - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(starts));
      std::uint32_t key = 0;
      std::memcpy(&key, text.data() + at + i, kKey);
      // Bytes behind a short word do not count.
      const auto size = static_cast<unsigned>(std::countr_one(masks.alnum >> i));
      key = (key | 0x20202020u) & kKeyMask[std::min(size, 4u)];
      const std::uint32_t pair = hash(front, key);
      const std::uint32_t one = hash(key);
      const std::uint64_t in_pair = pairs[pair / 64] >> (pair % 64);
      const std::uint64_t found = in_pair | alone[one / 64] >> (one % 64);
      if ((found & 1) != 0 || scan.blind > 0) [[unlikely]]
        scan.hit(at + i, key, (in_pair & 1) != 0);
      front = scan.front = key;
      scan.front_at = at + i;
    }
    in_run = runs >> (kStep - 1) & 1;
    was_word = words >> (kStep - 1) & 1;
    was_apostrophe = masks.apostrophe >> (kStep - 1) & 1;
  }
  scan.look_up_front();
  for (bool run = at > 0 && is_alnum(text[at - 1]); at < to; ++at) {
    const bool begins = is_alnum(text[at]) && !run;
    run = is_alnum(text[at]);
    if (begins) look_up(text, at, key_at(text, at), true, listener);
    if (is_fence(text, at) && (text[at] == '`' || text[at] == '~')) listener.fence(at + 3);
  }
}

void WordIndex::look_up_pair(std::size_t at, std::uint32_t front, std::uint32_t back,
                             Listener& listener) const {
  const std::uint32_t bucket = hash(front, back) >> (kPairBits - kBuckets);
  for (std::uint32_t i = pair_starts_[bucket]; i < pair_starts_[bucket + 1]; ++i) {
    const PairSlot& slot = pair_slots_[i];
    if (slot.front == front && slot.back == back) listener.pair(slot.pair, at);
  }
}

void WordIndex::look_up(ByteView text, std::size_t at, std::uint32_t key, bool all,
                        Listener& listener) const {
  const std::uint64_t beginning = eight_at(text, at);
  const std::uint32_t bucket = hash(key) >> (kBits - kBuckets);
  for (std::uint32_t i = starts_[bucket]; i < starts_[bucket + 1]; ++i) {
    const Slot& slot = slots_[i];
    if ((beginning & slot.mask) != slot.beginning || (slot.at_ends && !all)) continue;
    const Word& word = words_[slot.word];
    if (!word.anywhere && !stands_between(word, text, at)) continue;
    if (stands_at(word, text, at)) listener.word(slot.word, at);
  }
}

// Where the text does not have the byte, it may be any.
bool WordIndex::stands_between(const Word& word, ByteView text, std::size_t at) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (at > 0 && !word.neighbours.before[byte(at - 1)]) return false;
  const std::size_t end = at + word.text.size();
  return word.open || end >= text.size() || word.neighbours.behind[byte(end)];
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
