#include "proxy/http/http1_session.h"

#include <exception>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/base/turn_budget.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/connect.h"

namespace bottle {
namespace {

// Where a request goes that came to a port where clients believe to speak to the origin itself.
Result<Destination> destination_of(const RequestHead& head, const SessionContext& context) {
  const auto host = head.fields.find("host");
  if (!host || head.fields.count("host") > 1) {
    return Failure{Code::ClientBad, "there has to be exactly one Host", problem_code::kBadHost};
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

Http1Session::Http1Session(ByteStream& stream, const SessionContext& context, Arrival arrival)
    : stream_(stream),
      context_(context),
      arrival_(arrival),
      tasks_(context.executor),
      arrived_(context.executor),
      room_(context.executor),
      written_(context.executor),
      drain_begun_(context.executor),
      in_memory_(context.memory) {}

Http1Session::~Http1Session() = default;

awaitable<Http1End> Http1Session::run(Bytes already_read) {
  const IdleList::EndedBy ended_by(context_.place, stream_);
  const MemoryAccount::EndedBy shed_by(context_.memory.get(), shed_alarm_);
  in_ = std::move(already_read);
  std::exception_ptr failed;
  try {
    context_.drain.add(arrived_);
    context_.drain.add(drain_begun_);
    if (arrival_ != Arrival::Listener) {
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

bool Http1Session::go(Move move) {
  auto moved = machine_.move(move);
  if (moved) return true;
  defect_ = std::make_unique<const Failure>(std::move(moved).error());
  return false;
}

awaitable<void> Http1Session::serve() {
  TurnBudget turn;  // requests that came in one go may all be answered without a wait
  for (;;) {
    auto got = co_await read_head();
    if (machine_.state() == State::Ending) break;
    co_await serve_next(std::move(got));
    if (machine_.state() != State::Idle) break;
    parser_.reset();
    if (unparsed().empty()) free_bytes(in_);  // an idle connection holds no buffer
    in_memory_.set(in_.capacity());
    if (closing()) {
      go(Move::InputEnds);
      break;
    }
    turn.spend_frames(1);
    if (turn.spent()) co_await turn.give_way();
  }
  // An end in good order says so, or TLS clients take it for a cut.
  if (machine_.state() == State::Ending) {
    co_await write_end();
    go(Move::EndWritten);
  }
  tasks_.cancel(drain_watch_);
  tasks_.cancel(reader_);
}

// A frame of its own, with the heads: an idle connection holds that of serve() alone.
awaitable<void> Http1Session::serve_next(Result<> got) {
  Admitted admitted = got ? admit(parser_->take_head()) : refusal(std::move(got).error(), "");
  if (auto* refused = std::get_if<Refusal>(&admitted)) {
    co_await refuse(std::move(*refused));
  } else if (auto* accepted = std::get_if<Accepted>(&admitted)) {
    co_await serve_request(std::move(*accepted));
  } else {
    go(Move::Connect);
    end_.connect = std::get<Http1End::Connect>(std::move(admitted));
  }
}

// Decides who answers the request, and where it goes.
Http1Session::Admitted Http1Session::admit(RequestHead head) {
  if (arrival_ == Arrival::Listener) return admit_to_proxy(std::move(head));
  if (arrival_ == Arrival::Tunnel) {
    return Accepted{std::move(head), context_.destination, context_.scheme};
  }
  auto named = destination_of(head, context_);
  if (!named) return refusal(std::move(named).error(), std::move(head.method));
  return Accepted{std::move(head), std::move(*named), context_.scheme};
}

Http1Session::Admitted Http1Session::admit_to_proxy(RequestHead head) {
  if (context_.doorkeeper != nullptr) {
    std::optional<Failure> unknown = context_.doorkeeper->check(head.fields);
    if (unknown) return turned_away(std::move(*unknown), std::move(head));
    let_in_ = true;
    // It was for this connection alone (RFC 9110 section 11.7.2).
    head.fields.remove("proxy-authorization");
  }
  auto asked = parse_proxy_request(head);
  if (!asked) return refusal(std::move(asked).error(), std::move(head.method));
  if (!asked->is_connect) {
    return Accepted{std::move(head), std::move(asked->destination), asked->scheme};
  }
  if (!machine_.first()) {
    Failure late(Code::ClientBad, "CONNECT has to be the first request of a connection",
                 problem_code::kConnectNotFirst, "Open a new connection to the proxy for it.");
    return refusal(std::move(late), std::move(head.method));
  }
  return Http1End::Connect{std::move(asked->destination), head.version == Version::Http10, {}};
}

// For a request that never became one; it ends the connection. Its target is not for the log: it
// may hold what a URL must not (a password before the host).
Http1Session::Refusal Http1Session::refusal(Failure failure, std::string method) const {
  RequestHead head;
  head.method = std::move(method);
  head.keep_alive = false;
  return Refusal{std::move(failure), context_.destination, std::move(head)};
}

// The doorkeeper does not know the client. Some clients show a password only when they are asked
// for it, on the same connection; one that guesses needs a new connection after a few tries.
Http1Session::Refusal Http1Session::turned_away(Failure failure, RequestHead head) {
  Destination destination;
  auto asked = parse_proxy_request(head);
  if (asked) destination = std::move(asked->destination);
  head.keep_alive = head.keep_alive && ++turned_away_ < kMaxAuthFailures;
  return Refusal{std::move(failure), std::move(destination), std::move(head)};
}

awaitable<void> Http1Session::serve_request(Accepted request) {
  const IdleList::Busy busy(context_.place);
  RequestHead& head = request.head;
  // Before the exchange begins: an end that is there already does not cancel it.
  if (!reads_ahead()) read_ahead();
  Exchange exchange(context_.executor, context_.wheel, context_.handler.next_id(),
                    std::move(request.destination), request.scheme, head.version, nullptr);
  exchange.trace.method = head.method;
  exchange.trace.target = head.target;
  exchange.form = refusal_form(head);
  exchange.client = reinterpret_cast<std::uintptr_t>(this);
  exchange.tasks().ends_on_failure(no_memory_);
  exchange.memory = context_.memory;
  const MemoryHold memory(context_.memory, Exchange::kMemory, MemoryHold::Kind::Fixed);
  if (!go(Move::Serve)) co_return;
  Move outcome = Move::AnswerLost;
  std::exception_ptr failed;
  try {
    const RequestContext request_context{exchange.destination(), exchange.scheme(), context_.rules};
    auto checked = check_request(head, request_context);
    Response response;
    if (!checked) {
      response = context_.handler.refuse(checked.error(), exchange);
      head.keep_alive = head.keep_alive && !traits(checked.error().code).closes;
    } else {
      Request asked = request_for_handler(head, exchange);
      response = co_await context_.handler.handle(std::move(asked), exchange);
      // Whatever the handler made of it: it ended because the client was gone.
      if (machine_.client() == H1ServerMachine::Client::Left) client_lost(exchange.trace);
    }
    outcome = co_await answer(std::move(response), exchange, head);
  } catch (...) {
    // Out of memory: what the exchange has begun ends before it does, and nothing looks whole.
    failed = std::current_exception();
    exchange.trace.failure = out_of_memory();
    end_.reset = true;
  }
  auto end = [this, &exchange, outcome] { return finish(exchange, outcome); };
  co_await keep_trying(end);
  if (failed) std::rethrow_exception(failed);
}

awaitable<void> Http1Session::refuse(Refusal refusal) {
  const IdleList::Busy busy(context_.place);
  if (!go(Move::Refuse)) co_return;
  RequestHead& head = refusal.head;
  Exchange exchange(context_.executor, context_.wheel, context_.handler.next_id(),
                    std::move(refusal.destination), context_.scheme, Version::Http11, nullptr);
  exchange.trace.method = head.method;
  exchange.trace.anonymous = context_.doorkeeper != nullptr && !let_in_;
  if (head.method.empty()) head.method = "GET";
  Response response = context_.handler.refuse(refusal.failure, exchange);
  const Move outcome = co_await answer(std::move(response), exchange, head);
  co_await finish(exchange, outcome);
}

awaitable<void> Http1Session::finish(Exchange& exchange, Move outcome) {
  // Ends the sender of a body that is not wanted any more.
  if (outcome != Move::AnswerKept) exchange.tasks().cancel();
  co_await exchange.tasks().join();
  go(outcome);
  std::optional<Failure>& failure = exchange.trace.failure;
  if (defect_) failure = *defect_;
  if (failure && failure->code == Code::Cancelled) client_lost(exchange.trace);
  context_.handler.finished(exchange);
  if (machine_.state() == State::Lingering) co_await linger();
}

}  // namespace bottle
