#include "proxy/credentials/aws_chunk_signer.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

namespace bottle {
namespace {

constexpr std::string_view kStreaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
constexpr std::string_view kStreamingTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
constexpr std::string_view kChunk = "AWS4-HMAC-SHA256-PAYLOAD";
constexpr std::string_view kTrailer = "AWS4-HMAC-SHA256-TRAILER";
constexpr std::string_view kExtension = ";chunk-signature=";
constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature:";
constexpr std::string_view kEnd = "\r\n";
constexpr std::size_t kMaxLine = 256;
constexpr std::size_t kMaxTrailers = 8 * 1024;

std::unique_ptr<MacKey> key_of(ByteView secret, std::string_view scope) {
  Digest key = aws_signing_key(secret, scope);
  auto made = std::make_unique<MacKey>(
      std::string_view(reinterpret_cast<const char*>(key.data()), key.size()));
  ::explicit_bzero(key.data(), key.size());
  return made;
}

}  // namespace

bool signs_chunks(const RequestHead& head) {
  const auto hash = head.fields.find("x-amz-content-sha256");
  return hash == kStreaming || hash == kStreamingTrailer;
}

AwsChunkSigner::AwsChunkSigner(const AwsSignature& sent, std::string_view anew,
                               ByteView placeholder, ByteView value)
    : time_(sent.time),
      scope_(sent.scope),
      client_key_(key_of(placeholder, sent.scope)),
      key_(key_of(value, sent.scope)),
      client_digits_(sent.digits),
      digits_(anew) {}

Bytes AwsChunkSigner::feed(ByteView piece) {
  held_ += piece;
  Bytes out;
  while (step(out)) {
  }
  return out;
}

Bytes AwsChunkSigner::finish() { return std::exchange(held_, {}); }

bool AwsChunkSigner::step(Bytes& out) {
  if (too_long_) return false;
  switch (at_) {
    case At::SizeLine:
      return take_size_line();
    case At::Data:
      return take_chunk(out);
    case At::Trailer:
      return take_trailer_line(out);
    case At::AsItIs:
      out += std::exchange(held_, {});
      return false;
  }
  return false;
}

bool AwsChunkSigner::as_it_is() {
  at_ = At::AsItIs;
  return true;
}

bool AwsChunkSigner::take_size_line() {
  const std::size_t end = held_.find(kEnd);
  if (end == Bytes::npos) return held_.size() > kMaxLine && as_it_is();
  const std::string_view line = std::string_view(held_).substr(0, end);
  const std::size_t digits = std::min(line.find(';'), line.size());
  const auto read = std::from_chars(line.data(), line.data() + digits, chunk_, 16);
  if (read.ec != std::errc() || read.ptr != line.data() + digits) return as_it_is();
  if (!line.substr(digits).starts_with(kExtension) ||
      line.size() != digits + kExtension.size() + kAwsDigits) {
    return as_it_is();
  }
  line_ = end + kEnd.size();
  too_long_ = chunk_ > kMaxChunk;
  at_ = At::Data;
  return true;
}

bool AwsChunkSigner::take_chunk(Bytes& out) {
  const std::size_t data_end = line_ + chunk_;
  const bool last = chunk_ == 0;
  // Behind the last chunk come trailers, or an empty line.
  const std::size_t end = last ? data_end : data_end + kEnd.size();
  if (held_.size() < end) return false;
  const std::string text(held_, line_, chunk_);
  if (!sign(kChunk, text, line_ - kEnd.size() - kAwsDigits)) return as_it_is();
  out.append(held_, 0, end);
  held_.erase(0, end);
  at_ = last ? At::Trailer : At::SizeLine;
  return true;
}

bool AwsChunkSigner::take_trailer_line(Bytes& out) {
  const std::size_t end = held_.find(kEnd);
  if (end == Bytes::npos) return held_.size() > kMaxTrailers && as_it_is();
  const std::string_view line = std::string_view(held_).substr(0, end);
  if (line.empty()) return as_it_is();
  if (line.starts_with(kTrailerSignature)) {
    const std::string_view digits = line.substr(kTrailerSignature.size());
    if (digits.size() != kAwsDigits || !sign(kTrailer, trailers_, kTrailerSignature.size())) {
      return as_it_is();
    }
  } else {
    trailers_.append(line).append(line.ends_with('\n') ? "" : "\n");
    if (trailers_.size() > kMaxTrailers) return as_it_is();
  }
  out.append(held_, 0, end + kEnd.size());
  held_.erase(0, end + kEnd.size());
  return true;
}

bool AwsChunkSigner::sign(std::string_view kind, std::string_view text, std::size_t at) {
  const std::string begin = std::string(kind) + "\n" + time_ + "\n" + scope_ + "\n";
  // Signed fields of a chunk come first; there are none.
  const std::string rest =
      "\n" + (kind == kChunk ? hex(sha256({})) + "\n" : std::string()) + hex(sha256(text));
  client_digits_ = hex(client_key_->mac(begin + client_digits_ + rest));
  if (ByteView(held_).substr(at, kAwsDigits) != client_digits_) return false;
  digits_ = hex(key_->mac(begin + digits_ + rest));
  held_.replace(at, kAwsDigits, digits_);
  return true;
}

}  // namespace bottle
