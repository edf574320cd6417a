// The reading half of a session: heads, the bodies of requests, and reading ahead meanwhile.
#include <memory>
#include <utility>
#include <vector>

#include "proxy/http/byte_queue.h"
#include "proxy/http/http1_session.h"

namespace bottle {
namespace {

// A read fills it and its bytes are moved on in the same turn, so one a thread is enough and an
// idle connection holds none.
ByteSpan read_scratch() {
  static thread_local std::vector<char> scratch(64 * 1024);
  return ByteSpan(scratch);
}

}  // namespace

// The body of the request that is being served: pulls from the session's input through the parser.
class Http1Session::RequestBody final : public BodySource {
 public:
  RequestBody(Http1Session& session, Exchange& exchange, bool wants_continue)
      : session_(session),
        exchange_(exchange),
        wants_continue_(wants_continue),
        rate_(session.context_.limits.least_rate, session.context_.limits.body_stall) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !held_.empty() || session_.parser_->body_buffered() > 0 || !session_.unparsed().empty();
  }
  // Unread bytes are dealt with when the answer is out: the connection closes.
  void stop(Failure) noexcept override {}

 private:
  Http1Session& session_;
  Exchange& exchange_;
  bool wants_continue_;
  ByteQueue held_;  // parsed, but more than the reader's max
  LeastRate rate_;
};

// The client's half of a tunnel: the connection's bytes as they come, until the client ends its
// side. A quiet client is no fault here; the upstream's half knows how long both may be quiet.
class Http1Session::TunnelBody final : public BodySource {
 public:
  TunnelBody(Http1Session& session, Exchange& exchange) : session_(session), exchange_(exchange) {}

  awaitable<Result<Chunk>> read(std::size_t max) override {
    const IoStatus status = co_await session_.more_input();
    if (status != IoStatus::Ok && status != IoStatus::Eof) {
      co_return Failure(Code::ClientGone, "the client's connection broke");
    }
    Chunk chunk;
    chunk.data = Bytes(session_.unparsed().substr(0, max));
    chunk.end = chunk.data.empty();
    session_.consume(chunk.data.size());
    exchange_.trace.bytes_in += chunk.data.size();
    co_return chunk;
  }
  [[nodiscard]] bool ready() const noexcept override { return !session_.unparsed().empty(); }
  // Unread bytes are dealt with when the answer is out: the connection closes.
  void stop(Failure) noexcept override {}

 private:
  Http1Session& session_;
  Exchange& exchange_;
};

awaitable<Result<Chunk>> Http1Session::RequestBody::read(std::size_t max) {
  for (;;) {
    held_.push(session_.parser_->take_body());
    Chunk chunk;
    chunk.data = held_.take(max);
    chunk.end = session_.parser_->message_complete() && held_.empty();
    if (chunk.end) chunk.trailers = session_.parser_->take_trailers();
    if (!chunk.data.empty() || chunk.end) {
      exchange_.trace.bytes_in += chunk.data.size();
      co_return chunk;
    }
    if (session_.unparsed().empty()) {
      if (wants_continue_) {
        wants_continue_ = false;
        co_await session_.send_continue();
      }
      Deadline stall(session_.context_.wheel, session_.arrived_, rate_.left());
      const auto begun = session_.context_.wheel.now();
      const IoStatus status = co_await session_.more_input();
      rate_.waited(session_.context_.wheel.now() - begun);
      if (status != IoStatus::Ok) {
        if (stall.fired()) {
          const bool slow = rate_.too_slow();
          co_return Failure(Code::ClientSlow, slow ? "the request body comes too slowly"
                                                   : "the request body stalled");
        }
        co_return Failure(Code::ClientGone, "the client ended within the request body");
      }
      rate_.moved(session_.unparsed().size());
    }
    auto fed = session_.parser_->feed(session_.unparsed());
    if (!fed) co_return fed.error();
    session_.consume(*fed);
  }
}

Cancellable& Http1Session::input() {
  return reads_ahead() ? static_cast<Cancellable&>(arrived_) : stream_;
}

void Http1Session::read_ahead() {
  tasks_.cancel(drain_watch_);
  reader_ = tasks_.spawn(read_loop());
}

// Before the session reads ahead only the stream can be woken: a connection on which nothing was
// said yet must not hold up the drain.
awaitable<void> Http1Session::watch_drain() {
  while (!closing()) {
    const bool news = co_await drain_begun_.wait();
    if (!news) co_return;
  }
  const bool silent = machine_.first() && machine_.state() == State::Idle && unparsed().empty();
  if (silent) stream_.cancel();
}

awaitable<void> Http1Session::read_loop() {
  try {
    for (;;) {
      while (in_.size() - in_at_ >= context_.limits.read_buffer) {
        const bool room = co_await room_.wait();
        if (!room) co_return;
      }
      const ByteSpan scratch = read_scratch();
      const IoResult got = co_await stream_.read_some(scratch);
      if (!got.ok()) {
        ended_ = got.status;
        // In the middle of an exchange the client is gone: the exchange is cancelled, and with it
        // what it does upstream.
        const bool half_closed = tunnel_ && got.status == IoStatus::Eof;
        if (machine_.can(Move::ClientLeaves) && got.status != IoStatus::Cancelled && !half_closed) {
          go(Move::ClientLeaves);
          tasks_.cancel(serving_);
        }
        arrived_.set();
        co_return;
      }
      in_.append(scratch.data(), got.n);
      in_memory_.set(in_.capacity());
      arrived_.set();
    }
  } catch (...) {
    // Out of memory. The one that waits for input may not be open to a cancel any more.
    ended_ = ended_.value_or(IoStatus::Cancelled);
    arrived_.set_later();
    throw;
  }
}

void Http1Session::consume(std::size_t n) {
  in_at_ += n;
  if (in_at_ == in_.size()) {
    in_.clear();
    in_at_ = 0;
    if (in_.capacity() > 2 * context_.limits.read_buffer) in_.shrink_to_fit();
    in_memory_.set(in_.capacity());
  } else if (in_at_ >= context_.limits.read_buffer) {
    in_.erase(0, in_at_);
    in_at_ = 0;
  }
  room_.set();
}

awaitable<IoStatus> Http1Session::more_input() {
  if (!reads_ahead()) {
    const ByteSpan scratch = read_scratch();
    const IoResult got = co_await stream_.read_some(scratch);
    if (got.ok()) {
      in_.append(scratch.data(), got.n);
    } else {
      ended_ = got.status;
    }
    co_return got.status;
  }
  for (;;) {
    if (!unparsed().empty()) co_return IoStatus::Ok;
    if (ended_) co_return *ended_;
    if (machine_.state() == State::Idle && closing()) co_return IoStatus::Cancelled;
    const bool news = co_await arrived_.wait();
    if (!news) co_return IoStatus::Cancelled;
  }
}

// Until a head is there (State::Head), or the connection is over with nothing to answer
// (State::Ending).
awaitable<Result<>> Http1Session::read_head() {
  Deadline deadline(context_.wheel, input());
  bool head_bounded = false;
  while (!parser_ || !parser_->head_ready()) {
    if (unparsed().empty()) {
      const bool idle = machine_.state() == State::Idle;
      if (idle && closing()) break;
      if (!head_bounded) {
        head_bounded = !idle;
        deadline.arm(!idle              ? context_.limits.request_head
                     : machine_.first() ? context_.limits.first_byte
                                        : context_.limits.idle);
      }
      const IoStatus status = co_await more_input();
      if (status != IoStatus::Ok) {
        if (deadline.fired() && !idle) {
          co_return Failure(Code::ClientSlow, "the request head did not come in time");
        }
        break;
      }
    }
    if (!parser_) parser_ = std::make_unique<H1RequestParser>(arrival_, context_.rules.limits);
    auto fed = parser_->feed(unparsed());
    const bool begins = !fed || parser_->started();
    if (begins && machine_.state() == State::Idle) go(Move::HeadBegins);
    if (!fed) co_return std::move(fed).error();
    consume(*fed);
  }
  if (!parser_ || !parser_->head_ready()) go(Move::InputEnds);
  co_return Result<>();
}

// The answer needs to know three things of the head; they stay, and the rest moves on.
Request Http1Session::request_for_handler(RequestHead& head, Exchange& exchange) {
  exchange.trace.target = head.target;
  RequestHead known;
  known.version = head.version;
  known.method = head.method;
  known.keep_alive = head.keep_alive && head.protocol.empty();
  known.protocol = head.protocol;
  Request request;
  request.head = std::exchange(head, std::move(known));
  if (!request.head.protocol.empty()) {
    tunnel_ = true;
    request.body = std::make_unique<TunnelBody>(*this, exchange);
  } else if (!parser_->message_complete()) {
    request.head.has_body = true;
    const bool waits = request.head.expects_continue;
    request.body = std::make_unique<RequestBody>(*this, exchange, waits);
  }
  return request;
}

}  // namespace bottle
