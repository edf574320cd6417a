// The writing half of a session: answers with their bodies, 100 Continue, and the end of a
// connection.
#include <algorithm>
#include <utility>

#include "proxy/http/h1_writer.h"
#include "proxy/http/http1_session.h"
#include "proxy/http/media_type.h"

namespace bottle {
namespace {

// Bytes that are written are here, and again as TLS records that the socket does not take yet.
constexpr std::size_t kCopies = 2;

// Takes the chunk's bytes.
void append_piece(Bytes& out, const Framing& framing, Chunk& chunk) {
  if (framing.kind == Framing::Kind::Chunked) {
    write_chunk(out, chunk.data);
    // Also to a client that did not ask for them: RFC 9110 section 6.5.1 lets it ignore them.
    if (chunk.end) write_last_chunk(out, chunk.trailers ? &*chunk.trailers : nullptr);
  } else if (out.empty()) {
    out = std::move(chunk.data);
  } else {
    out.append(chunk.data);
  }
}

}  // namespace

// The answer did not reach the client. A decision against the request stays what its line in the
// log is about: leaving early does not hide it.
void Http1Session::client_lost(SessionTrace& trace) {
  if (trace.failure && traits(trace.failure->code).level == LogLevel::Audit) return;
  if (shed_) {
    trace.failure = memory_full();
    trace.by = DecidedBy::Proxy;
    return;
  }
  trace.by = DecidedBy::Client;
  const H1ServerMachine::Client client = machine_.client();
  if (client == H1ServerMachine::Client::Stalled) {
    trace.failure = Failure(Code::ClientSlow, "the client stopped reading");
  } else if (closing() && client == H1ServerMachine::Client::There) {
    trace.failure = Failure(Code::ShuttingDown, "the proxy stopped before the answer's end");
    trace.by = DecidedBy::Proxy;
  } else {
    trace.failure = Failure(Code::ClientGone, "the client closed the connection");
  }
}

void Http1Session::on_shed() noexcept {
  shed_ = true;
  if (machine_.can(Move::ClientLeaves)) go(Move::ClientLeaves);
  tasks_.cancel(serving_);
  stream_.cancel();
}

// How the answer ended. Only finish() makes the move: until then the exchange lasts.
awaitable<Http1Session::Move> Http1Session::answer(Response response, Exchange& exchange,
                                                   const RequestHead& head) {
  while (machine_.state() == State::Continuing) {
    const bool done = co_await written_.wait();
    if (!done) break;
  }
  if (response.head.status == 0 || !machine_.can(Move::AnswerBegins)) {
    if (response.body) response.body->stop(Failure(Code::Cancelled, "the client is gone"));
    if (response.head.status != 0) client_lost(exchange.trace);
    co_return Move::AnswerLost;
  }
  go(Move::AnswerBegins);
  const AnswerPlan plan = plan_answer(response, head);
  Bytes out;
  write_response_head(out, response.head, plan.framing, plan.keeps_connection);
  exchange.trace.status = response.head.status;
  exchange.trace.first_byte = Clock::now();

  bool whole = true;
  if (response.body && !plan.sends_body) {
    response.body->stop(Failure(Code::Cancelled, "the client gets no body"));
  }
  if (plan.sends_body) {
    whole = co_await send_body(*response.body, std::move(out), plan, exchange);
  } else {
    whole = co_await write(out);
    if (!whole) client_lost(exchange.trace);
  }
  if (!whole) {
    // Never a clean end: no last chunk, no close_notify that could pass for one. Where the end of
    // the connection is the end of the body, only a reset tells them apart.
    end_.reset = plan.framing.kind == Framing::Kind::Close;
    if (!end_.reset) stream_.close();
    co_return Move::AnswerLost;
  }
  if (plan.keeps_connection) co_return Move::AnswerKept;
  co_await write_end();
  co_return plan.request_read ? Move::AnswerLast : Move::AnswerEarly;
}

Http1Session::AnswerPlan Http1Session::plan_answer(Response& response,
                                                   const RequestHead& head) const {
  // Whatever the head says: without a source, no one would write the body's end.
  if (!response.body) response.head.has_body = false;
  AnswerPlan plan{framing_for(response.head, head.version, head.method),
                  parser_ != nullptr && parser_->message_complete(), false, false,
                  media_type(response.head.fields) != "text/event-stream"};
  if (!head.protocol.empty()) {
    // The client may have said something in the tunnel already, which is no request.
    plan.request_read = false;
    if (response.head.status == 101) {
      plan.framing = Framing::close();
      plan.sends_body = response.body != nullptr;
      plan.judged = false;
      return plan;
    }
  }
  plan.keeps_connection = head.keep_alive && response.head.keep_alive && plan.request_read &&
                          plan.framing.kind != Framing::Kind::Close && !closing();
  // The answer to HEAD, and a 304, may declare the length of what they do not send.
  const bool bare = plan.framing.kind == Framing::Kind::None || head.method == "HEAD" ||
                    response.head.status == 304;
  plan.sends_body = response.body && !bare;
  return plan;
}

// True if the client got all of it.
awaitable<bool> Http1Session::send_body(BodySource& body, Bytes out, const AnswerPlan& plan,
                                        Exchange& exchange) {
  const Framing framing = plan.framing;
  LeastRate least(context_.limits.least_rate, context_.limits.write_stall);
  LeastRate* const rate = plan.judged ? &least : nullptr;
  const std::size_t room = context_.limits.write_buffer;
  const bool counted = framing.kind == Framing::Kind::Length;
  std::uint64_t left = framing.length;
  for (;;) {
    if (!out.empty() && (out.size() >= room || !body.ready())) {
      const bool written = co_await write(out, rate);
      out.clear();
      if (!written) {
        client_lost(exchange.trace);
        body.stop(*exchange.trace.failure);
        co_return false;
      }
    }
    auto got = co_await body.read(room);
    std::optional<Failure> broken;
    if (!got) {
      broken = got.error();
    } else if (counted && (got->data.size() > left || (got->end && got->data.size() < left))) {
      // Bytes beyond the declared length would be read as the next answer.
      broken = Failure(Code::UpstreamBroken, "the body has not the length that its head declares");
      if (!got->end) body.stop(*broken);
    }
    if (broken) {
      if (machine_.client() == H1ServerMachine::Client::Left) {
        client_lost(exchange.trace);
      } else if (!exchange.trace.failure) {
        exchange.trace.failure = std::move(broken);
      }
      // The client gets what came before the break, but no end.
      if (!out.empty()) co_await write(out);
      co_return false;
    }
    Chunk& chunk = *got;
    left -= counted ? chunk.data.size() : 0;
    exchange.trace.bytes_out += chunk.data.size();
    append_piece(out, framing, chunk);
    if (chunk.end) {
      bool written = true;
      if (!out.empty()) written = co_await write(out, rate);
      if (!written) client_lost(exchange.trace);
      co_return written;
    }
  }
}

// With `rate`, a client that takes a little now and then is left as one that takes nothing is.
awaitable<bool> Http1Session::write(ByteView data, LeastRate* rate) {
  const auto stalls = context_.limits.write_stall;
  Deadline stall(context_.wheel, stream_,
                 rate == nullptr ? stalls : std::min(stalls, rate->left(data.size())));
  const auto begun = context_.wheel.now();
  const MemoryHold held(context_.memory, kCopies * data.size());
  const IoResult result = co_await stream_.write_all(data);
  if (rate != nullptr) {
    rate->waited(context_.wheel.now() - begun);
    rate->moved(result.n);
  }
  if (!result.ok() && stall.fired()) go(Move::WriteStalls);
  co_return result.ok();
}

awaitable<void> Http1Session::write_end() {
  // A client that reads nothing has no room for it either.
  Deadline deadline(context_.wheel, stream_, context_.limits.tls_close);
  co_await stream_.shutdown();
}

// RFC 9110 section 10.1.1: the body is read only now, and the client waits for the word.
awaitable<void> Http1Session::send_continue() {
  if (!machine_.can(Move::ContinueBegins)) co_return;
  go(Move::ContinueBegins);
  const bool sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
  // Half of it may be out: nothing that follows could be read.
  go(sent ? Move::ContinueSent : Move::ContinueLost);
  written_.set();
}

awaitable<void> Http1Session::linger() {
  Deadline deadline(context_.wheel, input(), context_.limits.linger);
  std::size_t taken = unparsed().size();
  consume(taken);
  while (taken < context_.limits.linger_bytes && !ended_) {
    const IoStatus status = co_await more_input();
    if (status != IoStatus::Ok) break;
    taken += unparsed().size();
    consume(unparsed().size());
  }
  go(Move::LingerEnds);
}

}  // namespace bottle
