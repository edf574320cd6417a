#include "proxy/guard/literal_filter.h"

#include <algorithm>
#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bottle {

void LiteralFilter::begin(std::size_t groups) {
  // One word for two groups: an eighth of the bits is set, at most.
  const auto bits =
      static_cast<unsigned>(std::clamp<std::size_t>(std::bit_width(groups) - 1u, 7u, 17u));
  shift_ = kHashBits - bits;
  words_.assign(std::size_t{1} << bits, 0);
}

void LiteralFilter::add(std::uint64_t group) {
  const std::uint32_t hash = hash_of(group);
  words_[hash >> shift_] |= bits_of(hash);
}

#if defined(__x86_64__)
#define BOTTLE_AVX2 __attribute__((target("avx2,bmi")))

struct FilterKernel {
  BOTTLE_AVX2 static unsigned lowest(unsigned bits) {
    return static_cast<unsigned>(__builtin_ctz(bits));
  }
  // Bit i: the filter may have the group whose halves are number i of `low` and `high`.
  BOTTLE_AVX2 static unsigned look_up(const LiteralFilter& filter, __m256i low, __m256i high) {
    const auto all = [](std::uint32_t value) { return static_cast<int>(value); };
    const __m256i hash = _mm256_add_epi32(
        _mm256_mullo_epi32(low, _mm256_set1_epi32(all(LiteralFilter::kLowFactor))),
        _mm256_mullo_epi32(high, _mm256_set1_epi32(all(LiteralFilter::kHighFactor))));
    const auto shifted = [&](unsigned by) __attribute__((target("avx2,bmi"))) {
      return _mm256_srl_epi32(hash, _mm_cvtsi32_si128(static_cast<int>(by)));
    };
    const __m256i words = _mm256_i32gather_epi32(reinterpret_cast<const int*>(filter.words_.data()),
                                                 shifted(filter.shift_), 4);
    const __m256i one = _mm256_set1_epi32(1);
    const __m256i mask = _mm256_set1_epi32(31);
    const __m256i bits = _mm256_or_si256(
        _mm256_sllv_epi32(one, _mm256_and_si256(shifted(filter.shift_ - 5), mask)),
        _mm256_sllv_epi32(one, _mm256_and_si256(shifted(filter.shift_ - 10), mask)));
    const __m256i found = _mm256_cmpeq_epi32(_mm256_and_si256(words, bits), bits);
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(found)));
  }

  BOTTLE_AVX2 static __m256i load(const char* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }

  BOTTLE_AVX2 static std::size_t eights(const LiteralFilter& filter, ByteView text, std::size_t at,
                                        LiteralFilter::Places& places) {
    // The order in which the halves of two vectors are unpacked.
    static constexpr std::array<std::uint8_t, 8> kOffsets = {0, 8, 32, 40, 16, 24, 48, 56};
    std::size_t count = places.count;
    for (; at + 64 <= text.size() && count + 8 <= places.at.size(); at += 64) {
      const __m256 first = _mm256_castsi256_ps(load(text.data() + at));
      const __m256 second = _mm256_castsi256_ps(load(text.data() + at + 32));
      const __m256i low = _mm256_castps_si256(_mm256_shuffle_ps(first, second, 0x88));
      const __m256i high = _mm256_castps_si256(_mm256_shuffle_ps(first, second, 0xdd));
      for (unsigned found = look_up(filter, low, high); found != 0; found &= found - 1) {
        places.at[count++] = static_cast<std::uint32_t>(at + kOffsets[lowest(found)]);
      }
    }
    places.count = count;
    return at;
  }

  BOTTLE_AVX2 static std::size_t fives(const LiteralFilter& filter, ByteView text, std::size_t at,
                                       LiteralFilter::Places& places) {
    std::size_t count = places.count;
    for (; at + 36 <= text.size() && count + 8 <= places.at.size(); at += 32) {
      const __m256i low = load(text.data() + at);
      const __m256i high = _mm256_and_si256(load(text.data() + at + 4), _mm256_set1_epi32(0xff));
      for (unsigned found = look_up(filter, low, high); found != 0; found &= found - 1) {
        places.at[count++] = static_cast<std::uint32_t>(at + 4u * lowest(found));
      }
    }
    places.count = count;
    return at;
  }
};

namespace {

bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
  return has;
}

}  // namespace
#endif

std::size_t LiteralFilter::collect_eights(ByteView text, std::size_t at, Places& places) const {
#if defined(__x86_64__)
  if (has_avx2()) at = FilterKernel::eights(*this, text, at, places);
#endif
  return at;
}

std::size_t LiteralFilter::collect_fives(ByteView text, std::size_t at, Places& places) const {
#if defined(__x86_64__)
  if (has_avx2()) at = FilterKernel::fives(*this, text, at, places);
#endif
  return at;
}

}  // namespace bottle
