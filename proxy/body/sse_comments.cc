#include "proxy/body/sse_comments.h"

#include <string_view>

namespace bottle {
namespace {

// A comment, and the blank line that closes it for clients which hand a stream on in blocks.
constexpr ByteView kComment = ": keep-alive\n\n";

}  // namespace

bool is_event_stream(const Fields& response_fields) {
  const auto type = response_fields.find("content-type");
  return type && iequals(trim_ows(type->substr(0, type->find(';'))), "text/event-stream");
}

SseComments::SseComments(Clock::time_point now, std::chrono::milliseconds idle)
    : last_(now), idle_(idle) {}

void SseComments::passed(ByteView bytes, Clock::time_point now) {
  if (bytes.empty()) return;
  last_ = now;
  for (const char c : bytes) step(c);
}

void SseComments::step(char c) {
  if (c == '\n') {
    // At a boundary this is one more blank line, or the LF of the CR that made the last one.
    at_ = at_ == At::InLine || at_ == At::AfterCr ? At::LineStart : At::Boundary;
  } else if (c == '\r') {
    at_ = at_ == At::InLine ? At::AfterCr : At::Boundary;
  } else {
    at_ = At::InLine;
  }
}

std::optional<SseComments::Clock::time_point> SseComments::due() const {
  if (ended_ || at_ != At::Boundary) return std::nullopt;
  return last_ + idle_;
}

ByteView SseComments::emit(Clock::time_point now) {
  const auto when = due();
  if (!when || now < *when) return {};
  last_ = now;
  return kComment;
}

}  // namespace bottle
