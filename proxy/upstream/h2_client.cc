#include "proxy/upstream/h2_client.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/upstream/h2_client_parts.h"

namespace bottle {
namespace {

constexpr auto kSettingsTimeout = static_cast<H2Error>(0x4);  // RFC 9113 section 7
constexpr std::size_t kPull = 16 * 1024;                      // of a request's body, read at a time

Failure broken(const char* what) { return Failure{Code::UpstreamBroken, what}; }
Failure cancelled() { return Failure{Code::Cancelled, "the exchange was cancelled"}; }

// One of many who wait for the same news, as long as it lives: an Event has one waiter.
class Enrolled {
 public:
  Enrolled(std::vector<Event*>& all, Event& event) : all_(all), event_(event) {
    all_.push_back(&event_);
  }
  Enrolled(const Enrolled&) = delete;
  Enrolled& operator=(const Enrolled&) = delete;
  ~Enrolled() { std::erase(all_, &event_); }

 private:
  std::vector<Event*>& all_;
  Event& event_;
};

}  // namespace

H2Client::H2Client(std::unique_ptr<ByteStream> stream, const Executor& executor, TimerWheel& wheel,
                   const H2ClientLimits& limits, Owner* owner)
    : stream_(std::move(stream)),
      limits_(limits),
      engine_(limits.h2, wheel.now()),
      wire_(*stream_, engine_, *this, executor, wheel,
            H2WireLimits{limits.write_stall, limits.close, 16 * 1024, 64 * 1024}),
      loops_(executor),
      unused_(executor),
      executor_(executor),
      wheel_(wheel),
      owner_(owner),
      idle_(wheel, idle_alarm_),
      settings_ack_(wheel, settings_alarm_) {}

H2Client::~H2Client() = default;

awaitable<void> H2Client::run() {
  idle_.arm(limits_.idle);
  settings_ack_.arm(limits_.settings_ack);
  wire_.wake();
  std::optional<Failure> why;
  std::exception_ptr failed;
  try {
    loops_.spawn(wire_.write());
    why = co_await wire_.read();
  } catch (...) {
    failed = std::current_exception();  // out of memory: the exchanges on it are told below
    why = failure_without_fail(Code::UpstreamBroken, "out of memory");
    stream_->close();
  }
  const bool stopped = co_await task_cancelled();
  closed_ = true;
  tell_settings_waiters();
  idle_.disarm();
  try {
    const std::optional<Failure> told = stopped ? std::nullopt : stream_->why_ended();
    lose(told      ? *told
         : why     ? *why
         : stopped ? cancelled()
                   : broken("the origin closed the connection"));
  } catch (const std::bad_alloc&) {
    lose(failure_without_fail(Code::UpstreamBroken, ""));
  }
  wire_.finish();
  co_await loops_.join();
  idle_.disarm();
  settings_ack_.disarm();
  stream_->close();
  // Bodies that were handed out still refer to this object; they have failed and go soon.
  while (!unused()) {
    const bool freed = co_await unused_.wait_surely();
    if (!freed) co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  }
  if (failed) std::rethrow_exception(failed);
}

std::optional<bool> H2Client::takes_tunnels() const {
  if (!engine_.settings_came()) return std::nullopt;
  return engine_.takes_tunnels();
}

awaitable<bool> H2Client::knows_tunnels(std::chrono::milliseconds limit) {
  Event told(executor_);
  const Enrolled enrolled(settings_waiters_, told);
  Deadline late(wheel_, told, limit);
  while (!closed_ && !engine_.settings_came()) {
    const bool news = co_await told.wait();
    if (!news) co_return false;
  }
  co_return engine_.settings_came();
}

void H2Client::tell_settings_waiters() {
  for (Event* const waiter : settings_waiters_) waiter->set_later();
}

bool H2Client::has_capacity() const { return !closed_ && engine_.has_capacity(); }

void H2Client::drain() noexcept {
  closed_ = true;
  engine_.goaway(H2Error::NoError);
  wire_.wake();
}

void H2Client::close() noexcept {
  closed_ = true;
  lose(failure_without_fail(Code::Cancelled, "the exchange was cancelled"));
  engine_.terminate(H2Error::NoError);
  wire_.finish();
}

void H2Client::on_settings_late() noexcept {
  if (engine_.settings_acked()) return;
  closed_ = true;
  lose(failure_without_fail(Code::UpstreamBroken, "the origin did not acknowledge our SETTINGS"));
  engine_.terminate(kSettingsTimeout);
  wire_.finish();
}

void H2Client::stream_ended() {
  wire_.wake_if_wanted();
  if (unused()) {
    if (!closed_) idle_.arm(limits_.idle);
    unused_.set_later();
  }
  if (owner_ != nullptr) owner_->exchange_ended();
}

void H2Client::fail_upload(StreamId id) {
  const auto at = uploads_.find(id);
  if (at == uploads_.end()) return;
  at->second->over = true;
  at->second->writable.set_later();
}

void H2Client::lose(const Failure& why) noexcept {
  for (const auto& [id, stream] : streams_) {
    const bool origins = why.code == Code::UpstreamBroken || why.code == Code::UpstreamTlsFailed;
    const Code code = stream->head && origins ? Code::UpstreamTruncated : why.code;
    Failure failure = failure_without_fail(code, why.detail.c_str());
    if (code == why.code) {
      try {
        failure = why;
      } catch (const std::bad_alloc&) {
      }
    }
    stream->fail(std::move(failure));
  }
  for (const auto& [id, upload] : uploads_) {
    upload->over = true;
    upload->writable.set_later();
  }
}

void H2Client::dispatch() {
  while (auto event = engine_.next_event()) {
    if (const auto* writable = std::get_if<H2Writable>(&*event)) {
      const auto upload = uploads_.find(writable->stream);
      if (upload != uploads_.end()) upload->second->writable.set_later();
      continue;
    }
    if (std::holds_alternative<H2PeerReady>(*event)) {
      tell_settings_waiters();
      continue;
    }
    StreamId id = 0;
    std::visit(
        [&id](const auto& e) {
          if constexpr (requires { e.stream; }) id = e.stream;
        },
        *event);
    if (std::holds_alternative<H2Reset>(*event) || std::holds_alternative<H2Closed>(*event)) {
      fail_upload(id);
    }
    const auto at = streams_.find(id);
    if (at == streams_.end()) continue;
    Stream& stream = *at->second;
    if (auto* interim = std::get_if<H2Interim>(&*event)) {
      stream.interims.push_back(std::move(interim->head));
    } else if (auto* response = std::get_if<H2Response>(&*event)) {
      stream.head = std::move(response->head);
      stream.ended = response->end;
    } else if (auto* data = std::get_if<H2Data>(&*event)) {
      stream.inbox.push(std::move(data->data));
      stream.memory.set(stream.inbox.size());
      stream.ended = data->end;
    } else if (auto* trailers = std::get_if<H2Trailers>(&*event)) {
      stream.trailers = std::move(trailers->fields);
      stream.ended = true;
    } else if (const auto* reset = std::get_if<H2Reset>(&*event)) {
      stream.unprocessed = reset->unprocessed;
      stream.fail(reset->why       ? *reset->why
                  : reset->by_peer ? broken("the origin reset the stream")
                                   : broken("the origin's response broke HTTP/2's rules"));
    }
    stream.readable.set_later();
  }
}

// ---- one exchange

awaitable<H2Answer> H2Client::send(Request request, Exchange& exchange) {
  H2Answer answer{cancelled()};
  answer.untouched = true;
  answer.unprocessed = true;
  answer.body_untouched = true;
  if (!has_capacity()) {
    answer.response = Failure{Code::Overloaded, "the HTTP/2 connection takes no more requests"};
    co_return answer;
  }
  const bool tunnel = !request.head.protocol.empty();
  // Over HTTP/2 nothing is proven by it, and some servers refuse it (RFC 8441 section 5).
  if (tunnel) request.head.fields.remove("sec-websocket-key");
  auto opened = open_stream(request.head, request.body == nullptr, exchange);
  if (!opened) {
    if (request.body) request.body->stop(opened.error());
    answer.response = opened.error();
    co_return answer;
  }
  std::unique_ptr<Stream> stream = std::move(*opened);
  used_ = true;
  request.head.fields.free();  // the engine has them; the answer may take minutes
  idle_.disarm();
  wire_.wake();
  answer.body_untouched = request.body == nullptr;
  if (request.body && !tunnel) {
    exchange.tasks().spawn(
        upload(stream->id, std::move(request.body), request.head.content_length, exchange.wheel()));
  }
  const std::optional<Failure> failed = co_await wait_for_head(*stream, exchange);
  answer.unprocessed = stream->unprocessed;
  // Only a connection that broke says that the request may not have arrived: an origin that is slow
  // has it, and a client that left wants it no more.
  answer.untouched =
      !stream->head && stream->interims.empty() && failed && failed->code == Code::UpstreamBroken;
  if (failed) {
    if (tunnel && request.body) request.body->stop(*failed);
    answer.response = *failed;
    co_return answer;
  }
  Response response;
  response.head = std::move(*stream->head);
  stream->head.emplace();  // there was one: what fails from now on is a truncated body
  const auto vetted = check_response(response.head, request.head.method, ControlFields::Drop,
                                     limits_.heads, request.head.protocol);
  if (!vetted) {
    if (tunnel && request.body) request.body->stop(vetted.error());
    answer.response = vetted.error();
    co_return answer;
  }
  if (response.head.status == 101) {
    exchange.tasks().spawn(
        upload(stream->id, std::move(request.body), std::nullopt, exchange.wheel()));
    response.body = std::make_unique<ResponseBody>(std::move(stream), exchange, true);
    answer.response = std::move(response);
    co_return answer;
  }
  if (tunnel) {
    if (request.body) request.body->stop(Failure{Code::Cancelled, "the origin opens no tunnel"});
    engine_.offer(stream->id, Chunk{.data = {}, .end = true, .trailers = {}});
    wire_.wake();
  }
  // A body without a byte and without trailers is none, and one that may not be (HEAD, 204, 304) is
  // not waited for: the writer of the answer goes by has_body, and has nothing to end it with.
  const bool over = stream->ended && stream->inbox.empty() && !stream->trailers;
  response.head.has_body = response.head.has_body && !over;
  if (response.head.has_body) {
    response.body = std::make_unique<ResponseBody>(std::move(stream), exchange, false);
  }
  answer.response = std::move(response);
  co_return answer;
}

// Without a stream its owner hears that nothing came of it.
Result<std::unique_ptr<H2Client::Stream>> H2Client::open_stream(const RequestHead& head, bool end,
                                                                const Exchange& exchange) {
  try {
    const auto id = engine_.request(head, end);
    if (!id) {
      stream_ended();
      return id.error();
    }
    try {
      return std::make_unique<Stream>(*this, *id, exchange.memory);
    } catch (...) {
      engine_.reset(*id, H2Error::Cancel);
      throw;
    }
  } catch (...) {
    stream_ended();
    throw;
  }
}

awaitable<std::optional<Failure>> H2Client::wait_for_head(Stream& stream, Exchange& exchange) {
  Deadline late(exchange.wheel(), stream.readable, limits_.head);
  std::size_t told = 0;
  for (;;) {
    while (told < stream.interims.size()) {
      // Moved out: eight large ones a stream would stay until its end.
      ResponseHead head = std::move(stream.interims[told++]);
      const auto vetted = check_response(head, "GET", ControlFields::Drop, limits_.heads);
      if (!vetted) co_return vetted.error();
      if (head.status == 100) continue;  // ours to give; it was not asked for
      if (!exchange.interim(head)) co_return broken("too many interim responses");
    }
    if (stream.head) co_return std::nullopt;
    if (stream.failure) co_return *stream.failure;
    // Asked each time: it may end in the turn in which interim responses wake this, and then there
    // is no wait that it could end.
    if (late.fired()) co_return Failure{Code::UpstreamTimeout, "the origin did not answer in time"};
    const bool news = co_await stream.readable.wait();
    if (!news && !late.fired()) co_return cancelled();
  }
}

awaitable<void> H2Client::upload(StreamId id, std::unique_ptr<BodySource> body,
                                 std::optional<std::uint64_t> length, TimerWheel& wheel) {
  Upload self(*this, id);
  std::exception_ptr no_memory;
  try {
    co_await upload_all(self, std::move(body), length, wheel);
  } catch (...) {
    no_memory = std::current_exception();
  }
  if (!no_memory) co_return;
  abandon(id, out_of_memory());
  std::rethrow_exception(no_memory);
}

awaitable<void> H2Client::upload_all(Upload& self, std::unique_ptr<BodySource> body,
                                     std::optional<std::uint64_t> length, TimerWheel& wheel) {
  const StreamId id = self.id;
  std::uint64_t sent = 0;
  for (;;) {
    const std::optional<Failure> stuck = co_await wait_for_room(self, wheel);
    if (stuck) {
      body->stop(*stuck);
      if (!self.over) abandon(id, *stuck);
      co_return;
    }
    auto chunk = co_await body->read(std::min(engine_.room(id), kPull));
    if (!chunk) {
      abandon(id, chunk.error());
      co_return;
    }
    sent += chunk->data.size();
    const bool end = chunk->end;
    if (length && (sent > *length || (end && sent != *length))) {
      const Failure wrong{Code::ClientBad, "the request's body is not as long as it said"};
      if (!end) body->stop(wrong);
      abandon(id, wrong);
      co_return;
    }
    engine_.offer(id, std::move(*chunk));
    wire_.wake();
    if (end) co_return;
  }
}

// Nothing if there is room now.
awaitable<std::optional<Failure>> H2Client::wait_for_room(Upload& self, TimerWheel& wheel) {
  Deadline stall(wheel, self.writable);
  std::size_t pending = engine_.queued(self.id);
  while (!self.over && engine_.room(self.id) == 0) {
    stall.arm(limits_.write_stall);
    const bool news = co_await self.writable.wait();
    if (news) continue;
    if (!stall.fired()) co_return cancelled();
    const std::size_t still = engine_.queued(self.id);
    if (still >= pending) {
      co_return Failure{Code::UpstreamTimeout, "the origin stopped reading the request"};
    }
    pending = still;
  }
  if (self.over) co_return broken("the origin wants no more of the request");
  co_return std::nullopt;
}

// The request cannot be completed: it must not look complete.
void H2Client::abandon(StreamId id, const Failure& why) {
  const auto at = streams_.find(id);
  if (at != streams_.end()) at->second->fail(why);
  engine_.reset(id, H2Error::Cancel);
  wire_.wake();
}

}  // namespace bottle
