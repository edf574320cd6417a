#include "proxy/body/aws_chunks.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace bottle {
namespace {

constexpr std::size_t kMaxSizeDigits = 13;  // below 2^52

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Signature Version 4A pads with asterisks.
bool is_signature(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_hex(c) || c == '*'; });
}

// "name:value" of visible characters. The value may end with a line feed of its own: the signed
// form of a trailer has one, and some clients send that.
bool is_trailer(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  const std::size_t colon = line.find(':');
  return colon != 0 && colon != std::string_view::npos &&
         std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

std::optional<AwsChunks::Progress> AwsChunks::read(ByteView in, ByteSpan out) {
  Progress progress;
  while (!in.empty() && at_ != At::End) {
    std::size_t taken = 1;
    if (at_ == At::Data) {
      taken = std::min({in.size(), out.size() - progress.produced,
                        static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()))});
      if (taken == 0) break;  // no room
      std::copy_n(in.data(), taken, out.data() + progress.produced);
      progress.produced += taken;
      left_ -= taken;
      if (left_ == 0) at_ = At::DataEnd;
    } else if (!take_line_byte(in.front())) {
      return std::nullopt;
    }
    in.remove_prefix(taken);
    progress.consumed += taken;
  }
  return progress;
}

bool AwsChunks::take_line_byte(char c) {
  line_ += c;
  if (line_.ends_with("\r\n")) {
    line_.resize(line_.size() - 2);
    const bool good = line_ended();
    line_.clear();
    return good;
  }
  if (at_ == At::DataEnd) return line_ == "\r";
  if (at_ == At::SizeLine) return line_.size() <= kMaxSizeLine;
  return ++trailers_ <= kMaxTrailers;
}

bool AwsChunks::line_ended() {
  switch (at_) {
    case At::SizeLine:
      return size_line();
    case At::DataEnd:
      at_ = At::SizeLine;
      return line_.empty();
    case At::Trailer:
      if (!line_.empty()) return is_trailer(line_);
      at_ = At::End;
      return true;
    case At::Data:
    case At::End:
      break;
  }
  return false;
}

bool AwsChunks::size_line() {
  const std::string_view line = line_;
  const auto digits =
      static_cast<std::size_t>(std::find_if_not(line.begin(), line.end(), is_hex) - line.begin());
  if (digits == 0 || digits > kMaxSizeDigits) return false;
  std::from_chars(line.data(), line.data() + digits, left_, 16);
  constexpr std::string_view kExtension = ";chunk-signature=";
  std::string_view rest = line.substr(digits);
  if (!rest.empty()) {
    if (!rest.starts_with(kExtension) || !is_signature(rest.substr(kExtension.size())))
      return false;
  }
  at_ = left_ == 0 ? At::Trailer : At::Data;
  return true;
}

}  // namespace bottle
