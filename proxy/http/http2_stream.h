#pragma once

#include <optional>
#include <utility>

#include "proxy/http/byte_queue.h"
#include "proxy/http/exchange.h"
#include "proxy/http/http2_session.h"

// Private to http2_session*.cc: an exchange's half of an HTTP/2 session.
namespace bottle {

// The client's half of one exchange. Lives in the frame of serve(), which outlives everything that
// reads the request's body.
class Http2Session::Stream final : public InterimSink {
 public:
  Stream(Http2Session& session_in, StreamId id_in, std::size_t held_in)
      : session(session_in),
        id(id_in),
        held(held_in),
        readable(session.context_.executor),
        writable(session.context_.executor) {
    session.streams_.emplace(id, this);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() override {
    session.streams_.erase(id);
    session.unread_ -= inbox.size();
    // Credits the bytes that were not read; does nothing else to a stream that ended as it should.
    session.engine_.reset(id, H2Error::Cancel);
    session.engine_.release(held);
    session.exchange_ended();
  }

  void interim(const ResponseHead& head) override {
    // One that cannot be sent was only for information.
    if (session.engine_.interim(id, head)) session.wire_.wake();
  }

  void receive(H2Data data) {
    session.unread_ += data.data.size();
    inbox.push(std::move(data.data));
    body_ended = body_ended || data.end;
    readable.set_later();
  }

  // At most `max` bytes of what is there; they become window again.
  Chunk take(std::size_t max) {
    Chunk chunk;
    chunk.data = inbox.take(max);
    session.unread_ -= chunk.data.size();
    session.engine_.consumed(id, chunk.data.size());
    session.count();
    session.wire_.wake_if_wanted();
    chunk.end = body_ended && inbox.empty();
    if (chunk.end) chunk.trailers = std::exchange(trailers, std::nullopt);
    return chunk;
  }

  // The request's head is in memory no more; `left` of it still is.
  void head_gone(std::size_t left) {
    if (left >= held) return;
    session.engine_.release(held - left);
    held = left;
  }

  // The library has forgotten the stream: in good order, or `why`.
  void end(std::optional<Code> why) noexcept {
    if (over) return;
    over = true;
    lost = why;
    if (why && !body_ended) body_failure = failure_without_fail(*why, "the client went away");
    readable.set_later();
    writable.set_later();
  }

  Http2Session& session;
  const StreamId id;
  std::size_t held;  // bytes of the request's head, as the engine counts them
  TaskGroup::TaskId task = 0;
  Event readable;
  Event writable;  // there is room for more of the response, or the stream is over

  ByteQueue inbox;  // no more than a stream's window
  bool body_ended = false;
  std::optional<Fields> trailers;  // vetted
  bool answered = false;           // the final head is on its way
  std::optional<Failure> body_failure;
  bool over = false;
  std::optional<Code> lost;
};

class Http2Session::RequestBody final : public BodySource {
 public:
  // `conversation`: the client may wait for what it is told before it goes on.
  RequestBody(Stream& stream, Exchange& exchange, bool wants_continue, bool conversation)
      : stream_(stream),
        exchange_(exchange),
        wants_continue_(wants_continue),
        conversation_(conversation),
        rate_(stream.session.context_.limits.least_rate,
              stream.session.context_.limits.body_stall) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  // Bytes that still come fill the window and no more; they are credited when the stream ends.
  void stop(Failure) noexcept override {}

 private:
  Stream& stream_;
  Exchange& exchange_;
  bool wants_continue_;
  const bool conversation_;
  LeastRate rate_;
};

}  // namespace bottle
