#include "proxy/scanner/pipelock_upstream.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/base/event.h"
#include "proxy/body/sse_comments.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/grpc.h"
#include "proxy/http/methods.h"
#include "proxy/http/party.h"
#include "proxy/ledger/known_text.h"
#include "proxy/ledger/ticket.h"
#include "proxy/scanner/admit.h"
#include "proxy/scanner/answer_judge.h"
#include "proxy/scanner/pipelock_verdict.h"
#include "proxy/scanner/relayed_body.h"
#include "proxy/scanner/scanner_life.h"
#include "proxy/scanner/sse_reader.h"
#include "proxy/shown/shown_body.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxAgent = 64;
constexpr std::size_t kMostHealth = 16 * 1024;
// A request is tried with so many lives of the scanner, and asks so often.
constexpr int kMostScanners = 3;
constexpr int kMostQuestions = 4;

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
                             std::optional<std::uint64_t> declared, Codings codings,
                             std::shared_ptr<SpooledBody> coded, DecodeLimits decode) {
  const Exchange& exchange = collecting->exchange;
  const Party party = party_of(exchange.client, exchange.destination());
  auto result = co_await spool.collect(*collecting->body, declared, codings, decode, coded, party,
                                       exchange.memory);
  collecting->result.emplace(std::move(result));
  collecting->done.set_later();
}

Failure unsteady() {
  return Failure{Code::ScannerUnavailable, "pipelock closed its connections again and again",
                 problem_code::kScannerRestarted};
}

Failure grpc_streaming() {
  return Failure{
      Code::NotSupported,
      "the call's request did not end: a scanned request is sent when it is complete",
      problem_code::kGrpcStreaming,
      "Calls in which the client streams do not pass pipelock, which reads whole "
      "requests. Use unary calls and streams of the server's, or ask for the route relay for this "
      "host (\"routes\" in the manifest, or --route HOST=relay). The guard then "
      "reads the messages alone."};
}

Failure framing_needs_an_exit() {
  return Failure{Code::NotSupported,
                 "pipelock takes no Content-Encoding, and an aws-chunked body is signed with it",
                 problem_code::kCodingNotScannable,
                 "Send the body without aws-chunked. With the exit behind pipelock (--exit-listen) "
                 "it passes."};
}

Failure unread_needs_an_exit() {
  return Failure{Code::NotSupported,
                 "pipelock takes no Content-Encoding, and the body's cannot be taken off",
                 problem_code::kCodingNotScannable,
                 "Send the body without Content-Encoding. With the exit behind pipelock "
                 "(--exit-listen) it passes."};
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
                                   PipelockOptions options, ExchangeLedger* ledger,
                                   ShownForms forms)
    : dialer_(dialer),
      pool_(pool),
      spool_(spool),
      options_(std::move(options)),
      ledger_(ledger),
      forms_(forms) {}

awaitable<Result<Response>> PipelockUpstream::send(Request request, Exchange& exchange,
                                                   Passage& passage) {
  // Before a connection is used: an upload has ten seconds (docs/pipelock.md, section 2).
  auto body = co_await collect(request, exchange, passage);
  if (!body) co_return body.error();
  passage.scanned_request_body = passage.scanned_request_body || body->scanned != nullptr;
  request.body.reset();
  if (ledger_ != nullptr) {
    auto answer =
        co_await send_admitted(std::move(request.head), std::move(*body), exchange, passage);
    co_return answer;
  }
  const bool head_request = request.head.method == "HEAD";
  make_scannable(request.head, false);
  request.head.fields.set(kAgentField, pipelock_agent(options_.bottle_id, exchange.id()));
  auto relayed = co_await call(std::move(request.head), std::move(body->scanned), nullptr, 0,
                               exchange, passage);
  if (!relayed) co_return relayed.error();
  auto judged =
      co_await judge(std::move(relayed->response), head_request, relayed->sent, exchange, passage);
  co_return judged;
}

awaitable<Result<CollectedBody>> PipelockUpstream::collect(Request& request, Exchange& exchange,
                                                           const Passage& passage) {
  auto codings = codings_of(request.head.fields);
  const bool unread = !codings && passage.may_be_unread;
  if (unread) codings = ledger_ == nullptr ? unread_needs_an_exit() : Result<Codings>(Codings());
  if (codings && codings->is_framed() && ledger_ == nullptr) codings = framing_needs_an_exit();
  if (!codings) {
    if (request.body) request.body->stop(codings.error());
    co_return codings.error();
  }
  CollectedBody body;
  if (!request.body) co_return body;
  std::shared_ptr<SpooledBody> coded;
  if (codings->is_framed())
    coded = std::make_shared<SpooledBody>(spool_, party_of(exchange.client, exchange.destination()),
                                          exchange.memory);
  auto spooled = co_await spool(request, *codings, coded, exchange);
  if (!spooled) co_return spooled.error();
  body.scanned = std::move(*spooled);
  body.decoded = !codings->empty() && !coded;
  body.sent = std::move(coded);
  // It is sent with its Content-Encoding, of which the scanner is not told.
  body.unread = unread;
  if (unread) body.sent = body.scanned;
  co_return body;
}

awaitable<Result<std::shared_ptr<const SpooledBody>>> PipelockUpstream::spool(
    Request& request, Codings codings, std::shared_ptr<SpooledBody> coded, Exchange& exchange) {
  const std::optional<std::uint64_t> declared = request.head.content_length;
  if (!is_grpc(request.head.fields)) {
    const Party party = party_of(exchange.client, exchange.destination());
    auto spooled = co_await spool_.collect(*request.body, declared, codings, options_.decode,
                                           std::move(coded), party, exchange.memory);
    co_return spooled;
  }
  const auto collecting = std::make_shared<Collecting>(std::move(request.body), exchange);
  collecting->task = exchange.tasks().spawn(
      collect_into(collecting, spool_, declared, codings, std::move(coded), options_.decode));
  Deadline due(exchange.wheel(), *collecting, options_.exit.grpc_request);
  while (!collecting->result) {
    const bool done = co_await collecting->done.wait();
    if (!done) co_return Failure{Code::Cancelled, "the exchange was ended"};
  }
  if (due.fired() && !*collecting->result) co_return grpc_streaming();
  co_return std::move(*collecting->result);
}

awaitable<Result<Response>> PipelockUpstream::send_admitted(RequestHead head, CollectedBody body,
                                                            Exchange& exchange, Passage& passage) {
  for (int tries = 0; tries < kMostScanners; ++tries) {
    auto answer = co_await try_admitted(head, body, exchange, passage);
    if (answer) co_return std::move(*answer);
  }
  co_return unsteady();
}

bool PipelockUpstream::shows_new_text_only(const RequestHead& head,
                                           const CollectedBody& body) const {
  return forms_.known != nullptr && body.scanned != nullptr && body.sent == nullptr &&
         has_shown_form(head);
}

awaitable<std::optional<Result<Response>>> PipelockUpstream::try_admitted(RequestHead head,
                                                                          CollectedBody body,
                                                                          Exchange& exchange,
                                                                          Passage& passage) {
  const bool head_request = head.method == "HEAD";
  const std::uint64_t epoch = forms_.known != nullptr ? forms_.known->epoch() : 0;
  PassedTexts passing;
  if (shows_new_text_only(head, body)) {
    const Destination& to = exchange.destination();
    passing.known = forms_.known;
    passing.epoch = epoch;
    passing.place = forms_.known->place_of(to, exchange.scheme());
    const OpaqueRule opaque = forms_.settings->opaque(to.kind, to.host);
    auto shown =
        co_await make_shown_body(body.scanned, spool_, *forms_.known, passing.place, opaque);
    if (!shown) co_return shown.error();
    if (shown->body != body.scanned) body.sent = std::exchange(body.scanned, shown->body);
    passing.marks = std::move(shown->marks);
    passage.shown = shown->record;
  }
  const auto port = scanned_port(exchange.destination(), exchange.scheme(), options_.exit_ports);
  auto admission = co_await make_admission(head, body, exchange, passage.bypass_body, port);
  if (!admission) co_return admission.error();
  admission->epoch = epoch;
  admission->head_only = passage.head_only;
  head = admission->scanned.head;
  head.fields.set(kAgentField, pipelock_agent(options_.bottle_id, exchange.id()));
  auto end = ledger_->admit(std::move(*admission), exchange.wheel().executor());
  head.fields.set(kExchangeField, end->ticket());
  const auto news = std::make_shared<ExitReports>(std::move(end), exchange, passage);
  const auto pending = std::make_shared<PendingAnswer>(exchange, passage);
  ExitReports::watch(news, pending->changed);
  pending->task =
      exchange.tasks().spawn(fetch(pending, std::move(head), std::move(body.scanned), news, epoch));
  const Failure ended{Code::Cancelled, "the exchange was ended"};
  while (!pending->answer && !news->begins_events()) {
    const bool changed = co_await pending->changed->wait();
    if (changed) continue;
    pending->cancel();
    co_return ended;
  }
  const bool alone = co_await news->end_watch();
  // A request that came out at the exit was passed, whatever becomes of the answer.
  if (news->end().began() && !passage.request_body_changed) passing.remember();
  AnswerJudge front(options_, news, exchange, passage);
  if (!pending->answer) {
    if (alone) co_return front.events_ahead(pending);
    pending->cancel();
    co_return ended;
  }
  Result<Relayed> relayed = std::move(*pending->answer);
  if (!relayed && relayed.error().reason == problem_code::kScannerRestarted) co_return std::nullopt;
  if (!relayed) co_return front.without_answer(relayed.error());
  if (!alone) {
    if (relayed->response.body) relayed->response.body->stop(ended);
    co_return ended;
  }
  auto judged = co_await front.judge(std::move(relayed->response), head_request, relayed->sent);
  co_return judged;
}

awaitable<void> PipelockUpstream::fetch(std::shared_ptr<PendingAnswer> pending, RequestHead head,
                                        std::shared_ptr<const SpooledBody> body,
                                        std::shared_ptr<ExitReports> news, std::uint64_t epoch) {
  auto relayed = co_await call(std::move(head), std::move(body), news.get(), epoch,
                               pending->exchange, pending->passage);
  pending->answer.emplace(std::move(relayed));
  pending->changed->set_later();
}

awaitable<Result<Relayed>> PipelockUpstream::call(RequestHead head,
                                                  std::shared_ptr<const SpooledBody> body,
                                                  const ExitReports* front, std::uint64_t epoch,
                                                  Exchange& exchange, Passage& passage) {
  const Turn turn{party_of(exchange.client, exchange.destination()),
                  head.target.size() + head.fields.list_size() +
                      static_cast<std::size_t>(body ? body->size() : 0)};
  bool may_retry = front != nullptr || is_idempotent(head.method);
  int asked = 0;
  Pool::Want want = Pool::Want::AnyConnection;
  for (;;) {
    auto lease = co_await pool_.lease("scanner", want, turn);
    if (!lease) co_return lease.error();
    bool must_ask = forms_.life != nullptr && forms_.life->is_due(Clock::now());
    if (!lease->connected()) {
      auto dialled =
          co_await dialer_.dial(exchange.destination(), exchange.scheme(), exchange.client);
      if (!dialled) co_return dialled.error();
      lease->attach(std::move(dialled->stream));
      must_ask = forms_.life != nullptr;
    }
    if (must_ask) {
      // The connection comes back from the pool, or one that was asked before.
      if (++asked > kMostQuestions) co_return unsteady();
      const auto told = co_await hear_of_life(std::move(*lease), exchange);
      if (!told && want == Pool::Want::NewConnection) co_return told.error();
      want = told ? Pool::Want::AnyConnection : Pool::Want::NewConnection;
      continue;
    }
    if (forms_.known != nullptr && forms_.known->epoch() != epoch) {
      co_return Failure{Code::ScannerUnavailable, "pipelock was started again",
                        problem_code::kScannerRestarted};
    }
    const auto begun = exchange.begin_to_send();
    if (!begun) co_return begun.error();
    // Behind an exit it is the exit that speaks to the origin, and it tells.
    if (front == nullptr) passage.protocol = to_string(Version::Http11);
    std::optional<RequestHead> spare;
    if (may_retry && lease->reused()) spare = head;
    Request request;
    request.head = std::move(head);
    if (body) request.body = std::make_unique<SpoolReader>(body);
    H1Call how;
    how.form = RequestForm::Absolute;
    how.port = scanned_port(exchange.destination(), exchange.scheme(), options_.exit_ports);
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

// The connection goes back to the pool with the end of the answer.
awaitable<Result<>> PipelockUpstream::hear_of_life(Lease lease, Exchange& exchange) {
  Request request;
  request.head.method = "GET";
  request.head.target = "/health";
  request.head.fields.add("Host", "pipelock");
  H1Call how;
  how.framing = Framing::content_length(0);
  how.responder = Responder::Scanner;
  how.limits = &options_.h1;
  const Clock::time_point asked = Clock::now();
  H1Answer answer = co_await h1_send(std::move(lease), std::move(request), how, exchange);
  if (!answer.response) co_return answer.response.error();
  std::unique_ptr<BodySource> body = std::move(answer.response->body);
  Bytes text;
  while (body && text.size() <= kMostHealth) {
    auto chunk = co_await body->read(kMostHealth + 1 - text.size());
    if (!chunk) co_return chunk.error();
    text += chunk->data;
    if (chunk->end) body.reset();
  }
  if (body) body->stop(Failure{Code::Cancelled, "pipelock's health is too long to be read"});
  const bool fine = answer.response->head.status == 200 && !body;
  forms_.life->heard(fine ? ByteView(text) : ByteView(), asked, Clock::now());
  co_return Result<>();
}

awaitable<Result<Response>> PipelockUpstream::judge(Response response, bool head_request,
                                                    Clock::time_point sent, Exchange& exchange,
                                                    Passage& passage) {
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
      verdict = pipelock_verdict(response.head, first, head_request, BlockMark::AnOriginToo);
    }
    if (verdict.kind == PipelockVerdict::Kind::Failed) {
      exchange.trace.by = DecidedBy::Pipelock;
      co_return std::move(verdict.failure);
    }
    if (verdict.kind == PipelockVerdict::Kind::Refused) {
      mark_refused(response.head, std::move(verdict), exchange, passage);
      if (!first.empty()) response.body = std::make_unique<BytesSource>(std::move(first));
      co_return response;
    }
  }
  strip_control_fields(response.head.fields);
  if (response.body == nullptr && first.empty()) co_return response;

  passage.scanned_response_body = true;
  const bool events = is_event_stream(response.head.fields);
  response.body = std::make_unique<RelayedBody>(std::move(first), std::move(response.body),
                                                cuts_of(options_, events, sent));
  if (events) {
    response.body = with_sse_comments(std::move(response.body), options_.sse_comment, exchange);
  }
  co_return response;
}

}  // namespace bottle
