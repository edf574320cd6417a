#include "proxy/http/http1_session.h"

#include <exception>
#include <utility>
#include <vector>

#include "proxy/base/turn_budget.h"
#include "proxy/http/byte_queue.h"
#include "proxy/http/connect.h"

namespace bottle {
namespace {

// A read fills it and its bytes are moved on in the same turn, so one a thread is enough and an
// idle connection holds none.
ByteSpan read_scratch() {
  static thread_local std::vector<char> scratch(64 * 1024);
  return ByteSpan(scratch);
}

// Where a request goes that came to a place where clients believe to speak to the origin itself.
Result<Destination> destination_of(const RequestHead& head, const SessionContext& context) {
  const auto host = head.fields.find("host");
  if (!host || head.fields.count("host") > 1) {
    return Failure{Code::ClientBad, "there has to be exactly one Host", "bad_host"};
  }
  auto named = parse_authority(*host, default_port(context.scheme));
  if (!named) return named.error();
  const std::string& wanted = context.destination.host;
  if (!wanted.empty() && named->host != wanted) {
    return Failure{Code::Misdirected,
                   "the request names another host than the connection it came on"};
  }
  return named;
}

}  // namespace

// The body of the request that is being served: pulls from the session's input through the parser.
class Http1Session::RequestBody final : public BodySource {
 public:
  RequestBody(Http1Session& session, Exchange& exchange, bool wants_continue)
      : session_(session), exchange_(exchange), wants_continue_(wants_continue) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !held_.empty() || session_.parser_.body_buffered() > 0 || !session_.unparsed().empty();
  }
  // Unread bytes are dealt with when the answer is out: the connection closes.
  void stop(Failure) noexcept override {}

 private:
  Http1Session& session_;
  Exchange& exchange_;
  bool wants_continue_;
  ByteQueue held_;  // parsed, but more than the reader's max
};

awaitable<Result<Chunk>> Http1Session::RequestBody::read(std::size_t max) {
  for (;;) {
    held_.push(session_.parser_.take_body());
    Chunk chunk;
    chunk.data = held_.take(max);
    chunk.end = session_.parser_.message_complete() && held_.empty();
    if (!chunk.data.empty() || chunk.end) {
      exchange_.trace.bytes_in += chunk.data.size();
      co_return chunk;
    }
    if (session_.unparsed().empty()) {
      if (wants_continue_) {
        wants_continue_ = false;
        co_await session_.send_continue();
      }
      Deadline stall(session_.context_.wheel, session_.arrived_,
                     session_.context_.limits.body_stall);
      const IoStatus status = co_await session_.more_input(false);
      if (status != IoStatus::Ok) {
        if (stall.fired()) co_return Failure(Code::ClientSlow, "the request body stalled");
        co_return Failure(Code::ClientGone, "the client ended within the request body");
      }
    }
    auto fed = session_.parser_.feed(session_.unparsed());
    if (!fed) co_return fed.error();
    session_.consume(*fed);
  }
}

Http1Session::Http1Session(ByteStream& stream, const SessionContext& context, Place place)
    : stream_(stream),
      context_(context),
      place_(place),
      parser_(place, context.rules.limits),
      tasks_(context.executor),
      arrived_(context.executor),
      room_(context.executor),
      written_(context.executor),
      drain_begun_(context.executor) {}

Http1Session::~Http1Session() = default;

awaitable<Http1End> Http1Session::run(Bytes already_read) {
  in_ = std::move(already_read);
  context_.drain.add(arrived_);
  context_.drain.add(drain_begun_);
  std::exception_ptr failed;
  try {
    if (place_ != Place::Listener) {
      read_ahead();
    } else {
      drain_watch_ = tasks_.spawn(watch_drain());
    }
    serving_ = tasks_.spawn(serve());
  } catch (...) {
    // Out of memory; what has begun uses this object.
    failed = std::current_exception();
    tasks_.cancel();
  }
  co_await tasks_.join();
  context_.drain.remove(arrived_);
  context_.drain.remove(drain_begun_);
  if (failed) std::rethrow_exception(failed);
  if (end_.connect) end_.connect->early = Bytes(unparsed());
  co_return std::move(end_);
}

void Http1Session::read_ahead() {
  if (reading_ahead_) return;
  reading_ahead_ = true;
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
  if (!reading_ahead_ && !parser_.started() && unparsed().empty()) stream_.cancel();
}

awaitable<void> Http1Session::read_loop() {
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
      if (in_exchange_ && got.status != IoStatus::Cancelled) {
        client_left_ = true;
        tasks_.cancel(serving_);
      }
      arrived_.set();
      co_return;
    }
    in_.append(scratch.data(), got.n);
    arrived_.set();
  }
}

void Http1Session::consume(std::size_t n) {
  in_at_ += n;
  if (in_at_ == in_.size()) {
    in_.clear();
    in_at_ = 0;
    if (in_.capacity() > 2 * context_.limits.read_buffer) in_.shrink_to_fit();
  } else if (in_at_ >= context_.limits.read_buffer) {
    in_.erase(0, in_at_);
    in_at_ = 0;
  }
  room_.set();
}

// `idle`: between two requests, where the drain is an end too.
awaitable<IoStatus> Http1Session::more_input(bool idle) {
  if (!reading_ahead_) {
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
    if (idle && closing()) co_return IoStatus::Cancelled;
    const bool news = co_await arrived_.wait();
    if (!news) co_return IoStatus::Cancelled;
  }
}

awaitable<void> Http1Session::serve() {
  TurnBudget turn;  // requests that came in one go may all be answered without a wait
  for (;;) {
    const bool again = co_await serve_one();
    if (!again) break;
    turn.spend_frames(1);
    if (turn.spent()) co_await turn.give_way();
  }
  // An end in good order says so, or TLS clients take it for a cut.
  if (!cut_ && !said_goodbye_ && !end_.connect) co_await say_goodbye();
  tasks_.cancel(drain_watch_);
  tasks_.cancel(reader_);
}

// True with a head in head_; false when the connection is over without anything to answer.
awaitable<Result<bool>> Http1Session::read_head() {
  Cancellable& target = reading_ahead_ ? static_cast<Cancellable&>(arrived_) : stream_;
  Deadline deadline(context_.wheel, target);
  bool started = false;
  while (!parser_.head_ready()) {
    if (unparsed().empty()) {
      if (closing() && !parser_.started()) co_return false;
      if (!started) {
        started = parser_.started();
        deadline.arm(started          ? context_.limits.request_head
                     : first_request_ ? context_.limits.first_byte
                                      : context_.limits.idle);
      }
      const IoStatus status = co_await more_input(!parser_.started());
      if (status != IoStatus::Ok) {
        if (deadline.fired() && parser_.started()) {
          co_return Failure(Code::ClientSlow, "the request head did not come in time");
        }
        co_return false;
      }
    }
    auto fed = parser_.feed(unparsed());
    if (!fed) co_return fed.error();
    consume(*fed);
  }
  head_ = parser_.take_head();
  co_return true;
}

awaitable<bool> Http1Session::serve_one() {
  auto got = co_await read_head();
  if (!got) {
    const bool again = co_await refuse(got.error(), std::string());
    co_return again;
  }
  if (!*got) co_return false;

  RequestHead head = std::move(*head_);
  head_.reset();
  if (place_ == Place::Listener && context_.doorkeeper != nullptr) {
    std::optional<Failure> unknown = context_.doorkeeper->check(head.fields);
    if (unknown) {
      const bool again = co_await turn_away(std::move(*unknown), std::move(head));
      co_return again;
    }
    let_in_ = true;
    // It was for this place alone (RFC 9110 section 11.7.2).
    head.fields.remove("proxy-authorization");
  }
  Destination destination = context_.destination;
  Scheme scheme = context_.scheme;
  if (place_ == Place::Listener) {
    auto asked = parse_proxy_request(head);
    if (!asked) {
      const bool again = co_await refuse(asked.error(), head.method);
      co_return again;
    }
    if (asked->is_connect) {
      if (!first_request_) {
        const Failure late(Code::ClientBad, "CONNECT has to be the first request of a connection",
                           "connect_not_first", "Open a new connection to the proxy for it.");
        const bool again = co_await refuse(late, head.method);
        co_return again;
      }
      Http1End::Connect connect{std::move(asked->destination), head.version == Version::Http10, {}};
      end_.connect = std::move(connect);
      co_return false;
    }
    destination = std::move(asked->destination);
    scheme = asked->scheme;
  } else if (place_ == Place::Server) {
    auto named = destination_of(head, context_);
    if (!named) {
      const bool again = co_await refuse(named.error(), head.method);
      co_return again;
    }
    destination = std::move(*named);
  }
  first_request_ = false;
  read_ahead();

  Exchange exchange(context_.executor, context_.wheel, context_.handler.next_id(), destination,
                    scheme, head.version, nullptr);
  exchange.trace.method = head.method;
  exchange.trace.target = head.target;
  exchange.client = reinterpret_cast<std::uintptr_t>(this);
  in_exchange_ = true;
  answering_ = false;
  bool again = false;
  std::exception_ptr failed;
  try {
    again = co_await serve_exchange(exchange, std::move(head));
  } catch (...) {
    // Out of memory: what the exchange has begun ends before it does, and nothing looks whole.
    failed = std::current_exception();
    exchange.trace.failure = Failure{Code::Internal, "out of memory"};
    cut_ = true;
    end_.reset = true;
  }
  co_await finish(exchange, again);
  if (failed) std::rethrow_exception(failed);
  if (!again) co_return false;
  parser_.reset();
  co_return !closing();
}

awaitable<bool> Http1Session::serve_exchange(Exchange& exchange, RequestHead head) {
  const RequestContext request_context{exchange.destination(), exchange.scheme(), context_.rules};
  auto checked = check_request(head, request_context);
  Response response;
  if (!checked) {
    response = context_.handler.refuse(checked.error(), exchange);
    head.keep_alive = head.keep_alive && !traits(checked.error().code).closes;
  } else {
    exchange.trace.target = head.target;
    // The answer needs to know three things of the head; the rest moves on.
    RequestHead known;
    known.version = head.version;
    known.method = head.method;
    known.keep_alive = head.keep_alive;
    Request request;
    request.head = std::move(head);
    head = std::move(known);
    if (!parser_.message_complete()) {
      request.head.has_body = true;
      const bool waits = request.head.expects_continue;
      request.body = std::make_unique<RequestBody>(*this, exchange, waits);
    }
    response = co_await context_.handler.handle(std::move(request), exchange);
    // Whatever the handler made of it: it ended because the client was gone.
    if (client_left_) client_lost(exchange.trace);
  }
  const bool again = co_await answer(std::move(response), exchange, head);
  co_return again;
}

// Answers a request that never became one, and ends the connection. Its target is not for the log:
// it may hold what a URL must not (a password before the host).
awaitable<bool> Http1Session::refuse(Failure failure, std::string method) {
  RequestHead head;
  head.method = std::move(method);
  head.keep_alive = false;
  const bool again =
      co_await answer_locally(std::move(failure), context_.destination, std::move(head));
  co_return again;
}

// The doorkeeper does not know the client. Some show a password only when they are asked for it,
// on the same connection; a client that guesses needs a new one after a few tries.
awaitable<bool> Http1Session::turn_away(Failure failure, RequestHead head) {
  Destination destination;
  auto asked = parse_proxy_request(head);
  if (asked) destination = std::move(asked->destination);
  head.keep_alive = head.keep_alive && ++turned_away_ < kMaxAuthFailures;
  const bool again =
      co_await answer_locally(std::move(failure), std::move(destination), std::move(head));
  if (!again) co_return false;
  parser_.reset();
  co_return !closing();
}

awaitable<bool> Http1Session::answer_locally(Failure failure, Destination destination,
                                             RequestHead head) {
  Exchange exchange(context_.executor, context_.wheel, context_.handler.next_id(),
                    std::move(destination), context_.scheme, Version::Http11, nullptr);
  exchange.trace.method = head.method;
  exchange.trace.anonymous = context_.doorkeeper != nullptr && !let_in_;
  if (head.method.empty()) head.method = "GET";
  Response response = context_.handler.refuse(failure, exchange);
  const bool again = co_await answer(std::move(response), exchange, head);
  co_await finish(exchange, again);
  co_return again;
}

awaitable<void> Http1Session::finish(Exchange& exchange, bool again) {
  // Ends the sender of a body that is not wanted any more.
  if (!again) exchange.tasks().cancel();
  co_await exchange.tasks().join();
  in_exchange_ = false;
  const SessionTrace& trace = exchange.trace;
  if (trace.failure && trace.failure->code == Code::Cancelled) client_lost(exchange.trace);
  context_.handler.finished(exchange);
  if (wants_linger_) co_await linger();
}

}  // namespace bottle
