#include "proxy/guard/views/word_mask.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bottle {
namespace {

std::uint64_t mask_by_table(const char* block) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < kMaskBytes; ++i) {
    mask |= std::uint64_t{kWordChars[static_cast<unsigned char>(block[i])]} << i;
  }
  return mask;
}

#if defined(__x86_64__)
// A byte is a word's if the bit of its high half is set in the row of its low half.
constexpr std::uint8_t row(unsigned low) {
  unsigned bits = 0;
  for (unsigned high = 2; high < 8; ++high) {
    if (kWordChars[high * 16 + low]) bits |= 1u << high;
  }
  return static_cast<std::uint8_t>(bits);
}

__attribute__((target("avx2"))) unsigned half_mask(const char* block, __m256i rows, __m256i bits) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
  // The shuffle gives zero for bytes from 0x80 on.
  const __m256i found = _mm256_shuffle_epi8(rows, bytes);
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
  const __m256i bit = _mm256_shuffle_epi8(bits, high);
  const __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(found, bit), _mm256_setzero_si256());
  return ~static_cast<unsigned>(_mm256_movemask_epi8(none));
}

__attribute__((target("avx2"))) __m256i both_halves(const std::uint8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

__attribute__((target("avx2"))) std::uint64_t mask_by_shuffle(const char* block) {
  alignas(16) static constexpr std::array<std::uint8_t, 16> kRows = {
      row(0), row(1), row(2),  row(3),  row(4),  row(5),  row(6),  row(7),
      row(8), row(9), row(10), row(11), row(12), row(13), row(14), row(15)};
  alignas(16) static constexpr std::array<std::uint8_t, 16> kBits = {1, 2, 4, 8, 16, 32, 64, 128};
  const __m256i rows = both_halves(kRows.data());
  const __m256i bits = both_halves(kBits.data());
  return std::uint64_t{half_mask(block, rows, bits)} |
         std::uint64_t{half_mask(block + 32, rows, bits)} << 32;
}
#endif

}  // namespace

WordMask word_mask() noexcept {
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2) return mask_by_shuffle;
#endif
  return mask_by_table;
}

}  // namespace bottle
