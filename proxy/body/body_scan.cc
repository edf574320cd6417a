#include "proxy/body/body_scan.h"

#include <algorithm>
#include <utility>

namespace bottle {
namespace {

struct Begins {
  bool maybe = false;  // more bytes would tell
  Coding coding = Coding::Identity;
};

// Recognises a stream by its first bytes: gzip (RFC 1952 section 2.3.1), zstd (RFC 8878 section
// 3.1.1), zlib (RFC 1950 section 2.2). Brotli has no such mark.
Begins begins_as(ByteView bytes) {
  using namespace std::string_view_literals;
  struct Mark {
    std::string_view bytes;
    Coding coding;
  };
  static constexpr Mark kMarks[] = {{"\x1f\x8b\x08"sv, Coding::Gzip},
                                    {"\x28\xb5\x2f\xfd"sv, Coding::Zstd}};
  for (const Mark& mark : kMarks) {
    if (bytes.starts_with(mark.bytes)) return {.maybe = false, .coding = mark.coding};
    if (mark.bytes.starts_with(bytes)) return {.maybe = true, .coding = Coding::Identity};
  }
  const auto first = static_cast<unsigned char>(bytes.front());
  if ((first & 0x0f) != 8 || (first >> 4) > 7) return {};
  if (bytes.size() == 1) return {.maybe = true, .coding = Coding::Identity};
  const auto second = static_cast<unsigned char>(bytes[1]);
  const bool zlib = (first * 256 + second) % 31 == 0;
  return {.maybe = false, .coding = zlib ? Coding::Deflate : Coding::Identity};
}

bool refuses_undeclared(const Failure& failure) {
  return failure.code == Code::Denied || failure.code == Code::Overloaded;
}

}  // namespace

BodyScan::BodyScan(const SecretSet& set, ScanSpace& scan, DecodeSpace& decode,
                   std::string_view host, Scheme scheme, const Codings& codings,
                   DecodeLimits limits)
    : set_(set),
      scan_space_(scan),
      space_(decode),
      host_(host),
      scheme_(scheme),
      limits_(limits),
      raw_(set, scan, host, scheme),
      declared_(!codings.empty()),
      sniffing_(codings.empty()) {
  if (!declared_) return;  // as it comes: streamed on, so no limit but the session's
  decoded_.emplace(set, scan, host, scheme);
  decoder_ = ContentDecoder::make(codings, limits, space_);
}

Result<Bytes> BodyScan::feed(Bytes piece, bool end) {
  const ScanResult raw = raw_.feed(piece);
  if (raw.refused) return refusal(*raw.refused);
  if (end) {
    const std::optional<Finding> last = raw_.finish();
    if (last) return refusal(*last);
  }
  const auto decoded = declared_ ? decode(piece) : decode_undeclared(piece);
  if (!decoded) return decoded.error();
  if (end) {
    auto finished = finish_decoded();
    if (!finished) return finished.error();
  }
  if (held_.empty() && !decoder_) return piece;
  held_ += piece;
  const std::size_t unseen = end || !decoder_ ? 0 : decoder_->unseen();
  Bytes out = held_.substr(0, held_.size() - std::min(unseen, held_.size()));
  held_.erase(0, out.size());
  return out;
}

Result<> BodyScan::decode(ByteView in) {
  bool full = false;
  while (!in.empty() || full) {
    const auto progress = decoder_->decode(in, space_.room());
    if (!progress) return progress.error();
    in.remove_prefix(progress->consumed);
    full = progress->produced == space_.room().size();
    auto shown = show(progress->produced);
    if (!shown) return shown;
  }
  return {};
}

// Of the decoder's output, in the room.
Result<> BodyScan::show(std::size_t decoded) {
  const ScanResult result = decoded_->feed(ByteView(space_.room().data(), decoded));
  if (result.refused) return refusal(*result.refused);
  return {};
}

Result<> BodyScan::decode_undeclared(ByteView in) {
  bool full = false;
  while (!in.empty() || full) {
    if (sniffing_) {
      beginning_ += in.front();
      in.remove_prefix(1);
      begin_undeclared();
      continue;
    }
    if (!decoder_) return {};
    const auto progress = decoder_->decode(in, space_.room());
    if (!progress) {
      if (refuses_undeclared(progress.error())) return progress.error();
      decoder_.reset();
      return {};
    }
    in.remove_prefix(progress->consumed);
    full = progress->produced == space_.room().size();
    limits_.decoded_bytes -= std::min<std::uint64_t>(limits_.decoded_bytes, progress->produced);
    auto shown = show(progress->produced);
    if (!shown) return shown;
    if (!decoder_->ended()) continue;
    // Another member or frame may follow, which unpacking tools take for the same text.
    decoder_.reset();
    full = false;
    sniffing_ = true;
  }
  return {};
}

// With a byte more of `beginning_`.
void BodyScan::begin_undeclared() {
  const Begins begins = begins_as(beginning_);
  if (begins.maybe) return;
  sniffing_ = false;
  if (begins.coding != Coding::Identity && streams_left_ > 0) {
    --streams_left_;
    if (!decoded_) decoded_.emplace(set_, scan_space_, host_, scheme_);
    decoder_ = ContentDecoder::make(begins.coding, limits_, space_);
    // The mark alone gives nothing out and needs no memory to speak of; what goes wrong with it
    // shows with the next byte.
    ByteView mark = beginning_;
    while (!mark.empty()) {
      const auto progress = decoder_->decode(mark, space_.room());
      if (!progress) break;
      mark.remove_prefix(progress->consumed);
    }
  }
  beginning_.clear();
}

Result<> BodyScan::finish_decoded() {
  if (declared_) {
    auto finished = decoder_->finish();
    if (!finished) return finished;
  }
  if (!decoded_) return {};
  const std::optional<Finding> last = decoded_->finish();
  if (last) return refusal(*last);
  return {};
}

}  // namespace bottle
