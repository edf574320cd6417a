// Comments that are put into an event stream: wherever it was cut, a client that follows the
// standard (WHATWG HTML, section 9.2) reads the same events with them as without.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/body/sse_comments.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

// The events as one text: a line ends with CR, LF or CR LF.
std::string events_of(std::string_view stream) {
  if (stream.starts_with("\xef\xbb\xbf")) stream.remove_prefix(3);
  std::string out;
  std::string line;
  std::string block;
  const auto end_line = [&] {
    if (line.empty()) {
      if (!block.empty()) out += block + "\x1e";
      block.clear();
    } else if (line.front() != ':') {
      block += line + "\x1f";
    }
    line.clear();
  };
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (stream[i] == '\n' && i > 0 && stream[i - 1] == '\r') continue;
    if (stream[i] == '\n' || stream[i] == '\r') {
      end_line();
    } else {
      line += stream[i];
    }
  }
  return out + block + line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  if (size < 1) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = 1U + data[0] % 8;
  SseComments::Clock::time_point now{};
  SseComments comments(now, std::chrono::seconds(15));
  std::string with;
  for (std::size_t at = 0; at < in.size(); at += step) {
    const std::string_view piece = in.substr(at, step);
    with += piece;
    comments.passed(piece, now);
    const auto due = comments.due();
    FUZZ_CHECK(!due || *due == now + std::chrono::seconds(15));
    FUZZ_CHECK(comments.emit(now).empty());  // not before its time
    now += std::chrono::seconds(16);
    const ByteView comment = comments.emit(now);
    FUZZ_CHECK(due.has_value() == !comment.empty());
    FUZZ_CHECK(comment.empty() || (comment.front() == ':' && comment.back() == '\n'));
    with += comment;
  }
  FUZZ_CHECK(events_of(with) == events_of(in));
  comments.upstream_ended();
  FUZZ_CHECK(!comments.due() && comments.emit(now + std::chrono::hours(1)).empty());
  return 0;
}
