#include "proxy/body/base64_decoder.h"

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr int kNone = -1;
constexpr unsigned kGroup = 4;
constexpr unsigned kBits = 6;

constexpr int value_of(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : kNone;
}

Failure no_base64(const char* what) {
  return Failure{Code::ClientBad, what, problem_code::kCodingBroken,
                 "The body must be base64, as its Content-Type says."};
}

}  // namespace

// A byte goes out as soon as its bits are there.
Result<ContentDecoder::Progress> Base64Decoder::decode(ByteView in, ByteSpan out) {
  Progress progress;
  for (const char c : in) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++progress.consumed;
      continue;
    }
    if (c == '=') {
      // Two or three characters of a group are there.
      if (characters_ < 2) return no_base64("the base64 body has padding where there can be none");
      ++progress.consumed;
      if (++padding_ + characters_ == kGroup) {
        characters_ = 0;
        padding_ = 0;
        bits_ = 0;
      }
      continue;
    }
    const int value = value_of(c);
    if (value == kNone || padding_ > 0) return no_base64("the body is not base64");
    const bool makes_byte = characters_ > 0;
    if (makes_byte && progress.produced == out.size()) break;
    bits_ = bits_ << kBits | static_cast<std::uint32_t>(value);
    ++progress.consumed;
    if (makes_byte) {
      const unsigned rest = kBits - 2 * characters_;
      out[progress.produced++] = static_cast<char>(bits_ >> rest & 0xffU);
    }
    characters_ = (characters_ + 1) % kGroup;
  }
  return progress;
}

Result<> Base64Decoder::finish() {
  if (characters_ == 0) return {};
  return no_base64("the base64 body ends in the middle of a byte");
}

}  // namespace bottle
