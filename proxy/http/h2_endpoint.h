#pragma once

#include <memory>
#include <optional>

#include "proxy/base/result.h"
#include "proxy/http/chunk.h"
#include "proxy/http/h2_types.h"

namespace bottle {

class H2Core;

// One end of an HTTP/2 connection (RFC 9113), without I/O: bytes in, events out; messages in, bytes
// out. The server's end is H2Engine, the client's H2ClientEngine. Has no
// callbacks. Not copyable, owned by its session. A stream that is unknown (closed meanwhile) is no
// error in any call: the call does nothing.
//
//   receive(bytes) → next_event() until none → respond/offer/consumed/… → fill(out) until 0
//
// Limits that the library does not keep are kept here: header block, floods, queue of a deaf peer.
class H2Endpoint {
 public:
  using TimePoint = FloodGuard::TimePoint;

  H2Endpoint(const H2Endpoint&) = delete;
  H2Endpoint& operator=(const H2Endpoint&) = delete;

  // The peer's next bytes, split anywhere. A Failure (ClientBad, ClientFlood; a client's end:
  // UpstreamBroken) ends the connection: send what fill() still gives (the GOAWAY), feed nothing
  // more, close. Events that came before it are still there.
  [[nodiscard]] Result<void> receive(ByteView in, TimePoint now);
  // The same for as much as one turn should do; takes that off the front of `in`.
  [[nodiscard]] Result<void> receive_some(ByteView& in, TimePoint now);
  [[nodiscard]] std::optional<H2Event> next_event();

  // Queues a piece of the body (after the head). At most room() bytes; more is queued too, so a
  // piece that was read before a window shrank is not lost.
  void offer(StreamId stream, Chunk chunk);
  // How many body bytes may be read for that stream now: what is left of its queue, its window,
  // the connection's window and queue. 0 is followed by H2Writable, or by the stream's end.
  [[nodiscard]] std::size_t room(StreamId stream);
  // The application has read so many body bytes: they become window again. Bytes of a stream that
  // was reset meanwhile were credited by the engine already.
  void consumed(StreamId stream, std::size_t n);

  // At once; queued bytes of the stream are dropped, unread ones are credited. On a stream that is
  // closed already it only credits: call it to end an exchange with unread bytes. A request whose
  // head was not sent yet vanishes without a trace on the wire.
  void reset(StreamId stream, H2Error code);

  // Streams that come from now on are ignored; those that are open go on.
  void goaway(H2Error code);
  // GOAWAY and nothing after it.
  void terminate(H2Error code);

  // The next bytes to send, as many as there are and fit; 0: nothing to send now. `out` should be
  // at least 32 KiB: whole frames are put together in it.
  [[nodiscard]] std::size_t fill(ByteSpan out, TimePoint now);
  [[nodiscard]] bool wants_write() const;
  // The peer leaves so much unsent that nothing more may be read from it.
  [[nodiscard]] bool congested() const;
  // When fill() is to be called next although nothing came: a stream that lingers is reset then.
  [[nodiscard]] std::optional<TimePoint> due() const;
  // Nothing will come or go any more: close.
  [[nodiscard]] bool done() const;

  [[nodiscard]] std::size_t open_streams() const;
  // Body bytes that are queued: all streams together, or of one.
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::size_t queued(StreamId stream) const;
  // Bytes of heads that are held (H2Limits::held_heads).
  [[nodiscard]] std::size_t held_heads() const;
  [[nodiscard]] bool settings_acked() const;

 protected:
  explicit H2Endpoint(std::unique_ptr<H2Core> core);
  ~H2Endpoint();

  [[nodiscard]] H2Core& core() const noexcept { return *core_; }

 private:
  std::unique_ptr<H2Core> core_;
};

}  // namespace bottle
