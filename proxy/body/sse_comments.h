#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/http/fields.h"

namespace bottle {

// True if the response is an event stream (Content-Type text/event-stream, WHATWG HTML 9.2).
[[nodiscard]] bool is_event_stream(const Fields& response_fields);

// Decides when a comment line is put into an idle event stream. Pipelock drops the origin's own
// comments, so a stream that only they kept alive looks dead to the client. A comment is never an
// event, so a client's own watchdog on events still sees a stalled model.
//
// Never inside an event: only between a blank line and the next event. Sans-I/O: the caller tells
// what passed and when, and sends what is given.
class SseComments {
 public:
  using Clock = std::chrono::steady_clock;

  // `idle`: silence before each comment. Client watchdogs start at about 20 s.
  explicit SseComments(Clock::time_point now,
                       std::chrono::milliseconds idle = std::chrono::seconds{15});

  // These bytes of the stream went to the client. Any split.
  void passed(ByteView bytes, Clock::time_point now);
  // The upstream ended, failed or was given up: nothing is emitted any more.
  void upstream_ended() noexcept { ended_ = true; }

  // When emit() will have something to say, if nothing passes before; nothing while inside an event
  // or after the end.
  [[nodiscard]] std::optional<Clock::time_point> due() const;
  // The comment to send now, or an empty view. Counts as sent: the next is due `idle` later.
  [[nodiscard]] ByteView emit(Clock::time_point now);

 private:
  enum class At : std::uint8_t {
    Start,      // no byte yet: a byte order mark may follow, so nothing may be put before it
    Boundary,   // nothing open: right after a blank line
    LineStart,  // a line of an event has ended
    InLine,
    AfterCr,  // a CR ended a line; an LF may still belong to it
  };
  void step(char c);

  Clock::time_point last_;
  std::chrono::milliseconds idle_;
  At at_ = At::Start;
  bool ended_ = false;
};

}  // namespace bottle
