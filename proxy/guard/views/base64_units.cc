#include "proxy/guard/views/base64_units.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bottle {
namespace {

void units_by_quads(const std::uint8_t* values, std::size_t units, char* out,
                    std::uint8_t* binary) {
  for (std::size_t unit = 0; unit < units; ++unit) {
    unsigned count = 0;
    for (std::size_t i = 0; i < kUnitChars; i += 4, values += 4, out += 3) {
      decode_quad(values, out);
      for (std::size_t j = 0; j < 3; ++j) {
        count += is_text(static_cast<unsigned char>(out[j])) ? 0 : 1;
      }
    }
    binary[unit] = static_cast<std::uint8_t>(count);
  }
}

void values_by_table(const char* chars, std::size_t size, std::uint8_t* values) {
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = kBase64Values[static_cast<unsigned char>(chars[i])];
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2,popcnt"))) void units_by_shuffle(const std::uint8_t* values,
                                                             std::size_t units, char* out,
                                                             std::uint8_t* binary) {
  const __m256i order = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,  //
                                         2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
  const __m256i halves = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
  for (std::size_t unit = 0; unit < units; ++unit) {
    const __m256i six =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + unit * kUnitChars));
    // Each pair of values becomes twelve bits, each pair of those 24.
    const __m256i twelve = _mm256_maddubs_epi16(six, _mm256_set1_epi32(0x01400140));
    const __m256i packed = _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000));
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(packed, order), halves);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + unit * kUnitBytes), bytes);
    // Signed: bytes from 0x80 on are below 0x20, too.
    const __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes);
    const __m256i del = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0x7f));
    const __m256i space =
        _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n')),
                                        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\r'))),
                        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\t')));
    const __m256i odd = _mm256_or_si256(_mm256_andnot_si256(space, low), del);
    const auto mask = static_cast<unsigned>(_mm256_movemask_epi8(odd)) & 0x00ffffffu;
    binary[unit] = static_cast<std::uint8_t>(_mm_popcnt_u32(mask));
  }
}

__attribute__((target("avx2"))) __m256i all(int value) {
  return _mm256_set1_epi8(static_cast<char>(value));
}

__attribute__((target("avx2"))) void values_by_ranges(const char* chars, std::size_t size,
                                                      std::uint8_t* values) {
  std::size_t i = 0;
  for (; i + 32 <= size; i += 32) {
    const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(chars + i));
    const __m256i digit = _mm256_cmpgt_epi8(all('A'), c);
    const __m256i sign = _mm256_cmpgt_epi8(all('0'), c);
    const __m256i lower = _mm256_cmpgt_epi8(c, all('_'));
    __m256i shift = _mm256_blendv_epi8(all(-65), all(-71), lower);
    shift = _mm256_blendv_epi8(shift, all(4), digit);
    __m256i value = _mm256_add_epi8(c, shift);
    // '+' and '-' are 62; '/' and '_' are 63.
    const __m256i last =
        _mm256_or_si256(_mm256_cmpeq_epi8(c, all('/')), _mm256_cmpeq_epi8(c, all('_')));
    value = _mm256_blendv_epi8(value, all(62), sign);
    value = _mm256_blendv_epi8(value, all(63), last);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(values + i), value);
  }
  values_by_table(chars + i, size - i, values + i);
}
#endif

bool has_avx2() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
  return has;
#else
  return false;
#endif
}

}  // namespace

void decode_units(const std::uint8_t* values, std::size_t units, char* out, std::uint8_t* binary) {
#if defined(__x86_64__)
  if (has_avx2()) return units_by_shuffle(values, units, out, binary);
#endif
  units_by_quads(values, units, out, binary);
}

void base64_values(const char* chars, std::size_t size, std::uint8_t* values) {
#if defined(__x86_64__)
  if (has_avx2()) return values_by_ranges(chars, size, values);
#endif
  values_by_table(chars, size, values);
}

}  // namespace bottle
