#include "proxy/guard/answers/event_text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace bottle {
namespace {

constexpr std::string_view kData = "data:";
constexpr std::array<std::string_view, 11> kStreaming{
    "text",  "content", "delta",   "partial_json", "arguments", "thinking",
    "token", "output",  "message", "response",     "completion"};
// A longer string is a text of its own, and not a piece of one.
constexpr std::size_t kPiece = 256;

}  // namespace

bool EventText::key_streams() const noexcept {
  const std::string_view key(key_, key_size_);
  return std::find(kStreaming.begin(), kStreaming.end(), key) != kStreaming.end();
}

void EventText::feed(ByteView in, Bytes& out) {
  for (const char c : in) {
    if (c == '\n' || c == '\r') {
      if (state_ == State::Line) out += '\n';
      state_ = State::Field;
      field_ = 0;
      continue;
    }
    switch (state_) {
      case State::Field:
        if (c == kData[field_]) {
          if (++field_ == kData.size()) state_ = State::Data;
        } else {
          state_ = State::Skip;
        }
        break;
      case State::Skip:
        break;
      case State::Data:
        at_data(c, out);
        break;
      case State::Line:
        out += c;
        break;
      default:
        in_json(c, out);
    }
  }
}

void EventText::at_data(char c, Bytes& out) {
  if (c == ' ') return;
  if (c == '{' || c == '[') {
    state_ = State::Json;
    key_size_ = 0;
    was_key_ = false;
    return;
  }
  state_ = State::Line;
  out += c;
}

// A string is a value if the last token was a key's ':'.
void EventText::in_json(char c, Bytes& out) {
  switch (state_) {
    case State::Json:
      if (c == ':') was_key_ = true;
      if (c == ',' || c == '{' || c == '[') was_key_ = false;
      if (c != '"') return;
      if (was_key_) {
        streams_ = key_streams();
        value_size_ = 0;
        state_ = State::Value;
      } else {
        key_size_ = 0;
        state_ = State::Key;
      }
      return;
    case State::Key:
      if (c == '"') {
        state_ = State::Json;
      } else if (c == '\\') {
        escaped_ = State::Key;
        state_ = State::Escape;
      } else {
        if (key_size_ < kMaxKey) key_[key_size_] = c;
        key_size_ = std::min(key_size_ + 1, kMaxKey);
      }
      return;
    case State::Escape:
      if (escaped_ == State::Value && streams_) out += c;
      state_ = escaped_;
      return;
    default:
      if (c == '"') {
        if (streams_ && value_size_ > kPiece) out += '\n';
        was_key_ = false;
        state_ = State::Json;
        return;
      }
      ++value_size_;
      if (streams_) out += c;
      if (c == '\\') {
        escaped_ = State::Value;
        state_ = State::Escape;
      }
  }
}

}  // namespace bottle
