#include "proxy/guard/views/squeeze.h"

#include <array>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bottle {
namespace {

constexpr std::array<std::uint8_t, 256> kKept = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = 1;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = table[c | 0x20] = 1;
  return table;
}();

// So many bytes may be written past the end of what is kept.
constexpr std::size_t kSlack = 64;

char* squeeze_bytes(ByteView in, char* to) {
  for (const char c : in) {
    *to = c;
    to += kKept[static_cast<unsigned char>(c)];
  }
  return to;
}

#if defined(__x86_64__)
// For each choice of eight bytes: where the chosen ones are.
constexpr std::array<std::array<std::uint8_t, 8>, 256> kChosen = [] {
  std::array<std::array<std::uint8_t, 8>, 256> table{};
  for (unsigned mask = 0; mask < 256; ++mask) {
    unsigned at = 0;
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((mask >> bit & 1) != 0) table[mask][at++] = static_cast<std::uint8_t>(bit);
    }
  }
  return table;
}();

// Sixteen bytes at a time; writes up to 16 bytes past the end of what it keeps.
__attribute__((target("ssse3,popcnt"))) char* squeeze_blocks(ByteView in, char* to) {
  std::size_t i = 0;
  for (; i + 16 <= in.size(); i += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in.data() + i));
    // Signed comparisons: bytes from 0x80 on are below all that is kept.
    const __m128i lower = _mm_or_si128(block, _mm_set1_epi8(0x20));
    const __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)),
                                         _mm_cmpgt_epi8(_mm_set1_epi8('z' + 1), lower));
    const __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8('0' - 1)),
                                        _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), block));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(letter, digit)));
    if (mask == 0xffff) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block);
      to += 16;
      continue;
    }
    const auto* low = reinterpret_cast<const __m128i*>(kChosen[mask & 0xff].data());
    const auto* high = reinterpret_cast<const __m128i*>(kChosen[mask >> 8].data());
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_shuffle_epi8(block, _mm_loadl_epi64(low)));
    to += _mm_popcnt_u32(mask & 0xff);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to),
                     _mm_shuffle_epi8(_mm_srli_si128(block, 8), _mm_loadl_epi64(high)));
    to += _mm_popcnt_u32(mask >> 8);
  }
  return squeeze_bytes(in.substr(i), to);
}

// Writes up to 64 bytes past the end of what it keeps.
__attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt"))) char* squeeze_wide(ByteView in,
                                                                                  char* to) {
  const __m512i case_bit = _mm512_set1_epi8(0x20);
  std::size_t i = 0;
  for (; i + 64 <= in.size(); i += 64) {
    const __m512i block = _mm512_loadu_si512(in.data() + i);
    // Unsigned: what is below the first wraps around.
    const __m512i letter = _mm512_sub_epi8(_mm512_or_si512(block, case_bit), _mm512_set1_epi8('a'));
    const __m512i digit = _mm512_sub_epi8(block, _mm512_set1_epi8('0'));
    const __mmask64 kept = _mm512_cmplt_epu8_mask(letter, _mm512_set1_epi8(26)) |
                           _mm512_cmplt_epu8_mask(digit, _mm512_set1_epi8(10));
    // Compressed in a register: the form that writes to memory is slow on some CPUs.
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(kept, block));
    to += _mm_popcnt_u64(kept);
  }
  return squeeze_blocks(in.substr(i), to);
}
#endif

using Squeezer = char* (*)(ByteView, char*);
Squeezer best_squeezer() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("popcnt")) {
    return squeeze_wide;
  }
  if (__builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt")) return squeeze_blocks;
#endif
  return squeeze_bytes;
}

}  // namespace

void squeeze(ByteView in, Bytes& out) {
  static const Squeezer squeezer = best_squeezer();
  const std::size_t before = out.size();
  out.resize(before + in.size() + kSlack);
  const char* end = squeezer(in, out.data() + before);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

}  // namespace bottle
