#include "proxy/guard/answers/encoded_runs.h"

#include <algorithm>
#include <array>
#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "proxy/contract/hex_digit.h"

namespace bottle {
namespace {

constexpr std::int8_t kNone = -1;

constexpr auto kBase64 = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(kNone);
  for (int i = 0; i < 26; ++i) {
    table[static_cast<std::size_t>('A' + i)] = static_cast<std::int8_t>(i);
    table[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(26 + i);
  }
  for (int i = 0; i < 10; ++i)
    table[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(52 + i);
  table['+'] = table['-'] = 62;
  table['/'] = table['_'] = 63;
  return table;
}();

bool in_run(char c) noexcept { return kBase64[static_cast<unsigned char>(c)] != kNone; }
bool in_gap(char c) noexcept { return c == '\n' || c == '\r' || c == ' ' || c == '\t' || c == '>'; }
constexpr std::size_t kMaxGap = 4;

constexpr std::size_t kBlock = 64;

// A bit for each of kBlock bytes that may be of a run.
std::uint64_t run_bytes(const char* from) noexcept {
  std::uint64_t mask = 0;
#if defined(__SSE2__)
  for (unsigned i = 0; i < kBlock / 16; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16 * i));
    const __m128i low = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(low, _mm_set1_epi8('a' - 1)),
                                         _mm_cmplt_epi8(low, _mm_set1_epi8('z' + 1)));
    // '/' is the byte before '0'.
    const __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('/' - 1)),
                                        _mm_cmplt_epi8(bytes, _mm_set1_epi8('9' + 1)));
    const __m128i sign = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('+')),
                                      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')),
                                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_'))));
    const int bits = _mm_movemask_epi8(_mm_or_si128(sign, _mm_or_si128(letter, digit)));
    mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits)) << (16 * i);
  }
#else
  for (unsigned i = 0; i < kBlock; ++i) mask |= static_cast<std::uint64_t>(in_run(from[i])) << i;
#endif
  return mask;
}

// A bit for each place in a block where the shortest run stands.
std::uint64_t runs_in(const char* from) noexcept {
  std::uint64_t mask = run_bytes(from);
  mask &= mask >> 1;
  mask &= mask >> 2;
  mask &= mask >> 4;
  static_assert(EncodedRuns::kMinRun == 24);
  return mask & mask >> 8 & mask >> 16;
}

// True if nearly all of the first bytes can be read: a few are enough to tell.
bool is_text(ByteView bytes) {
  const ByteView first = bytes.substr(0, 128);
  const auto good = std::count_if(first.begin(), first.end(), [](char c) {
    return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t' || c == '\r';
  });
  return !first.empty() && static_cast<std::size_t>(good) * 10 >= first.size() * 9;
}

Bytes from_base64(ByteView run) {
  Bytes out;
  out.reserve(run.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : run) {
    bits = bits << 6 | static_cast<std::uint32_t>(kBase64[static_cast<unsigned char>(c)]);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

// Empty: it is none.
Bytes from_hex(ByteView run) {
  Bytes out;
  if (!std::all_of(run.begin(), run.end(), [](char c) { return hex_digit(c) != kNoDigit; }))
    return out;
  for (std::size_t i = 0; i + 1 < run.size(); i += 2) {
    out += static_cast<char>(hex_digit(run[i]) << 4 | hex_digit(run[i + 1]));
  }
  return out;
}

}  // namespace

void EncodedRuns::feed(ByteView in) {
  while (!in.empty()) {
    if (!run_.empty()) {
      // A word goes on, or the next line's.
      if (in_run(in.front()) && (gap_ == 0 || long_)) {
        std::size_t size = 0;
        while (size < in.size() && in_run(in[size]) && run_.size() + size < kMaxRun) ++size;
        run_ += in.substr(0, size);
        gap_ = 0;
        long_ = long_ || run_.size() >= kMinRun;
        in.remove_prefix(size);
        if (run_.size() == kMaxRun) end_run();
      } else if (long_ && gap_ < kMaxGap && in_gap(in.front())) {
        ++gap_;
        in.remove_prefix(1);
      } else {
        end_run();
      }
      continue;
    }
    take(in);
    return;
  }
}

// Without a run: blocks of bytes that have none are passed over. They overlap by the shortest run.
void EncodedRuns::take(ByteView in) {
  std::size_t at = 0;  // a run may begin here
  while (at + kBlock <= in.size()) {
    const std::uint64_t begins = runs_in(in.data() + at);
    if (begins == 0) {
      at += kBlock - kMinRun + 1;
      continue;
    }
    at += static_cast<std::size_t>(std::countr_zero(begins));
    start(in.substr(at, kMinRun));
    feed(in.substr(at + kMinRun));
    return;
  }
  while (at < in.size()) {
    const std::size_t end = std::min(at + kMinRun, in.size());
    std::size_t begin = end;
    while (begin > at && in_run(in[begin - 1])) --begin;
    if (begin == at && end - at == kMinRun) {
      start(in.substr(at, kMinRun));
      feed(in.substr(end));
      return;
    }
    if (end == in.size()) {
      start(in.substr(begin));
      return;
    }
    at = begin;
  }
}

void EncodedRuns::start(ByteView run) {
  run_.assign(run);
  long_ = run.size() >= kMinRun;
  gap_ = 0;
}

void EncodedRuns::flush() {
  if (!run_.empty()) end_run();
}

void EncodedRuns::end_run() {
  // The beginning tells most that decode to nothing: long names, paths, digests.
  const ByteView begin = ByteView(run_).substr(0, 32);
  if (long_ && (is_text(from_base64(begin)) || is_text(from_hex(begin)))) {
    const Bytes hex = from_hex(run_);
    const Bytes text = is_text(hex) ? hex : from_base64(run_);
    if (is_text(text)) sink_.decoded(text);
  }
  run_.clear();
  long_ = false;
  gap_ = 0;
}

}  // namespace bottle
