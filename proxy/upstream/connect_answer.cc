#include "proxy/upstream/connect_answer.h"

#include <algorithm>
#include <charconv>

namespace bottle {
namespace {

constexpr std::size_t kMostWords = 200;

// "HTTP/1.x NNN", alone or with a space and a reason behind it (RFC 9112 section 4). 0: it is none.
int status_of(ByteView line) {
  constexpr ByteView kVersion = "HTTP/1.";
  constexpr std::size_t kStatusAt = 9;
  constexpr std::size_t kEnd = kStatusAt + 3;
  const bool begins = line.size() >= kEnd && line.starts_with(kVersion) &&
                      (line[7] == '0' || line[7] == '1') && line[8] == ' ';
  if (!begins || (line.size() > kEnd && line[kEnd] != ' ')) return 0;
  int status = 0;
  const char* const end = line.data() + kEnd;
  const auto [read, ec] = std::from_chars(line.data() + kStatusAt, end, status);
  return ec == std::errc() && read == end && status >= 100 && status <= 599 ? status : 0;
}

bool is_field(ByteView line) {
  const std::size_t colon = line.find(':');
  if (colon == ByteView::npos || colon == 0) return false;
  const ByteView name = line.substr(0, colon);
  const auto plain = [](char c) { return c > 0x20 && c < 0x7f; };
  return std::all_of(name.begin(), name.end(), plain) && line.find('\0') == ByteView::npos;
}

}  // namespace

Bytes connect_request(ByteView authority, ByteView authorization) {
  Bytes out("CONNECT ");
  out.append(authority).append(" HTTP/1.1\r\nHost: ").append(authority).append("\r\n");
  if (!authorization.empty()) {
    out.append("Proxy-Authorization: ").append(authorization).append("\r\n");
  }
  out += "\r\n";
  return out;
}

std::size_t ConnectAnswer::take(ByteView bytes) {
  std::size_t taken = 0;
  while (state_ == State::NeedMore && taken < bytes.size()) {
    if (room_ == 0) {
      state_ = State::TooLarge;
      break;
    }
    --room_;
    const char c = bytes[taken++];
    if (c != '\n') {
      line_ += c;
      continue;
    }
    // RFC 9112 section 2.2: a LF alone may end a line.
    if (line_.ends_with('\r')) line_.pop_back();
    end_line();
    line_.clear();
  }
  return taken;
}

void ConnectAnswer::end_line() {
  const bool bare_cr = line_.find('\r') != Bytes::npos;
  if (at_status_line_) {
    status_ = bare_cr ? 0 : status_of(line_);
    if (status_ == 0) state_ = State::Malformed;
    at_status_line_ = false;
    return;
  }
  if (!line_.empty()) {
    if (bare_cr || !is_field(line_)) state_ = State::Malformed;
    return;
  }
  if (status_ < 200) {
    at_status_line_ = true;
  } else {
    state_ = State::Complete;
  }
}

Bytes first_words(ByteView body) {
  body = body.substr(0, body.find_first_of("\r\n"));
  Bytes out(body.substr(0, kMostWords));
  std::erase_if(out, [](char c) { return c < 0x20 || c >= 0x7f; });
  return out;
}

}  // namespace bottle
