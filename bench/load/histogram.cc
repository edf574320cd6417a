#include "bench/load/histogram.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace bottle::bench {
namespace {

// For three digits: buckets of 2048 places, of which all but the first use the upper half.
constexpr unsigned kHalfBits = 10;
constexpr std::uint64_t kHalf = 1u << kHalfBits;
constexpr std::uint64_t kPlaces = 2 * kHalf;
constexpr std::uint64_t kMost = 3'600'000'000;
constexpr std::uint32_t kCookie = 0x1c849303 | 0x10;
constexpr std::uint32_t kCompressedCookie = 0x1c849304 | 0x10;

std::size_t index_of(std::uint64_t value) {
  const auto bucket = static_cast<unsigned>(std::bit_width(value | (kPlaces - 1))) - kHalfBits - 1;
  return (static_cast<std::size_t>(bucket) << kHalfBits) +
         static_cast<std::size_t>(value >> bucket);
}

// The largest value of a place.
std::uint64_t value_at(std::size_t index) {
  if (index < kPlaces) return index;
  const auto bucket = (index >> kHalfBits) - 1;
  const std::uint64_t within = (index & (kHalf - 1)) + kHalf;
  return (within << bucket) + (std::uint64_t{1} << bucket) - 1;
}

template <class Number>
void append_big_endian(std::string& out, Number number) {
  for (std::size_t i = sizeof number; i-- > 0;) {
    out += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i) & 0xff);
  }
}

void append_zigzag(std::string& out, std::int64_t number) {
  std::uint64_t rest =
      static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
  for (int i = 0; i < 8 && rest >= 0x80; ++i, rest >>= 7) {
    out += static_cast<char>((rest & 0x7f) | 0x80);
  }
  out += static_cast<char>(rest);
}

std::string base64(const std::string& bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace

Histogram::Histogram() : counts_(index_of(kMost) + 1) {}

void Histogram::record(std::uint64_t value) noexcept {
  value = std::min(value, kMost);
  ++counts_[index_of(value)];
  ++total_;
  most_ = std::max(most_, value);
}

std::uint64_t Histogram::at(double share) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= std::max<std::uint64_t>(wanted, 1)) return std::min(value_at(i), most_);
  }
  return 0;
}

std::string Histogram::encoded() const {
  std::string counts;
  const std::size_t used = total_ == 0 ? 0 : index_of(most_) + 1;
  for (std::size_t i = 0; i < used;) {
    if (counts_[i] != 0) {
      append_zigzag(counts, static_cast<std::int64_t>(counts_[i++]));
      continue;
    }
    std::int64_t zeros = 0;
    while (i < used && counts_[i] == 0) ++i, ++zeros;
    append_zigzag(counts, -zeros);
  }
  std::string payload;
  append_big_endian(payload, kCookie);
  append_big_endian(payload, static_cast<std::uint32_t>(counts.size()));
  append_big_endian(payload, std::uint32_t{0});  // offset
  append_big_endian(payload, std::uint32_t{3});  // digits
  append_big_endian(payload, std::uint64_t{1});  // the smallest value that is told apart
  append_big_endian(payload, kMost);
  append_big_endian(payload, std::bit_cast<std::uint64_t>(1.0));
  payload += counts;

  uLongf size = compressBound(payload.size());
  std::string small(size, '\0');
  if (compress(reinterpret_cast<Bytef*>(small.data()), &size,
               reinterpret_cast<const Bytef*>(payload.data()), payload.size()) != Z_OK) {
    throw std::runtime_error("the histogram cannot be compressed");
  }
  small.resize(size);
  std::string out;
  append_big_endian(out, kCompressedCookie);
  append_big_endian(out, static_cast<std::uint32_t>(small.size()));
  return base64(out + small);
}

std::string Histogram::log(double start, double seconds) const {
  std::array<char, 256> head{};
  std::snprintf(head.data(), head.size(),
                "#[Histogram log format version 1.3]\n#[StartTime: %.3f (seconds since epoch)]\n"
                "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                "\"Interval_Compressed_Histogram\"\n0.000,%.3f,%.3f,",
                start, seconds, static_cast<double>(most_) / 1000.0);
  return head.data() + encoded() + "\n";
}

}  // namespace bottle::bench
