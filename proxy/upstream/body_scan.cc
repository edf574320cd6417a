#include "proxy/upstream/body_scan.h"

#include <utility>

namespace bottle {
namespace {

constexpr std::size_t kRoom = 65536;

}  // namespace

BodyScan::BodyScan(const SecretSet& set, ScanSpace& space, std::string_view host, Scheme scheme,
                   Coding coding, DecodeLimits limits)
    : raw_(set, space, host, scheme) {
  if (coding == Coding::Identity)
    return;  // as it comes: streamed on, so no limit but the session's
  decoded_.emplace(set, space, host, scheme);
  decoder_ = ContentDecoder::make(coding, limits);
  room_ = std::make_unique<char[]>(kRoom);
}

Result<Bytes> BodyScan::feed(Bytes piece, bool end) {
  const ScanResult raw = raw_.feed(piece);
  if (raw.hit) return refusal(*raw.hit);
  if (end) {
    const std::optional<Hit> last = raw_.finish();
    if (last) return refusal(*last);
  }
  if (!decoder_) return piece;
  auto decoded = decode(piece);
  if (!decoded) return decoded.error();
  if (end) {
    auto finished = decoder_->finish();
    if (!finished) return finished.error();
    const std::optional<Hit> last = decoded_->finish();
    if (last) return refusal(*last);
  }
  held_ += piece;
  const std::size_t held = end ? 0 : decoder_->unseen();
  Bytes out = held_.substr(0, held_.size() - held);
  held_.erase(0, out.size());
  return out;
}

Result<> BodyScan::decode(ByteView in) {
  bool full = false;
  while (!in.empty() || full) {
    const auto progress = decoder_->decode(in, ByteSpan(room_.get(), kRoom));
    if (!progress) return progress.error();
    in.remove_prefix(progress->consumed);
    full = progress->produced == kRoom;
    const ScanResult result = decoded_->feed(ByteView(room_.get(), progress->produced));
    if (result.hit) return refusal(*result.hit);
  }
  return {};
}

}  // namespace bottle
