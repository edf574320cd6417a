#include "proxy/upstream/pipelock_upstream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/event.h"
#include "proxy/ledger/ticket.h"
#include "proxy/upstream/admit.h"
#include "proxy/upstream/exit_front.h"
#include "proxy/upstream/pipelock_verdict.h"
#include "proxy/upstream/scanned_body.h"
#include "proxy/upstream/sse_comments.h"
#include "proxy/upstream/sse_reader.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxAgent = 64;

// RFC 9110 section 9.2.2: a proxy repeats nothing else by itself.
bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

constexpr std::string_view kAgentField = "X-Pipelock-Agent";

// A body that is being collected by a child, so that the wait for it can be ended.
struct Collecting final : public Cancellable {
  Collecting(std::unique_ptr<BodySource> body_in, Exchange& exchange_in)
      : exchange(exchange_in), body(std::move(body_in)), done(exchange.wheel().executor()) {}
  void cancel() noexcept override { exchange.tasks().cancel(task); }

  Exchange& exchange;
  std::unique_ptr<BodySource> body;
  Event done;
  TaskGroup::TaskId task = 0;
  std::optional<Result<std::shared_ptr<const SpooledBody>>> result;
};

awaitable<void> collect_into(std::shared_ptr<Collecting> collecting, Spool& spool,
                             std::optional<std::uint64_t> declared, Coding coding,
                             DecodeLimits decode) {
  auto result = co_await spool.collect(*collecting->body, declared, coding, decode);
  collecting->result.emplace(std::move(result));
  collecting->done.set_later();
}

Failure grpc_streaming() {
  return Failure{
      Code::NotSupported,
      "the call's request did not end: a scanned request is sent when it is complete",
      "grpc_streaming",
      "Calls in which the client streams need the route relay for this host; unary calls "
      "and streams of the server's pass."};
}

}  // namespace

std::string pipelock_agent(std::string_view bottle, std::string_view exchange) {
  exchange = exchange.substr(0, kMaxAgent);
  const std::size_t left = kMaxAgent - exchange.size();
  std::string agent(bottle.substr(0, left == 0 ? 0 : left - 1));
  if (!agent.empty()) agent += '-';
  agent += exchange;
  for (char& c : agent) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!plain) c = '_';
  }
  return agent;
}

PipelockUpstream::PipelockUpstream(Dialer& dialer, Pool& pool, Spool& spool,
                                   PipelockOptions options, ExchangeLedger* ledger)
    : dialer_(dialer), pool_(pool), spool_(spool), options_(std::move(options)), ledger_(ledger) {}

awaitable<Result<Response>> PipelockUpstream::send(Request request, Exchange& exchange) {
  exchange.trace.upstream_protocol = to_string(Version::Http11);
  const auto coding = coding_of(request.head.fields);
  if (!coding) {
    if (request.body) request.body->stop(coding.error());
    co_return coding.error();
  }
  // Before a connection is used: pipelock gives an upload ten seconds.
  std::shared_ptr<const SpooledBody> body;
  if (request.body) {
    auto spooled = co_await collect(request, *coding, exchange);
    if (!spooled) co_return spooled.error();
    body = std::move(*spooled);
    exchange.trace.scanned_request_body = true;
  }
  request.body.reset();
  if (ledger_ != nullptr) {
    auto answer =
        co_await send_admitted(std::move(request.head), std::move(body), *coding, exchange);
    co_return answer;
  }
  const bool head_request = request.head.method == "HEAD";
  make_scannable(request.head, false);
  request.head.fields.set(kAgentField, pipelock_agent(options_.bottle_id, exchange.id()));
  auto relayed = co_await call(std::move(request.head), std::move(body), nullptr, exchange);
  if (!relayed) co_return relayed.error();
  auto judged = co_await judge(std::move(relayed->response), head_request, relayed->sent, exchange);
  co_return judged;
}

awaitable<Result<std::shared_ptr<const SpooledBody>>> PipelockUpstream::collect(
    Request& request, Coding coding, Exchange& exchange) {
  const std::optional<std::uint64_t> declared = request.head.content_length;
  if (ledger_ == nullptr || !is_grpc(request.head.fields)) {
    auto spooled = co_await spool_.collect(*request.body, declared, coding, options_.decode);
    co_return spooled;
  }
  const auto collecting = std::make_shared<Collecting>(std::move(request.body), exchange);
  collecting->task =
      exchange.tasks().spawn(collect_into(collecting, spool_, declared, coding, options_.decode));
  Deadline due(exchange.wheel(), *collecting, options_.exit.grpc_request);
  while (!collecting->result) {
    const bool done = co_await collecting->done.wait();
    if (!done) co_return Failure{Code::Cancelled, "the exchange was ended"};
  }
  if (due.fired() && !*collecting->result) co_return grpc_streaming();
  co_return std::move(*collecting->result);
}

awaitable<Result<Response>> PipelockUpstream::send_admitted(RequestHead head,
                                                            std::shared_ptr<const SpooledBody> body,
                                                            Coding coding, Exchange& exchange) {
  const bool head_request = head.method == "HEAD";
  auto admission = co_await make_admission(head, body, coding, exchange);
  if (!admission) co_return admission.error();
  head = admission->scanned.head;
  head.fields.set(kAgentField, pipelock_agent(options_.bottle_id, exchange.id()));
  auto end = ledger_->admit(std::move(*admission), exchange.wheel().executor());
  head.fields.set(kExchangeField, end->ticket());
  const auto news = std::make_shared<FrontNews>(std::move(end), exchange);
  FrontNews::watch(news);
  auto relayed = co_await call(std::move(head), std::move(body), news.get(), exchange);
  const bool alone = co_await news->end_watch();
  ExitFront front(options_, news, exchange);
  if (!relayed) co_return front.without_answer(relayed.error());
  if (!alone) {
    const Failure ended{Code::Cancelled, "the exchange was ended"};
    if (relayed->response.body) relayed->response.body->stop(ended);
    co_return ended;
  }
  auto judged = co_await front.judge(std::move(relayed->response), head_request, relayed->sent);
  co_return judged;
}

awaitable<Result<PipelockUpstream::Relayed>> PipelockUpstream::call(
    RequestHead head, std::shared_ptr<const SpooledBody> body, const FrontNews* front,
    Exchange& exchange) {
  bool may_retry = front != nullptr || is_idempotent(head.method);
  Pool::Want want = Pool::Want::AnyConnection;
  for (;;) {
    auto lease = co_await pool_.lease("scanner", want);
    if (!lease) co_return lease.error();
    if (!lease->connected()) {
      auto dialled = co_await dialer_.dial(exchange.destination(), exchange.scheme());
      if (!dialled) co_return dialled.error();
      lease->attach(std::move(dialled->stream));
    }
    const auto begun = exchange.begin_to_send();
    if (!begun) co_return begun.error();
    std::optional<RequestHead> spare;
    if (may_retry && lease->reused()) spare = head;
    Request request;
    request.head = std::move(head);
    if (body) request.body = std::make_unique<SpoolReader>(body);
    H1Call how;
    how.form = RequestForm::Absolute;
    how.framing = Framing::content_length(body ? body->size() : 0);
    how.responder = Responder::Scanner;
    how.limits = &options_.h1;
    const Clock::time_point sent = Clock::now();
    H1Answer answer = co_await h1_send(std::move(*lease), std::move(request), how, exchange);
    if (answer.response) co_return Relayed{std::move(*answer.response), sent};
    const bool exit_has_it = front != nullptr && front->claimed();
    if (!answer.untouched || !spare || exit_has_it) co_return answer.response.error();
    head = std::move(*spare);
    may_retry = false;
    want = Pool::Want::NewConnection;
  }
}

awaitable<Result<Response>> PipelockUpstream::judge(Response response, bool head_request,
                                                    Clock::time_point sent, Exchange& exchange) {
  Bytes first;
  if (may_be_pipelocks_own(response.head)) {
    bool ended = response.body == nullptr;
    while (!ended && first.size() <= kPipelockBlockBody) {
      auto chunk = co_await response.body->read(kPipelockBlockBody + 1 - first.size());
      if (!chunk) co_return chunk.error();
      first += chunk->data;
      ended = chunk->end;
    }
    PipelockVerdict verdict;
    if (ended) {
      response.body.reset();
      verdict = pipelock_verdict(response.head, first, head_request);
    }
    if (verdict.kind == PipelockVerdict::Kind::Failed) {
      exchange.trace.by = Trace::By::Pipelock;
      co_return std::move(verdict.failure);
    }
    if (verdict.kind == PipelockVerdict::Kind::Refused) {
      strip_control_fields(response.head.fields);
      response.head.fields.add("X-Bottle-Deny", word(verdict.failure));
      if (!first.empty()) response.body = std::make_unique<BytesSource>(std::move(first));
      exchange.trace.failure = std::move(verdict.failure);
      exchange.trace.by = Trace::By::Pipelock;
      co_return response;
    }
  }
  strip_control_fields(response.head.fields);
  if (response.body == nullptr && first.empty()) co_return response;

  exchange.trace.scanned_response_body = true;
  const bool events = is_event_stream(response.head.fields);
  Cuts cuts;
  if (events) {
    // Only here does its timer end a body cleanly; any other body it has read as a whole before it
    // sends the first byte. Measured from before the request was written, so it is not later here.
    if (options_.timeout.count() > 0) cuts.time = sent + options_.timeout;
  } else {
    cuts.bytes = options_.max_response_bytes;
  }
  response.body = std::make_unique<ScannedBody>(std::move(first), std::move(response.body), cuts);
  if (events) {
    response.body = with_sse_comments(std::move(response.body), options_.sse_comment, exchange);
  }
  co_return response;
}

}  // namespace bottle
