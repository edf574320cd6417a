#include "proxy/body/message_decoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

Failure unknown_coding() {
  return Failure{
      Code::NotSupported,
      "a message is compressed, and its field for that (grpc-encoding) names no coding "
      "that the guard can undo",
      problem_code::kCodingNotScannable,
      "Send messages uncompressed, or with gzip, deflate, br or zstd. " + std::string(kUnreadHint)};
}

}  // namespace

MessageDecoder::MessageDecoder(const MessageForm& form, DecodeLimits limits, DecodeSpace& space)
    : coding_(form.coding),
      unread_passes_(form.unread_passes),
      limits_(limits),
      space_(space),
      frames_(form.flags) {}

Result<ContentDecoder::Progress> MessageDecoder::decode(ByteView in, ByteSpan out) {
  if (failure_) return *failure_;
  Progress total;
  for (;;) {
    const auto one = step(in.substr(total.consumed), out.subspan(total.produced));
    if (!one) return fail(one.error());
    total.consumed += one->consumed;
    total.produced += one->produced;
    if (one->consumed + one->produced == 0) return total;
  }
}

Result<ContentDecoder::Progress> MessageDecoder::step(ByteView in, ByteSpan out) {
  if (coded_) return inflate(in, out);
  if (frames_.left() > 0) {
    const std::size_t size = in.substr(0, frames_.left()).copy(out.data(), out.size());
    frames_.passed(size);
    in_ += size;
    out_ += size;
    return Progress{.consumed = size, .produced = size};
  }
  const std::size_t before = in.size();
  auto begun = frames_.begin(in);
  if (!begun) return begun.error();
  const std::size_t taken = before - in.size();
  in_ += taken;
  if (*begun && (*begun)->compressed && (*begun)->size > 0) {
    const bool known = coding_ && *coding_ != Coding::Identity;
    if (!known && !unread_passes_) return unknown_coding();
    if (known) coded_ = ContentDecoder::make(*coding_, limits_, space_);
  }
  return Progress{.consumed = taken, .produced = 0};
}

// The stream and the message must end together, as all of a message is one stream.
Result<ContentDecoder::Progress> MessageDecoder::inflate(ByteView in, ByteSpan out) {
  const auto progress = coded_->decode(in.substr(0, frames_.left()), out);
  if (!progress) return progress.error();
  frames_.passed(progress->consumed);
  in_ += progress->consumed;
  out_ += progress->produced;
  // A decoder bounds the ratio of its own message, of which the first piece is free.
  if (out_ > limits_.ratio_after && out_ > in_ * limits_.ratio) {
    return Failure{
        Code::BodyTooLarge,
        "the messages decode to more than " + std::to_string(limits_.ratio) + " times their size",
        problem_code::kCodingBomb, "Send the messages uncompressed."};
  }
  if (frames_.left() == 0 && progress->produced < out.size()) {
    auto whole = coded_->finish();
    if (!whole) return whole.error();
    coded_.reset();
  } else if (progress->consumed + progress->produced == 0 && !in.empty() && !out.empty()) {
    return Failure{Code::ClientBad, "a compressed message leads nowhere",
                   problem_code::kCodingBroken};
  }
  return *progress;
}

Result<> MessageDecoder::finish() {
  if (failure_) return *failure_;
  if (!coded_ && frames_.whole()) return {};
  return fail(Failure{Code::ClientBad, "the body ends in the middle of a message",
                      problem_code::kCodingBroken, "Send whole messages."});
}

Failure MessageDecoder::fail(Failure failure) {
  failure_ = std::move(failure);
  return *failure_;
}

}  // namespace bottle
