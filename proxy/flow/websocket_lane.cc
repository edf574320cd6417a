#include "proxy/flow/websocket_lane.h"

#include <algorithm>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

using websocket::CloseCode;
using websocket::Opcode;
using websocket::Sender;

constexpr std::size_t kTextPiece = 64 * 1024;

}  // namespace

// The frames that go out to the receiver are those of its peer: of a client towards an origin.
WebsocketLane::WebsocketLane(const Setup& setup, DecodeSpace& deflate, const Looks& looks)
    : setup_(setup),
      deflate_(deflate),
      look_(looks.messages),
      controls_(looks.controls),
      redaction_(looks.redaction),
      reader_(setup.from, setup.reads.on),
      writer_(setup.from),
      inflater_(deflate, setup.reads.keeps_context, setup.bomb),
      deflater_(deflate, setup.writes.keeps_context, setup.writes.window_bits) {}

void WebsocketLane::feed(Bytes raw) {
  in_ = std::move(raw);
  rest_ = ByteSpan(in_);
}

WebsocketLane::Step WebsocketLane::step() {
  if (stop_ && !discards_) return Step::Stopped;
  if (!discards_) {
    if (out_.size() - out_at_ >= kMostOut) return Step::Output;
    if (redaction_ != nullptr && redaction_->state() != MessageRedaction::State::Collects &&
        !redaction_->gives_way()) {
      return redaction_step();
    }
    if (part_) return go_on_with_part();
  }
  if (closed_) rest_ = {};
  return read_part();
}

WebsocketLane::Step WebsocketLane::read_part() {
  const Part part = reader_.read(rest_);
  switch (part.kind) {
    case Part::Kind::None:
      free_bytes(in_);
      return Step::Input;
    case Part::Kind::Broken:
      rest_ = {};
      if (discards_) return Step::Input;
      return break_off(reader_.violation().code, reader_.violation().what);
    case Part::Kind::Control:
      return control(part);
    case Part::Kind::Data:
      break;
  }
  if (discards_) return Step::Again;
  if (part.message_begins) {
    message_ = {.opcode = part.opcode, .compressed = part.compressed};
    message_.held_for_redaction = redaction_ != nullptr && is_text();
    utf8_.reset();
  }
  part_ = part;
  return Step::Again;
}

WebsocketLane::Step WebsocketLane::control(const Part& part) {
  const bool closes = part.opcode == Opcode::Close;
  if (discards_) {
    closed_ = closed_ || closes;
    return Step::Again;
  }
  websocket::CloseReason reason;
  if (closes) {
    const websocket::Violation wrong = websocket::read_close(part.payload, reason);
    if (wrong.what != nullptr) return break_off(wrong.code, wrong.what);
    closed_ = true;
  }
  const Bytes text = swapped_control(closes ? reason.reason : part.payload, closes);
  if (controls_ != nullptr && !text.empty()) {
    const auto looked =
        controls_->feed({.bytes = text, .is_text = closes, .begins = true, .ends = true});
    if (!looked) return refuse(looked.error(), *controls_);
  }
  if (closes) {
    if (!close_now()) close(reason.code, text);
  } else {
    writer_.write(out_, {.opcode = part.opcode}, text);
  }
  return Step::Again;
}

// Between two messages they go through the swaps as one does. Within a message, a close frame loses
// its reason; a ping keeps its payload, by which its pong is known.
Bytes WebsocketLane::swapped_control(ByteView payload, bool closes) {
  Bytes text(payload);
  if (setup_.swaps == nullptr || setup_.swaps->empty() || text.empty()) return text;
  if (!reader_.at_message()) return closes ? Bytes() : text;
  for (const auto& swap : *setup_.swaps) text = swap->feed(text, true);
  if (!closes && text.size() > websocket::kMostControl) text.resize(websocket::kMostControl);
  return text;
}

WebsocketLane::Step WebsocketLane::go_on_with_part() {
  const bool last = part_->message_ends;
  if (!part_->compressed) {
    const ByteView text = part_->payload;
    part_.reset();
    return piece(text, last);
  }
  const ByteSpan room = deflate_.room();
  const auto made = inflater_.inflate(part_->payload, room, last);
  if (!made) return inflate_failed(made.error());
  const bool over = last ? inflater_.done() : part_->payload.empty() && *made < room.size();
  if (over) part_.reset();
  const bool ends = over && last;
  if (*made == 0 && !ends) return Step::Again;
  return piece(ByteView(room.data(), *made), ends);
}

WebsocketLane::Step WebsocketLane::piece(ByteView text, bool ends) {
  message_.size += text.size();
  if (message_.size > setup_.message_bytes) {
    return break_off(CloseCode::TooBig,
                     "a message has more than " + std::to_string(setup_.message_bytes) + " bytes");
  }
  if (is_text()) {
    const bool good = utf8_.feed(text) && (!ends || utf8_.complete());
    if (!good) return break_off(CloseCode::InvalidData, "a text message is not UTF-8");
  }
  if (setup_.swaps != nullptr && !setup_.swaps->empty()) return swapped(text, ends);
  if (!message_.held_for_redaction) return look_at(text, ends);
  if (redaction_->gives_way()) {
    if (ends) redaction_->rest_ended();
    return look_at(text, ends);
  }
  redaction_->take(text, ends);
  // It may be too large with its last piece: then no other piece ends it.
  message_.ended = ends;
  return Step::Again;
}

WebsocketLane::Step WebsocketLane::swapped(ByteView text, bool ends) {
  Bytes now(text);
  for (const auto& swap : *setup_.swaps) now = swap->feed(now, ends);
  if (now.empty() && !ends) return Step::Again;
  return look_at(now, ends);
}

WebsocketLane::Step WebsocketLane::redaction_step() {
  switch (redaction_->state()) {
    case MessageRedaction::State::Works: {
      auto worked = redaction_->step();
      if (!worked) return refuse(worked.error(), *look_);
      return Step::Again;
    }
    case MessageRedaction::State::Clean: {
      bool last = false;
      const Bytes text = redaction_->give(kTextPiece, last);
      emit(text, last);
      return Step::Again;
    }
    case MessageRedaction::State::TooLarge: {
      bool last = false;
      const Bytes text = redaction_->give(kTextPiece, last);
      const bool ends = last && message_.ended;
      if (ends) redaction_->rest_ended();
      return look_at(text, ends);
    }
    case MessageRedaction::State::Collects:
      break;
  }
  return Step::Again;
}

WebsocketLane::Step WebsocketLane::look_at(ByteView text, bool ends) {
  if (look_ == nullptr) {
    emit(text, ends);
    return Step::Again;
  }
  auto keep = look_->feed({.bytes = text,
                           .is_text = is_text(),
                           .begins = !std::exchange(message_.looked_at, true),
                           .ends = ends});
  if (!keep) return refuse(keep.error(), *look_);
  if (ends && held_.empty()) {
    emit(text, true);
    return Step::Again;
  }
  held_ += text;
  if (!ends) {
    let_go(*keep);
    return Step::Again;
  }
  emit(held_, true);
  held_.clear();
  return Step::Again;
}

void WebsocketLane::let_go(std::size_t keep) {
  if (held_.size() <= keep) return;
  const std::size_t go = held_.size() - keep;
  emit(ByteView(held_).substr(0, go), false);
  held_.erase(0, go);
}

bool WebsocketLane::pause() {
  if (held_.empty() || look_ == nullptr || discards_ || closed_) return true;
  const auto keep = look_->pause();
  if (!keep) return refuse(keep.error(), *look_) != Step::Stopped;
  let_go(*keep);
  return true;
}

// A frame of its own for each piece: how a message is cut up means nothing (RFC 6455 section 5.4).
void WebsocketLane::emit(ByteView text, bool ends) {
  if (text.empty() && !ends) return;
  const bool begins = !message_.begun;
  if (begins) {
    // As its sender has it, who knows whether it is worth it.
    message_.compresses = message_.compressed && setup_.writes.on && deflater_.begin();
  }
  Bytes packed;
  if (message_.compresses) deflater_.deflate(text, ends, packed);
  writer_.write(out_,
                {.opcode = begins ? message_.opcode : Opcode::Continuation,
                 .final = ends,
                 .compressed = begins && message_.compresses},
                message_.compresses ? ByteView(packed) : text);
  message_.begun = true;
}

Bytes WebsocketLane::take(std::size_t most) {
  if (out_at_ == 0 && out_.size() <= most) return std::exchange(out_, Bytes());
  Bytes piece = out_.substr(out_at_, most);
  out_at_ += piece.size();
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
  }
  return piece;
}

void WebsocketLane::close(CloseCode code, ByteView reason) {
  if (std::exchange(close_written_, true)) return;
  writer_.write_close(out_, code, reason);
}

void WebsocketLane::close_instead(CloseCode code, std::string reason) {
  instead_ = Close{.code = code, .reason = std::move(reason)};
}

bool WebsocketLane::close_now() {
  if (instead_) close(instead_->code, instead_->reason);
  return instead_.has_value();
}

// ---- the early ends ----------------------------------------------------------------------------

WebsocketLane::Step WebsocketLane::break_off(CloseCode code, std::string what) {
  const bool client = setup_.from == Sender::Client;
  const bool size = code == CloseCode::TooBig;
  LaneStop stop;
  stop.failure =
      Failure(client ? (size ? Code::BodyTooLarge : Code::ClientBad) : Code::UpstreamBroken, what,
              size ? problem_code::kWebsocketMessageTooLarge : problem_code::kWebsocketBroken);
  stop.to_sender = code;
  // A client that makes a mistake still hears what the origin says to the messages before it.
  stop.answers_first = client;
  stop.to_receiver = client ? CloseCode::ProtocolError : CloseCode::BadGateway;
  stop.to_client = client ? std::move(what) : "the origin broke the protocol: " + what;
  stop_ = std::move(stop);
  return Step::Stopped;
}

WebsocketLane::Step WebsocketLane::inflate_failed(const Failure& failure) {
  if (failure.code == Code::Overloaded) return stop_for(failure, std::nullopt);
  const bool bomb = failure.code == Code::BodyTooLarge;
  return break_off(bomb ? CloseCode::TooBig : CloseCode::InvalidData, failure.detail);
}

WebsocketLane::Step WebsocketLane::refuse(Failure failure, const MessageLook& look) {
  return stop_for(std::move(failure), look.refused());
}

WebsocketLane::Step WebsocketLane::stop_for(Failure failure,
                                            const std::optional<Finding>& finding) {
  LaneStop stop;
  const bool memory = failure.code == Code::Overloaded;
  const CloseCode code = memory ? CloseCode::TryAgainLater : CloseCode::Policy;
  stop.to_sender = code;
  stop.to_receiver = code;
  stop.to_client = failure.detail;
  if (finding && !memory) {
    const bool leaves = setup_.from == Sender::Client;
    stop.to_client = (leaves ? "secret in message: " : "blocked message: ") + finding->name +
                     (leaves ? "; remove it and go on" : "; refused by the bottle");
    stop.finding = finding;
  }
  stop.failure = std::move(failure);
  stop_ = std::move(stop);
  return Step::Stopped;
}

}  // namespace bottle
