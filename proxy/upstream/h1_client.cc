#include "proxy/upstream/h1_client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/h1_parser.h"
#include "proxy/upstream/h1_client_machine.h"
#include "proxy/upstream/h1_tunnel.h"
#include "proxy/upstream/read_scratch.h"

namespace bottle {
namespace {

using Move = H1ClientMachine::Move;

constexpr std::string_view to_word(IoStatus status) {
  switch (status) {
    case IoStatus::Eof:
      return "closed";
    case IoStatus::Truncated:
      return "closed without a TLS close_notify";
    case IoStatus::Reset:
      return "reset";
    case IoStatus::Protocol:
      return "broken (TLS)";
    case IoStatus::Ok:
    case IoStatus::Cancelled:
      break;
  }
  return "given up";
}

// One request with its response on one connection. Shared by the two who use the connection: the
// reader (h1_send, then the response's body) and the sender of the request's body, each of which
// may end first. The last one to go closes what was not given back.
class Call final : public Cancellable {
 public:
  Call(Lease lease_in, Request request, H1Call how_in, Exchange& exchange_in)
      : lease(std::move(lease_in)),
        how(how_in),
        exchange(exchange_in),
        head(std::move(request.head)),
        body(std::move(request.body)),
        machine(body != nullptr && head.protocol.empty()),
        head_written(exchange_in.wheel().executor()),
        parser(HeadLimits::for_responses(how_in.limits->response_fields)),
        read_due(exchange_in.wheel(), *this),
        write_due(exchange_in.wheel(), *this) {
    parser.set_request_method(head.method);
    // The client's side of a tunnel is sent once that is open.
    if (!head.protocol.empty()) into_tunnel = std::move(body);
  }

  // A deadline's way to end the pending calls.
  void cancel() noexcept override {
    if (lease.connected()) lease.stream().cancel();
  }

  // Ends everything; the first reason counts.
  void cut(Failure why) {
    machine.cut(std::move(why));
    if (lease.connected()) lease.stream().close();
  }
  // For the reader: the sender ends too, also when it waits for the client.
  void cut_both(Failure why) {
    cut(std::move(why));
    if (machine.sending()) exchange.tasks().cancel(sender);
  }
  void go(Move move) {
    auto moved = machine.move(move);
    if (!moved) cut_both(std::move(moved).error());
  }

  // Why a call on the stream ended so.
  [[nodiscard]] Failure why(IoStatus status) {
    if (machine.failure()) return *machine.failure();
    const bool head_seen = !machine.awaits_head();
    const bool touched = machine.response() != H1ClientMachine::Response::Nothing;
    if (write_due.fired()) {
      return Failure{Code::UpstreamTimeout, "the upstream stopped taking the request",
                     problem_code::kRequestStalled};
    }
    if (read_due.fired()) {
      return Failure{Code::UpstreamTimeout,
                     head_seen ? "the upstream's response stalled" : "no response came in time",
                     head_seen ? problem_code::kResponseStalled : problem_code::kNoResponse};
    }
    if (status == IoStatus::Cancelled) return Failure{Code::Cancelled, "the exchange was ended"};
    if (!touched && lease.connected()) {
      if (auto told = lease.stream().why_ended()) return std::move(*told);
    }
    std::string detail = "the upstream's connection was " + std::string(to_word(status));
    if (head_seen && status != IoStatus::Protocol) {
      return Failure{Code::UpstreamTruncated, detail + " within the response's body"};
    }
    return Failure{Code::UpstreamBroken, detail + (head_seen ? " within the response's body"
                                                   : touched ? " within the response's head"
                                                             : " before a response came")};
  }

  // The response is complete.
  void response_ended() {
    go(Move::ResponseEnds);
    read_due.disarm();
    if (pending.empty()) free_bytes(kept_);
    if (machine.over()) {
      settle();
    } else if (how.responder == Responder::Scanner) {
      // The scanner has judged without the rest, which is of no use.
      cut_both(Failure{Code::Cancelled, "the response ended before the request"});
    }
  }
  void request_ended(bool whole) {
    go(whole ? Move::BodyWritten : Move::SenderFails);
    write_due.disarm();
    body.reset();
    if (machine.over()) settle();
  }

  // Reads once, at most `room` bytes, when nothing is pending.
  awaitable<IoStatus> fill(std::size_t room);
  // Later turns have what is pending now, too.
  void keep_pending() {
    if (pending.empty()) {
      free_bytes(kept_);
    } else if (kept_.empty()) {
      kept_ = Bytes(pending);
      pending = kept_;
    }
  }

  Lease lease;
  const H1Call how;
  Exchange& exchange;
  RequestHead head;
  std::unique_ptr<BodySource> body;
  std::unique_ptr<BodySource> into_tunnel;

  H1ClientMachine machine;
  Bytes head_bytes;
  Event head_written;
  TaskGroup::TaskId sender = 0;

  H1ResponseParser parser;
  ByteView pending;  // read, not yet parsed; until the turn ends, unless it is kept

  Deadline read_due;
  Deadline write_due;

 private:
  void settle() {
    Lease done = std::move(lease);
    if (machine.clean() && pending.empty()) done.give_back();
  }

  Bytes kept_;
};

awaitable<IoStatus> Call::fill(std::size_t room) {
  const ByteSpan scratch = upstream_read_scratch(room);
  const IoResult got = co_await lease.stream().read_some(scratch);
  if (got.ok()) {
    go(Move::BytesCome);
    pending = ByteView(scratch.data(), got.n);
  }
  co_return got.status;
}

// ---- the request -------------------------------------------------------------------------------

// Appends a piece of the body as the framing wants it. Fails if it is not as long as it was said.
Result<> frame(Bytes& out, const Framing& framing, Chunk& chunk, std::uint64_t sent) {
  if (framing.kind == Framing::Kind::Chunked) {
    write_chunk(out, chunk.data);
    if (chunk.end) write_last_chunk(out, chunk.trailers ? &*chunk.trailers : nullptr);
    return {};
  }
  if (sent > framing.length || (chunk.end && sent != framing.length)) {
    return Failure{Code::ClientBad, "the request's body has another length than it says",
                   problem_code::kBadFraming};
  }
  if (out.empty()) {
    out = std::move(chunk.data);
  } else {
    out.append(chunk.data);
  }
  return {};
}

// False: no more can be sent. The response may still come, so only what is final is cut here.
awaitable<bool> write_out(Call& call, const Bytes& out) {
  call.write_due.arm(call.how.limits->write_stall);
  const IoResult wrote = co_await call.lease.stream().write_all(out);
  call.write_due.disarm();
  if (wrote.ok()) {
    // The wait for the head begins anew: an upload may take longer than that.
    if (call.machine.awaits_head()) call.read_due.arm(call.how.limits->head);
    co_return true;
  }
  if (wrote.status == IoStatus::Cancelled) call.cut(call.why(wrote.status));
  co_return false;
}

// Until the body has been sent; true if it was, as a whole.
awaitable<bool> send_pieces(Call& call) {
  std::uint64_t sent = 0;
  for (;;) {
    auto chunk = co_await call.body->read(call.how.limits->body_piece);
    if (!chunk) {
      call.cut(chunk.error());
      co_return false;
    }
    // The first piece goes out with the head if it was there at once.
    Bytes out;
    if (call.machine.request() == H1ClientMachine::Request::Waiting) {
      out = std::move(call.head_bytes);
    } else if (call.machine.request() == H1ClientMachine::Request::HeadFirst) {
      const bool written = co_await call.head_written.wait();
      if (!written) {
        call.cut(Failure{Code::Cancelled, "the exchange was ended"});
        co_return false;
      }
    }
    call.go(Move::PieceGoes);
    sent += chunk->data.size();
    const auto framed = frame(out, call.how.framing, *chunk, sent);
    if (!framed) {
      call.cut(framed.error());
      if (!chunk->end) call.body->stop(framed.error());
      co_return false;
    }
    const bool written = co_await write_out(call, out);
    if (!written) {
      if (!chunk->end) {
        call.body->stop(Failure{Code::UpstreamBroken, "the upstream took no more of the request"});
      }
      co_return false;
    }
    if (chunk->end) co_return true;
  }
}

// The shared pointer keeps the call while this child runs.
awaitable<void> send_body(std::shared_ptr<Call> call) {
  const bool whole = co_await send_pieces(*call);
  call->request_ended(whole);
}

// ---- the response ------------------------------------------------------------------------------

// The final head. 1xx heads before it go to the exchange.
awaitable<Result<ResponseHead>> read_head(Call& call) {
  int interims = 0;
  for (;;) {
    if (call.pending.empty()) {
      const IoStatus status = co_await call.fill(call.how.limits->read_buffer);
      // Also when a byte came: the time for all of the head may end in the turn in which the reader
      // is woken for a piece of it, and then there is no wait that could be ended.
      if (status != IoStatus::Ok || call.read_due.fired()) co_return call.why(status);
    }
    const auto fed = call.parser.feed(call.pending);
    if (!fed) co_return fed.error();
    call.pending.remove_prefix(*fed);
    if (!call.parser.head_ready()) continue;

    ResponseHead head = call.parser.take_head();
    const bool keep_alive = head.keep_alive;
    const bool scanner = call.how.responder == Responder::Scanner;
    const auto vetted = check_response(
        head, call.head.method, scanner ? ControlFields::Keep : ControlFields::Drop,
        HeadLimits::for_responses(call.how.limits->response_fields), call.head.protocol);
    if (!vetted) co_return vetted.error();
    if (head.status == 101) co_return head;
    if (head.status >= 200) {
      call.go(keep_alive ? Move::HeadKeeps : Move::HeadCloses);
      co_return head;
    }
    // The scanner's fields for us are not for the client, here as in the final head.
    strip_control_fields(head.fields);
    const bool accepted =
        ++interims <= Exchange::kMaxInterim && (head.status == 100 || call.exchange.interim(head));
    if (!accepted) {
      co_return Failure{Code::UpstreamBroken, "too many interim responses",
                        problem_code::kInterimFlood};
    }
    call.parser.reset();
  }
}

class H1ResponseBody final : public BodySource {
 public:
  explicit H1ResponseBody(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~H1ResponseBody() override {
    if (call_) stop(failure_without_fail(Code::Cancelled, "the response was dropped"));
  }

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return call_ != nullptr && !call_->pending.empty();
  }
  void stop(Failure why) noexcept override {
    if (!call_) return;
    const std::shared_ptr<Call> call = std::move(call_);
    call->cut_both(std::move(why));
  }

 private:
  Failure fail(Failure why) {
    stop(why);
    return why;
  }

  std::shared_ptr<Call> call_;
};

awaitable<Result<Chunk>> H1ResponseBody::read(std::size_t max) {
  const std::shared_ptr<Call> keep = call_;  // stop() may come while this waits
  Call& call = *keep;
  for (;;) {
    bool closed = false;
    if (call.pending.empty()) {
      call.read_due.arm(call.how.limits->response_stall);
      const IoStatus status = co_await call.fill(max);
      call.read_due.disarm();
      if (call.machine.failure()) co_return fail(*call.machine.failure());
      closed = status == IoStatus::Eof;
      if (closed) {
        const auto ended = call.parser.finish();
        if (!ended) co_return fail(call.why(status));
      } else if (status != IoStatus::Ok) {
        co_return fail(call.why(status));
      }
    }
    if (!closed) {
      const auto fed = call.parser.feed(call.pending.substr(0, max));
      if (!fed) co_return fail(fed.error());
      call.pending.remove_prefix(*fed);
      call.keep_pending();
    }
    Chunk chunk;
    chunk.data = call.parser.take_body();
    if (call.parser.message_complete()) {
      chunk.end = true;
      chunk.trailers = call.parser.take_trailers();
      call_.reset();
      call.response_ended();
      co_return chunk;
    }
    if (!chunk.data.empty()) co_return chunk;
  }
}

H1Answer failed(Failure why) { return H1Answer{Result<Response>(std::move(why)), false}; }

}  // namespace

awaitable<H1Answer> h1_send(Lease lease, Request request, H1Call how, Exchange& exchange) {
  const auto call = std::make_shared<Call>(std::move(lease), std::move(request), how, exchange);
  Destination destination = exchange.destination();
  destination.port = how.port.value_or(destination.port);
  const auto wrote =
      write_request_head(call->head_bytes, call->head, how.form, destination, how.framing);
  if (!wrote) {
    if (call->body) call->body->stop(wrote.error());
    if (call->into_tunnel) call->into_tunnel->stop(wrote.error());
    call->cut(wrote.error());
    co_return failed(wrote.error());
  }
  call->head.fields.free();  // they are written; the answer may take minutes
  call->read_due.arm(how.limits->head);
  if (call->body != nullptr) call->sender = exchange.tasks().spawn(send_body(call));
  // The body's first piece is not there yet, or there is none: the head goes alone.
  if (call->machine.can(Move::HeadGoes)) {
    call->go(Move::HeadGoes);
    const Bytes head_bytes = std::move(call->head_bytes);
    const bool written = co_await write_out(*call, head_bytes);
    call->go(written ? Move::HeadWritten : Move::HeadLost);
    call->head_written.set();
  }
  auto head = co_await read_head(*call);
  call->read_due.disarm();
  if (!head) {
    H1Answer answer = failed(head.error());
    answer.untouched = call->machine.response() == H1ClientMachine::Response::Nothing &&
                       !call->machine.failure() && head.error().code == Code::UpstreamBroken;
    if (call->into_tunnel) call->into_tunnel->stop(head.error());
    call->cut_both(head.error());
    co_return answer;
  }
  Response response;
  response.head = std::move(*head);
  if (response.head.status == 101) {
    response.body = open_h1_tunnel(std::move(call->lease), Bytes(call->pending),
                                   std::move(call->into_tunnel), *how.limits, exchange);
    co_return H1Answer{Result<Response>(std::move(response)), false};
  }
  if (call->into_tunnel) {
    call->into_tunnel->stop(Failure{Code::Cancelled, "the origin opens no tunnel"});
  }
  if (call->parser.message_complete()) {
    response.head.has_body = false;
    call->response_ended();
  } else {
    call->keep_pending();
    response.body = std::make_unique<H1ResponseBody>(call);
  }
  co_return H1Answer{Result<Response>(std::move(response)), false};
}

}  // namespace bottle
