#include "proxy/http/http2_session.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <variant>

#include "proxy/http/grpc.h"
#include "proxy/http/http2_stream.h"
#include "proxy/http/media_type.h"

namespace bottle {
namespace {

constexpr auto kSettingsTimeout = static_cast<H2Error>(0x4);  // RFC 9113 section 7
// Streams that read at once have no bytes in the engine's queues yet, which bound what all of them
// hold. So they share this much, but each may read a TLS record's worth.
constexpr std::size_t kPulledAtOnce = 256 * 1024;
constexpr std::size_t kLeastPull = 16 * 1024;
// Between the two GOAWAYs of a drain: a request that is on its way still gets in.
constexpr std::chrono::milliseconds kGoawayGap{250};

// For the GOAWAY of an idle connection that has to make room: a client that takes nothing has no
// time to ask for.
constexpr std::chrono::milliseconds kEvictedClose{50};

H2WireLimits wire_limits(const SessionLimits& limits) {
  return H2WireLimits{limits.write_stall, limits.tls_close, limits.read_buffer,
                      limits.write_buffer};
}

H2Limits limits_for(const SessionContext& context, H2Limits limits) {
  limits.linger = context.limits.linger;
  limits.offers_tunnels = context.offers_websockets;
  return limits;
}

Failure cancelled() { return Failure{Code::Cancelled, "the exchange was cancelled"}; }

}  // namespace

// An exchange that memory ran out for cannot be answered: its connection ends.
struct Http2Session::EndsConnection {
  explicit EndsConnection(ByteStream& stream_in) noexcept : stream(stream_in) {}
  EndsConnection(const EndsConnection&) = delete;
  EndsConnection& operator=(const EndsConnection&) = delete;
  ~EndsConnection() {
    if (!whole) stream.close();
  }
  ByteStream& stream;
  bool whole = false;
};

Http2Session::Http2Session(ByteStream& stream, const SessionContext& context,
                           const H2Limits& limits)
    : stream_(stream),
      closes_(stream),
      context_(context),
      engine_(limits_for(context, limits), context.wheel.now()),
      wire_(stream, engine_, *this, context.executor, context.wheel, wire_limits(context.limits)),
      exchanges_(context.executor),
      loops_(context.executor),
      drain_event_(context.executor),
      idle_(context.wheel, idle_alarm_),
      settings_ack_(context.wheel, settings_alarm_),
      drain_(context.wheel, drain_alarm_),
      last_words_(context.wheel, stream),
      memory_(context.memory) {
  wire_.count_for(context.memory);
}

Http2Session::~Http2Session() = default;

awaitable<void> Http2Session::run() {
  const IdleList::EndedBy ended_by(context_.place, evicted_alarm_);
  const MemoryAccount::EndedBy shed_by(context_.memory.get(), shed_alarm_);
  context_.drain.add(drain_event_);
  idle_.arm(context_.limits.first_byte);
  settings_ack_.arm(context_.limits.settings_ack);
  wire_.wake();  // our SETTINGS
  std::optional<Failure> broken;
  std::exception_ptr failed;
  TaskGroup::TaskId drain_watch = 0;
  try {
    loops_.spawn(wire_.write());
    drain_watch = loops_.spawn(watch_drain());
    broken = co_await wire_.read();
  } catch (...) {
    // Out of memory. Exchanges that have begun use this object: they end below, as on any other
    // day.
    failed = std::current_exception();
    broken.emplace();
    stream_.close();
  }
  // The client is gone, or is not listened to any more. The order matters: exchanges may still
  // write until they have ended, and what they and the engine said last goes out before the close.
  const bool stopped = co_await task_cancelled();
  const Code why = stopped ? Code::ShuttingDown : Code::ClientGone;
  lose_streams(broken ? broken->code : why);
  exchanges_.cancel();
  co_await exchanges_.join();
  wire_.finish();
  loops_.cancel(drain_watch);
  co_await loops_.join();
  context_.drain.remove(drain_event_);
  idle_.disarm();
  settings_ack_.disarm();
  drain_.disarm();
  last_words_.disarm();
  stream_.close();
  if (failed) std::rethrow_exception(failed);
}

void Http2Session::dispatch() {
  if (wire_.heard() && !greeted_) {
    greeted_ = true;
    idle_.arm(context_.limits.idle);
  }
  while (auto event = engine_.next_event()) {
    if (auto* request = std::get_if<H2Request>(&*event)) {
      start(std::move(*request));
      continue;
    }
    StreamId id = 0;
    std::visit(
        [&id](const auto& e) {
          if constexpr (requires { e.stream; }) id = e.stream;
        },
        *event);
    const auto at = streams_.find(id);
    if (at == streams_.end()) continue;
    Stream& stream = *at->second;
    if (auto* data = std::get_if<H2Data>(&*event)) {
      stream.receive(std::move(*data));
    } else if (auto* trailers = std::get_if<H2Trailers>(&*event)) {
      const auto vetted = check_request_trailers(trailers->fields, context_.rules.limits);
      if (!vetted) stream.body_failure = vetted.error();
      if (vetted && !trailers->fields.empty()) stream.trailers = std::move(trailers->fields);
      stream.receive(H2Data{id, Bytes(), true});
    } else if (std::holds_alternative<H2Writable>(*event)) {
      stream.writable.set_later();
    } else if (std::holds_alternative<H2Closed>(*event)) {
      stream.end(std::nullopt);
    } else if (std::holds_alternative<H2Reset>(*event)) {
      stream.end(Code::ClientGone);
      exchanges_.cancel(stream.task);
    }
  }
  count();
}

void Http2Session::lose_streams(Code why) {
  for (const auto& [id, stream] : streams_) stream->end(why);
}

// ---- exchanges

void Http2Session::start(H2Request request) {
  const StreamId id = request.stream;
  idle_.disarm();
  if (context_.place != nullptr) context_.place->busy();
  const TaskGroup::TaskId task = exchanges_.spawn(serve(std::move(request)));
  const auto at = streams_.find(id);
  if (at != streams_.end()) at->second->task = task;
}

void Http2Session::exchange_ended() {
  count();
  wire_.wake_if_wanted();
  if (!streams_.empty()) return;
  idle_.arm(context_.limits.idle);
  if (context_.place != nullptr) context_.place->idle();
}

awaitable<void> Http2Session::serve(H2Request request) {
  EndsConnection unless_whole(stream_);
  Stream stream(*this, request.stream, request.held);
  stream.body_ended = request.end;
  Exchange exchange(context_.executor, context_.wheel, context_.handler.next_id(),
                    context_.destination, context_.scheme, Version::Http2, &stream);
  exchange.tasks().ends_on_failure(closes_);
  exchange.memory = context_.memory;
  const MemoryHold memory(context_.memory, Exchange::kMemory, MemoryHold::Kind::Fixed);
  std::exception_ptr failed;
  try {
    Response response = co_await respond(stream, exchange, std::move(request));
    co_await answer(stream, exchange, std::move(response));
  } catch (...) {
    failed = std::current_exception();
    exchange.trace.failure = out_of_memory();
  }
  exchange.tasks().cancel();
  co_await exchange.tasks().join();
  // Whatever the handler made of it: it ended because the client was gone. Only a decision
  // against the request stays: leaving early does not hide it.
  const std::optional<Failure>& failure = exchange.trace.failure;
  const bool decided = failed || (failure && traits(failure->code).level == LogLevel::Audit);
  if (stream.lost == Code::Overloaded && !decided) {
    exchange.trace.failure = memory_full();
    exchange.trace.by = DecidedBy::Proxy;
  } else if (stream.lost && !decided) {
    const bool ours = *stream.lost == Code::ShuttingDown;
    const char* detail =
        ours ? "the proxy stopped before the answer's end" : "the client went away";
    exchange.trace.failure = failure_without_fail(*stream.lost, detail);
    exchange.trace.by = ours ? DecidedBy::Proxy : DecidedBy::Client;
  }
  context_.handler.finished(exchange);
  if (failed) std::rethrow_exception(failed);
  unless_whole.whole = true;
}

awaitable<Response> Http2Session::respond(Stream& stream, Exchange& exchange, H2Request request) {
  exchange.trace.method = request.head.method;
  exchange.trace.target = request.head.target;
  exchange.is_grpc = is_grpc_call(request.head);
  exchange.form = refusal_form(request.head);
  exchange.client = reinterpret_cast<std::uintptr_t>(this);
  std::optional<Failure> refused = std::move(request.refused);
  if (!refused) {
    const RequestContext rules{context_.destination, context_.scheme, context_.rules};
    const auto vetted = check_request(request.head, rules);
    if (!vetted) refused = vetted.error();
    // The canonical ones: a tunnel's method is that of RFC 6455, and routes go by the target.
    if (vetted && !request.head.protocol.empty()) exchange.trace.method = request.head.method;
    if (vetted) exchange.trace.target = request.head.target;
  }
  const bool head_only = request.head.method == "HEAD";
  Response response;
  if (refused) {
    response = context_.handler.refuse(*refused, exchange);
  } else {
    Request vetted;
    vetted.head = std::move(request.head);
    if (vetted.head.has_body) {
      const bool wants_continue = vetted.head.expects_continue;
      const bool conversation = exchange.is_grpc || !vetted.head.protocol.empty();
      vetted.body = std::make_unique<RequestBody>(stream, exchange, wants_continue, conversation);
    }
    response = co_await context_.handler.handle(std::move(vetted), exchange);
  }
  if (head_only && response.body) {
    response.body->stop(Failure{Code::Cancelled, "HEAD has no body"});
    response.body.reset();
  }
  co_return response;
}

awaitable<void> Http2Session::answer(Stream& stream, Exchange& exchange, Response response) {
  // The request's head went with respond(); an answer may wait long for a client that takes none.
  stream.head_gone(exchange.trace.target.size());
  if (response.head.status == 0 || stream.over) {
    if (response.body) response.body->stop(cancelled());
    co_return;
  }
  const int status = response.head.status;
  if (status == 101) response.head.status = 200;  // RFC 8441 section 5
  const auto sent = engine_.respond(stream.id, response.head, response.body == nullptr);
  if (!sent) {
    if (response.body) response.body->stop(sent.error());
    response = context_.handler.refuse(sent.error(), exchange);
    const auto again = engine_.respond(stream.id, response.head, response.body == nullptr);
    if (!again) co_return;
  }
  stream.answered = true;
  exchange.trace.status = sent ? status : response.head.status;
  exchange.trace.first_byte = Clock::now();
  wire_.wake();
  // Of streams and tunnels the client may take a little now and then.
  const bool live =
      exchange.is_grpc || status == 101 || media_type(response.head.fields) == "text/event-stream";
  LeastRate least(context_.limits.least_rate, context_.limits.write_stall);
  LeastRate* const rate = live ? nullptr : &least;
  bool more = response.body != nullptr;
  while (more) {
    const bool room = co_await wait_for_client(stream, exchange, Until::Room, rate);
    if (!room) {
      response.body->stop(exchange.trace.failure ? *exchange.trace.failure : cancelled());
      co_return;
    }
    const std::size_t share = std::max(kLeastPull, kPulledAtOnce / streams_.size());
    auto chunk = co_await response.body->read(std::min(engine_.room(stream.id), share));
    if (!chunk) {
      if (!exchange.trace.failure) exchange.trace.failure = chunk.error();
      engine_.cut(stream.id, traits(chunk.error().code).after_head);
      wire_.wake();
      break;
    }
    exchange.trace.bytes_out += chunk->data.size();
    more = !chunk->end;
    engine_.offer(stream.id, std::move(*chunk));
    wire_.wake();
  }
  co_await wait_for_client(stream, exchange, Until::Sent, rate);
}

// False if the client went away, or takes nothing of what waits for it, or too little: threat T57
// (docs/threats.md). A stream that has nothing to say is never held against the client. The streams
// that wait at the same time share the least rate: which of them gets on is not the client's to say
// alone.
awaitable<bool> Http2Session::wait_for_client(Stream& stream, Exchange& exchange, Until until,
                                              LeastRate* rate) {
  const auto stalls = context_.limits.write_stall;
  Deadline stall(context_.wheel, stream.writable);
  std::size_t pending = engine_.queued(stream.id);
  auto moved_at = context_.wheel.now();
  while (!stream.over && (until == Until::Sent || engine_.room(stream.id) == 0)) {
    const auto begun = context_.wheel.now();
    ++waiting_;
    stall.arm(rate == nullptr ? stalls : rate->left());
    const bool news = co_await stream.writable.wait();
    const auto now = context_.wheel.now();
    const std::size_t still = engine_.queued(stream.id);
    const std::size_t moved = pending - std::min(pending, still);
    if (moved > 0) moved_at = now;
    pending = still;
    if (rate != nullptr) {
      rate->waited((now - begun) / waiting_);
      rate->moved(moved);
    }
    --waiting_;
    if (news) continue;
    const bool cancelled = co_await task_cancelled();
    if (cancelled || stream.over || !stall.fired()) co_return false;
    const bool stopped = now - moved_at >= stalls;
    if (!stopped && (rate == nullptr || !rate->too_slow())) continue;
    exchange.trace.failure = Failure{
        Code::ClientSlow, stopped ? "the client stopped reading" : "the client reads too slowly"};
    exchange.trace.by = DecidedBy::Client;
    co_return false;
  }
  co_return !stream.over;
}

// ---- ends

awaitable<void> Http2Session::watch_drain() {
  while (!context_.drain.draining()) {
    const bool news = co_await drain_event_.wait();
    if (!news) co_return;
  }
  engine_.shutdown_notice();
  wire_.wake();
  const bool waited = co_await sleep_for(kGoawayGap);
  if (!waited) co_return;
  engine_.goaway(H2Error::NoError);
  wire_.wake();
  drain_.arm(context_.limits.drain);
}

void Http2Session::on_idle() noexcept {
  engine_.goaway(H2Error::NoError);
  wire_.wake();
}

// The GOAWAY tells the client that a request which crosses it was not served, so it may ask again.
void Http2Session::on_evicted() noexcept {
  on_idle();
  last_words_.arm(kEvictedClose);
}

// It holds the most when memory is short.
void Http2Session::on_shed() noexcept {
  lose_streams(Code::Overloaded);
  exchanges_.cancel();
  engine_.terminate(H2Error::EnhanceYourCalm);
  wire_.wake();
  last_words_.arm(kEvictedClose);
}

void Http2Session::on_settings_late() noexcept {
  if (engine_.settings_acked()) return;
  engine_.terminate(kSettingsTimeout);
  wire_.wake();
}

void Http2Session::on_drain_over() noexcept {
  lose_streams(Code::ShuttingDown);
  exchanges_.cancel();
  engine_.terminate(H2Error::NoError);
  wire_.wake();
}

}  // namespace bottle
