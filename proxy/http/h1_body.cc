#include "proxy/http/h1_body.h"

#include <algorithm>

#include "proxy/contract/hex_digit.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/byte_class.h"

namespace bottle {

H1Body::H1Body(const HeadLimits& limits)
    : limits_(limits),
      trailers_(H1Lines::Section::Trailers,
                {limits.trailer_bytes, limits.trailer_fields, limits.name_bytes, 0}) {}

void H1Body::clear() {
  state_ = State::Complete;
  remaining_ = 0;
  ext_total_ = 0;
  line_.clear();
  trailers_.clear();
}

void H1Body::start(BodyFraming framing) {
  switch (framing.kind) {
    case BodyFraming::Kind::None:
      state_ = State::Complete;
      break;
    case BodyFraming::Kind::Length:
      remaining_ = framing.length;
      state_ = remaining_ == 0 ? State::Complete : State::Counted;
      break;
    case BodyFraming::Kind::Chunked:
      state_ = State::ChunkSize;
      break;
    case BodyFraming::Kind::UntilClose:
      state_ = State::UntilClose;
      break;
  }
}

Result<std::size_t> H1Body::feed(ByteView in, Bytes& out) {
  std::size_t used = 0;
  while (used < in.size() && state_ != State::Complete) {
    const ByteView rest = in.substr(used);
    switch (state_) {
      case State::UntilClose:
        out.append(rest);
        used += rest.size();
        break;
      case State::Counted:
      case State::ChunkData: {
        const std::size_t take =
            static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, rest.size()));
        out.append(rest.substr(0, take));
        used += take;
        remaining_ -= take;
        if (remaining_ == 0) {
          state_ = state_ == State::Counted ? State::Complete : State::ChunkEnd;
        }
        break;
      }
      case State::ChunkSize: {
        // "8 digits; extension CR LF": anything longer is refused before it is collected.
        const std::size_t room = 8 + limits_.chunk_ext_line + 2 - line_.size();
        const ByteView part = rest.substr(0, room);
        const std::size_t lf = part.find('\n');
        const std::size_t take = lf == ByteView::npos ? part.size() : lf + 1;
        line_.append(part.substr(0, take));
        used += take;
        if (lf != ByteView::npos) {
          auto size = chunk_size();
          if (!size) return size.error();
          line_.clear();
        } else if (take == room) {
          return Failure{Code::ClientBad, "a chunk's size line is too long",
                         problem_code::kBadChunk};
        }
        break;
      }
      case State::ChunkEnd:
        line_.push_back(rest.front());
        ++used;
        if (line_ == "\r\n") {
          line_.clear();
          state_ = State::ChunkSize;
        } else if (line_ != "\r") {
          return Failure{Code::ClientBad, "a chunk is longer than its size says",
                         problem_code::kBadChunk};
        }
        break;
      case State::Trailers: {
        auto n = trailers_.feed(rest);
        if (!n) return n.error();
        used += *n;
        if (trailers_.done()) state_ = State::Complete;
        break;
      }
      case State::Complete:
        break;
    }
  }
  return used;
}

namespace {

// *( ";" token [ "=" ( token / quoted-string ) ] ), RFC 9112 section 7.1.1 without its "bad"
// white space.
bool valid_extensions(ByteView text) {
  const auto token = [&text] {
    std::size_t n = 0;
    while (n < text.size() && all_of_class(text.substr(n, 1), kTokenByte)) ++n;
    text.remove_prefix(n);
    return n > 0;
  };
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    if (!token()) return false;
    if (text.empty() || text.front() != '=') continue;
    text.remove_prefix(1);
    if (text.empty() || text.front() != '"') {
      if (!token()) return false;
      continue;
    }
    const std::size_t close = text.find('"', 1);
    if (close == ByteView::npos) return false;
    const ByteView quoted = text.substr(1, close - 1);
    if (quoted.find('\\') != ByteView::npos || !all_of_class(quoted, kTextByte)) return false;
    text.remove_prefix(close + 1);
  }
  return true;
}

}  // namespace

Result<void> H1Body::chunk_size() {
  const auto refuse = [](const char* detail) {
    return Failure{Code::ClientBad, detail, problem_code::kBadChunk};
  };
  ByteView text = line_;
  if (text.size() < 2 || text[text.size() - 2] != '\r') {
    return refuse("a chunk's size line does not end with CR LF");
  }
  text.remove_suffix(2);
  std::uint64_t size = 0;
  std::size_t digits = 0;
  while (digits < text.size() && hex_digit(text[digits]) != kNoDigit) {
    if (digits == 8) return refuse("a chunk's size has more than 8 digits");
    size = size << 4 | hex_digit(text[digits++]);
  }
  if (digits == 0) return refuse("a chunk's size is not a hexadecimal number");
  const ByteView extensions = text.substr(digits);
  if (extensions.size() > limits_.chunk_ext_line) return refuse("a chunk extension is too long");
  if (!valid_extensions(extensions)) {
    return refuse("something other than an extension follows a chunk's size");
  }
  ext_total_ += extensions.size();
  if (ext_total_ > limits_.chunk_ext_body) return refuse("there are too many chunk extensions");
  remaining_ = size;
  state_ = size == 0 ? State::Trailers : State::ChunkData;
  return {};
}

}  // namespace bottle
