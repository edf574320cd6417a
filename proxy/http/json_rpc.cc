#include "proxy/http/json_rpc.h"

#include <algorithm>
#include <utility>

#include "proxy/base/json_bytes.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxRead = 64 * 1024;
constexpr std::size_t kMaxId = 64;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_number(std::string_view text) {
  if (text.empty()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
  });
}

// A character that may be said again as it is, even to a client that takes the answer for HTML.
bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '<' && c != '>' && c != '&'; }

}  // namespace

void JsonRpcReader::feed(ByteView piece) {
  const bool too_long = piece.size() > kMaxRead - read_;
  piece = piece.substr(0, kMaxRead - read_);
  read_ += piece.size();
  while (!piece.empty() && !done()) {
    const std::size_t passed = pass_value(piece);
    piece.remove_prefix(passed);
    if (piece.empty()) break;
    take(piece.front());
    piece.remove_prefix(1);
  }
  if (too_long) state_ = State::Done;
}

// How many bytes of `piece` are within an object or array that is a value, and change nothing.
std::size_t JsonRpcReader::pass_value(ByteView piece) const {
  if (state_ == State::DeepString && !escaped_) return plain_json_bytes(piece);
  if (state_ != State::Deep) return 0;
  const auto means = [](char c) { return c == '"' || (c | 0x20) == '{' || (c | 0x20) == '}'; };
  std::size_t at = 0;
  while (at < piece.size() && !means(piece[at])) ++at;
  return at;
}

void JsonRpcReader::take(char c) {
  switch (state_) {
    case State::Begin:
      if (is_space(c)) return;
      state_ = c == '{' ? State::Key : State::Done;
      return;
    case State::Key:
      if (is_space(c) || c == ',') return;
      state_ = c == '"' ? State::InKey : State::Done;
      text_.clear();
      odd_ = false;
      return;
    case State::InKey:
      take_in_string(c, State::Colon);
      return;
    case State::Colon:
      if (is_space(c)) return;
      key_ = odd_ ? std::string() : std::exchange(text_, {});
      state_ = c == ':' ? State::Value : State::Done;
      return;
    case State::Value:
      if (!is_space(c)) value_begins(c);
      return;
    case State::InString:
      take_in_string(c, State::Key);
      if (state_ == State::Key) value_ends();
      return;
    case State::InScalar:
      if (c != ',' && c != '}' && !is_space(c)) return note(c);
      value_ends();
      if (c == '}') state_ = State::Done;
      return;
    case State::Deep:
      if (c == '"') {
        state_ = State::DeepString;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if ((c == '}' || c == ']') && --depth_ == 0) {
        state_ = State::Key;
      }
      return;
    case State::DeepString:
      take_in_string(c, State::Deep);
      return;
    case State::Done:
      return;
  }
}

void JsonRpcReader::take_in_string(char c, State after) {
  if (std::exchange(escaped_, false)) return;
  if (c == '"') {
    state_ = after;
  } else if (c == '\\') {
    escaped_ = true;
    odd_ = true;
  } else if (state_ != State::DeepString) {
    note(c);
  }
}

void JsonRpcReader::note(char c) {
  if (text_.size() == kMaxId || !is_plain(c)) {
    odd_ = true;
  } else {
    text_ += c;
  }
}

void JsonRpcReader::value_begins(char c) {
  text_.clear();
  odd_ = false;
  if (c == '"') {
    state_ = State::InString;
  } else if (c == '{' || c == '[') {
    state_ = State::Deep;
    depth_ = 1;
  } else {
    state_ = State::InScalar;
    note(c);
  }
}

void JsonRpcReader::value_ends() {
  const bool was_string = state_ != State::InScalar;
  state_ = State::Key;
  if (key_ == "jsonrpc") is_call_ = was_string && !odd_ && text_ == "2.0";
  if (key_ == "id" && !odd_) {
    if (was_string) {
      id_ = '"' + text_ + '"';
    } else if (is_number(text_)) {
      id_ = text_;
    }
  }
  if (is_call_ && !id_.empty()) state_ = State::Done;
}

}  // namespace bottle
