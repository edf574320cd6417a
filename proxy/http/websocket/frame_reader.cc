#include "proxy/http/websocket/frame_reader.h"

#include <algorithm>
#include <cstring>

#include "proxy/http/websocket/utf8_check.h"

namespace bottle::websocket {
namespace {

constexpr unsigned char kFin = 0x80;
constexpr unsigned char kRsv1 = 0x40;
constexpr unsigned char kRsv2And3 = 0x30;
constexpr unsigned char kOpcode = 0x0f;
constexpr unsigned char kMasked = 0x80;
constexpr unsigned char kLength = 0x7f;
constexpr unsigned char kLength16 = 126;
constexpr unsigned char kLength64 = 127;

bool is_control(Opcode opcode) noexcept { return (static_cast<unsigned>(opcode) & 0x8u) != 0; }

bool is_known(unsigned opcode) noexcept {
  return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xa);
}

}  // namespace

FrameReader::Part FrameReader::read(ByteSpan& in) noexcept {
  while (state_ == State::Head) {
    const std::size_t take = std::min(head_needs() - head_size_, in.size());
    std::copy_n(in.begin(), take, head_ + head_size_);
    head_size_ += take;
    in = in.subspan(take);
    // Said as soon as it can be: a frame that is none is not waited for.
    if (head_size_ >= 2) {
      if (const char* const what = wrong_start()) return broken(what);
    }
    if (head_size_ < head_needs()) {
      if (in.empty()) return {};
      continue;
    }
    if (const char* const what = take_head()) return broken(what);
    state_ = State::Payload;
  }
  if (state_ == State::Broken) return broken(violation_.what);
  return is_control(opcode_) ? control(in) : data(in);
}

std::size_t FrameReader::head_needs() const noexcept {
  if (head_size_ < 2) return 2;
  const unsigned char length = head_byte(1) & kLength;
  const std::size_t extended = length == kLength64 ? 8 : length == kLength16 ? 2 : 0;
  return 2 + extended + ((head_byte(1) & kMasked) != 0 ? 4 : 0);
}

const char* FrameReader::wrong_start() const noexcept {
  const unsigned char first = head_byte(0);
  const unsigned opcode = first & kOpcode;
  const bool final = (first & kFin) != 0;
  const bool rsv1 = (first & kRsv1) != 0;
  const unsigned char length = head_byte(1) & kLength;
  if ((first & kRsv2And3) != 0) return "a frame has a reserved bit set";
  if (!is_known(opcode)) return "a frame has a reserved opcode";
  if (is_control(static_cast<Opcode>(opcode))) {
    if (!final) return "a control frame is fragmented";
    if (length > kMostControl) return "a control frame is longer than 125 bytes";
    if (rsv1) return "a control frame has a reserved bit set";
  } else if (opcode == 0) {
    if (!in_message_) return "a frame continues a message that has not begun";
    if (rsv1) return "a frame that continues a message has a reserved bit set";
  } else {
    if (in_message_) return "a message begins before the one before it has ended";
    if (rsv1 && !compresses_) return "a frame has a reserved bit set";
  }
  const bool masked = (head_byte(1) & kMasked) != 0;
  if (masked && from_ == Sender::Server) return "a frame of the server is masked";
  if (!masked && from_ == Sender::Client) return "a frame of the client is not masked";
  return nullptr;
}

const char* FrameReader::take_head() noexcept {
  const unsigned char first = head_byte(0);
  const unsigned char length = head_byte(1) & kLength;
  masked_ = (head_byte(1) & kMasked) != 0;
  std::size_t at = 2;
  left_ = length;
  if (length >= kLength16) {
    const std::size_t size = length == kLength64 ? 8 : 2;
    left_ = 0;
    for (std::size_t i = 0; i < size; ++i) left_ = left_ << 8 | head_byte(at++);
    if (left_ >> 63 != 0) return "a frame's length has more than 63 bits";
    if (left_ < (size == 8 ? 0x10000u : 126u))
      return "a frame's length is not in its shortest form";
  }
  if (masked_) std::memcpy(mask_, head_ + at, sizeof mask_);
  opcode_ = static_cast<Opcode>(first & kOpcode);
  final_ = (first & kFin) != 0;
  at_ = 0;
  head_size_ = 0;
  if (!is_control(opcode_) && opcode_ != Opcode::Continuation) {
    in_message_ = true;
    message_told_ = false;
    message_ = opcode_;
    compressed_ = (first & kRsv1) != 0;
  }
  return nullptr;
}

FrameReader::Part FrameReader::data(ByteSpan& in) noexcept {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
  const ByteSpan payload = in.first(size);
  if (masked_) apply_mask(payload, mask_, at_);
  in = in.subspan(size);
  at_ += size;
  left_ -= size;
  Part part;
  if (left_ > 0 && size == 0) return part;
  part.kind = Part::Kind::Data;
  part.opcode = message_;
  part.compressed = compressed_;
  part.message_begins = !message_told_;
  part.payload = ByteView(payload.data(), payload.size());
  message_told_ = true;
  if (left_ == 0) {
    state_ = State::Head;
    part.message_ends = final_;
    if (final_) in_message_ = false;
  }
  return part;
}

FrameReader::Part FrameReader::control(ByteSpan& in) noexcept {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
  const ByteSpan payload = in.first(size);
  if (masked_) apply_mask(payload, mask_, at_);
  std::copy_n(payload.begin(), size, control_ + at_);
  in = in.subspan(size);
  at_ += size;
  left_ -= size;
  Part part;
  if (left_ > 0) return part;
  state_ = State::Head;
  part.kind = Part::Kind::Control;
  part.opcode = opcode_;
  part.payload = ByteView(control_, static_cast<std::size_t>(at_));
  return part;
}

FrameReader::Part FrameReader::broken(const char* what) noexcept {
  state_ = State::Broken;
  violation_ = Violation{CloseCode::ProtocolError, what};
  Part part;
  part.kind = Part::Kind::Broken;
  return part;
}

Violation read_close(ByteView payload, CloseReason& out) noexcept {
  out = {};
  if (payload.empty()) return Violation{CloseCode::None, nullptr};
  if (payload.size() == 1)
    return Violation{CloseCode::ProtocolError, "a close frame has half a code"};
  const auto code = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                               static_cast<unsigned char>(payload[1]));
  if (!may_be_sent(code)) {
    return Violation{CloseCode::ProtocolError, "a close frame has a code that may not be sent"};
  }
  Utf8Check check;
  if (!check.feed(payload.substr(2)) || !check.complete()) {
    return Violation{CloseCode::InvalidData, "a close frame's reason is not UTF-8"};
  }
  out.code = static_cast<CloseCode>(code);
  out.reason = payload.substr(2);
  return Violation{CloseCode::None, nullptr};
}

}  // namespace bottle::websocket
