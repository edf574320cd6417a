#pragma once

#include <memory>
#include <optional>

#include "proxy/base/result.h"
#include "proxy/http/chunk.h"
#include "proxy/http/h2_types.h"

namespace bottle {

class H2Core;

// The client's half of one HTTP/2 connection (RFC 9113), without I/O: the twin of H2Engine, for
// origins. The same manners and the same limits: a hostile origin is bounded like a hostile client.
// Server push is off (ENABLE_PUSH 0).
class H2ClientEngine {
 public:
  using TimePoint = FloodGuard::TimePoint;

  H2ClientEngine(const H2Limits& limits, TimePoint now);
  H2ClientEngine(const H2ClientEngine&) = delete;
  H2ClientEngine& operator=(const H2ClientEngine&) = delete;
  ~H2ClientEngine();

  // As H2Engine::receive; the Failure is UpstreamBroken.
  [[nodiscard]] Result<void> receive(ByteView in, TimePoint now);
  [[nodiscard]] Result<void> receive_some(ByteView& in, TimePoint now);
  // H2Interim, H2Response, H2Data, H2Trailers, H2Reset, H2Closed, H2Writable, H2GoAway.
  [[nodiscard]] std::optional<H2Event> next_event();

  // True if one more request may be sent now: the peer's and our limit of streams is not reached,
  // no GOAWAY came, no stream id ran out, the connection is not broken.
  [[nodiscard]] bool has_capacity() const;
  // Opens a stream. `end`: no body follows. Content-Length is written from head.content_length,
  // `:authority` from head.authority. Overloaded without capacity, Internal if a field cannot be
  // sent; nothing was queued then.
  [[nodiscard]] Result<StreamId> request(const RequestHead& head, bool end);
  void offer(StreamId stream, Chunk chunk);
  [[nodiscard]] std::size_t room(StreamId stream);
  void consumed(StreamId stream, std::size_t n);
  // At once. A stream whose head was not sent yet vanishes without a trace on the wire.
  void reset(StreamId stream, H2Error code);

  void goaway(H2Error code);
  void terminate(H2Error code);

  [[nodiscard]] std::size_t fill(ByteSpan out, TimePoint now);
  [[nodiscard]] bool wants_write() const;
  [[nodiscard]] bool congested() const;
  [[nodiscard]] std::optional<TimePoint> due() const;
  [[nodiscard]] bool done() const;
  [[nodiscard]] std::size_t open_streams() const;
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::size_t queued(StreamId stream) const;
  [[nodiscard]] bool settings_acked() const;

 private:
  std::unique_ptr<H2Core> core_;
};

}  // namespace bottle
