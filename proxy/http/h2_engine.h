#pragma once

#include <memory>
#include <optional>

#include "proxy/base/result.h"
#include "proxy/http/chunk.h"
#include "proxy/http/h2_types.h"

namespace bottle {

class H2Core;

// The server's half of one HTTP/2 connection (RFC 9113), without I/O: bytes in, events out; answers
// in, bytes out. Has no callbacks. Not copyable, owned by its session. A stream that is unknown
// (closed meanwhile) is no error in any call: the call does nothing.
//
//   receive(bytes) → next_event() until none → respond/offer/consumed/… → fill(out) until 0
//
// Limits that the library does not keep are kept here: header block, floods, queue of a deaf peer.
class H2Engine {
 public:
  using TimePoint = FloodGuard::TimePoint;

  H2Engine(const H2Limits& limits, TimePoint now);
  H2Engine(const H2Engine&) = delete;
  H2Engine& operator=(const H2Engine&) = delete;
  ~H2Engine();

  // The peer's next bytes, split anywhere. A Failure (ClientBad, ClientFlood) ends the connection:
  // send what fill() still gives (the GOAWAY), feed nothing more, close. Events that came before
  // it are still there.
  [[nodiscard]] Result<void> receive(ByteView in, TimePoint now);
  // The same for as much as one turn should do; takes that off the front of `in`.
  [[nodiscard]] Result<void> receive_some(ByteView& in, TimePoint now);
  [[nodiscard]] std::optional<H2Event> next_event();

  // A 1xx head before the final one.
  [[nodiscard]] Result<void> interim(StreamId stream, const ResponseHead& head);
  // The final head, once. Content-Length is written from head.content_length. `end`: no body, the
  // stream is done. Field names are lower-cased, values trimmed, hop-by-hop fields left out.
  // Internal if a field cannot be sent, Overloaded if the peer leaves too many heads untaken;
  // nothing was queued then. One of less than 4 KiB is always taken.
  [[nodiscard]] Result<void> respond(StreamId stream, const ResponseHead& head, bool end);
  // Queues a piece of the body (after respond). At most room() bytes; more is queued too, so a
  // piece that was read before a window shrank is not lost.
  void offer(StreamId stream, Chunk chunk);
  // How many body bytes may be read for that stream now: what is left of its queue, its window,
  // the connection's window and queue. 0 is followed by H2Writable, or by the stream's end.
  [[nodiscard]] std::size_t room(StreamId stream);
  // The application has read so many body bytes: they become window again. Bytes of a stream that
  // was reset meanwhile were credited by the engine already.
  void consumed(StreamId stream, std::size_t n);
  // So many bytes of H2Request::held are in memory no more.
  void release(std::size_t n);

  // At once; queued bytes of the stream are dropped, unread ones are credited. On a stream that is
  // closed already it only credits: call it to end an exchange with unread bytes.
  void reset(StreamId stream, H2Error code);
  // The body broke: what is queued goes out if it may, then RST_STREAM. Never looks like an end.
  void cut(StreamId stream, H2Error code);

  // The first of two GOAWAYs (RFC 9113 section 6.8): no stream is refused yet.
  void shutdown_notice();
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
  [[nodiscard]] bool settings_acked() const;

 private:
  std::unique_ptr<H2Core> core_;
};

}  // namespace bottle
