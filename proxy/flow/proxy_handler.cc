#include "proxy/flow/proxy_handler.h"

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/flow/grpc_body.h"
#include "proxy/flow/guard_records.h"
#include "proxy/flow/trace.h"
#include "proxy/http/grpc.h"
#include "proxy/http/refusal_form.h"

namespace bottle {
namespace {

Verdict verdict_of(const SessionTrace& trace) noexcept {
  if (!trace.failure) return Verdict::Allowed;
  // An answer that a part of the proxy made instead of the upstream's has its maker's name. Without
  // one the head that went out was the upstream's, and the failure came after it.
  const bool unclaimed = trace.by == DecidedBy::None || trace.by == DecidedBy::Client;
  if (trace.status != 0 && unclaimed) return Verdict::Cut;
  return traits(trace.failure->code).level == LogLevel::Audit ? Verdict::Refused : Verdict::Failed;
}

Failure no_websocket() {
  return Failure(Code::UpgradeRefused, "pipelock reads whole requests, and a WebSocket has none",
                 problem_code::kWebsocketNotSupported,
                 "Use the service's plain HTTPS form (requests, or a stream of events), or ask the "
                 "person who runs the bottle for the route relay for this host.");
}

Failure splice_only() {
  return Failure(Code::Denied, "the host has the route splice, which carries TLS alone",
                 problem_code::kSpliceOnly,
                 "Use https:// on a new connection, with a client that trusts the host's own "
                 "certificate.");
}

// The fields that are known from an exchange's beginning on.
AuditRecord record_of(const Exchange& exchange) {
  const SessionTrace& session = exchange.trace;
  const Trace& trace = trace_of(exchange);
  AuditRecord record;
  record.time = session.started;
  record.id = exchange.id();
  if (trace.route) record.route = to_string(*trace.route);
  record.client_protocol = to_string(exchange.client_version());
  record.method = session.method;
  record.host = trace.host_has_secret ? "[redacted]" : exchange.destination().host;
  record.port = exchange.destination().port;
  record.target = session.target;
  record.target_has_secret = trace.target_has_secret;
  return record;
}

// A call that is refused by a decision is answered with its id, which may not have been read yet.
awaitable<void> end_call(std::shared_ptr<Call> call, std::optional<Failure> failure,
                         bool waits_for_continue) {
  const bool refused = failure && traits(failure->code).level == LogLevel::Audit;
  // A client that waits for 100 (Continue) sends nothing.
  const bool comes = !waits_for_continue || call->begun();
  if (refused && comes) co_await call->read_on();
  call->settle();
}

std::string_view mark_of(const SessionTrace& trace) {
  return trace.failure ? word(*trace.failure) : std::string_view();
}

}  // namespace

std::string ProxyHandler::next_id() {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), ++count_);
  std::string id = services_.id_prefix;
  id.append(digits.data(), end.ptr);
  return id;
}

DecidedBy ProxyHandler::blame(const Failure& failure, const Exchange* exchange) const {
  const bool relayed = exchange != nullptr && trace_of(*exchange).relayed;
  const bool direct = services_.kind == UpstreamKind::Direct || relayed;
  return decided_by(failure, direct ? DecidedBy::Origin : DecidedBy::Pipelock);
}

Response ProxyHandler::refuse(const Failure& failure, Exchange& exchange) {
  return refuse_by(failure, exchange, blame(failure, &exchange));
}

Response ProxyHandler::refuse_by(const Failure& failure, Exchange& exchange, DecidedBy by,
                                 int status) {
  SessionTrace& session = exchange.trace;
  session.failure = failure;
  if (session.by == DecidedBy::None) session.by = by;
  services_.guard.keep_secrets_out(exchange);
  Response response;
  response.head.status = 0;
  if (traits(failure.code).status == 0) return response;
  const Trace& trace = trace_of(exchange);
  RefusalFacts facts;
  facts.request_id = exchange.id();
  if (!trace.host_has_secret) facts.host = exchange.destination().host;
  facts.status = status;
  if (trace.call) {
    facts.is_call = trace.call->reader().is_call();
    facts.call_id = trace.call->reader().id();
  }
  LocalAnswer answer = exchange.is_grpc ? grpc_refusal(failure, exchange.id(), facts.host)
                                        : refusal_answer(exchange.form, failure, facts);
  response.head = std::move(answer.head);
  if (session.method == "HEAD") response.head.has_body = false;
  if (response.head.has_body) {
    response.body = std::make_unique<BytesSource>(std::move(answer.body));
  }
  return response;
}

awaitable<Response> ProxyHandler::turn_away(Request request, Failure failure, Exchange& exchange,
                                            DecidedBy by) {
  if (request.body) request.body->stop(failure);
  request.body.reset();
  const bool waits = request.head.expects_continue;
  if (trace_of(exchange).call) co_await end_call(trace_of(exchange).call, failure, waits);
  co_return refuse_by(failure, exchange, by);
}

awaitable<Response> ProxyHandler::handle(Request request, Exchange& exchange) {
  Trace& trace = trace_of(exchange);
  if (request.body && may_be_call(exchange.form)) {
    trace.call = std::make_shared<Call>(std::move(request.body));
    request.body = std::make_unique<CallBody>(trace.call);
  }
  const std::optional<Failure> busy = takes_none_now(exchange);
  if (busy) {
    auto refused = co_await turn_away(std::move(request), *busy, exchange, DecidedBy::Proxy);
    co_return refused;
  }
  Decision decision = services_.policy.now().admit(exchange.destination(), exchange.scheme(),
                                                   exchange.trace.target);
  if (decision.refusal && services_.held != nullptr) {
    decision = co_await ask(std::move(decision), exchange);
  }
  trace.route = decision.route;
  trace.learned = decision.learned;
  trace.passage.bypass_body = row_of(decision.route).bypasses_scanner;
  trace.passage.may_be_unread = decision.route == Route::Relay;
  const bool websocket = !request.head.protocol.empty();
  std::optional<Failure> refusal = decision.refusal;
  if (!refusal && decision.route == Route::Splice) refusal = splice_only();
  if (!refusal && websocket && !may_open_websocket(decision.route)) refusal = no_websocket();
  if (refusal) {
    auto refused = co_await turn_away(std::move(request), *refusal, exchange, DecidedBy::Policy);
    co_return refused;
  }
  // The name servers of whichever host see each name, so a name is a way to send data out.
  const bool unlisted = decision.learned && exchange.destination().kind == HostKind::Name;
  if (unlisted || !decision.wildcard.empty()) {
    const auto named = look_at_name(exchange, decision.wildcard);
    if (!named) {
      auto refused =
          co_await turn_away(std::move(request), named.error(), exchange, DecidedBy::Guard);
      co_return refused;
    }
  }
  auto guarded = co_await services_.guard.look_out(request, exchange, trace.passage);
  if (!guarded) {
    const DecidedBy by = blame(guarded.error(), &exchange);
    auto refused = co_await turn_away(std::move(request), guarded.error(), exchange, by);
    co_return refused;
  }
  exchange.set_witness(this);
  if (websocket) {
    auto opened = co_await open_websocket(std::move(request), exchange);
    co_return opened;
  }
  trace.relayed = decision.route == Route::Relay;
  Upstream& upstream = trace.relayed ? past_scanner() : services_.upstream;
  const bool waits_for_continue = request.head.expects_continue;
  auto sent = co_await upstream.send(std::move(request), exchange, trace.passage);
  std::optional<Failure> failed;
  if (!sent) failed = sent.error();
  if (trace.call) co_await end_call(trace.call, failed, waits_for_continue);
  if (failed) co_return refuse(*failed, exchange);
  if (exchange.trace.failure && (exchange.is_grpc || trace.passage.refused_by_scanner)) {
    // The scanner's own answer, or what it made of the origin's: a page that no gRPC client reads.
    const Failure failure = *exchange.trace.failure;
    if (sent->body) sent->body->stop(failure);
    const int status = sent->head.status;
    const std::string later(sent->head.fields.find("retry-after").value_or(""));
    Response refused = refuse_by(failure, exchange, blame(failure, &exchange), status);
    if (!later.empty()) refused.head.fields.set("Retry-After", later);
    co_return refused;
  }
  auto looked = co_await services_.guard.look_back(*sent, exchange, trace.passage);
  if (!looked) co_return refuse(looked.error(), exchange);
  // With a length the trailers of ours would come short of it.
  const bool grpc = exchange.is_grpc && is_grpc(sent->head.fields);
  if (grpc && sent->body && !sent->head.content_length) {
    sent->body = std::make_unique<GrpcBody>(std::move(sent->body), exchange);
  }
  // Whether the upstream keeps its connection is nothing to the client.
  sent->head.keep_alive = true;
  co_return std::move(*sent);
}

std::optional<Failure> ProxyHandler::takes_none_now(const Exchange& exchange) const {
  if (!services_.audit.healthy() && !services_.audit.probe()) return audit_unwritable();
  if (services_.memory != nullptr && services_.memory->refuses()) {
    return Failure{Code::Overloaded, "four fifths of the proxy's memory are in use",
                   problem_code::kMemoryFull};
  }
  if (exchange.memory != nullptr && exchange.memory->full()) {
    return Failure{Code::Overloaded, "this connection makes the proxy hold too much",
                   problem_code::kMemoryFull,
                   "Take the answers that are pending, or open another connection."};
  }
  return std::nullopt;
}

awaitable<Decision> ProxyHandler::ask(Decision decision, Exchange& exchange) {
  const auto until = Clock::now() + services_.held->longest();
  // An answer for one request is good for the first that comes: the others are asked about anew.
  while (decision.refusal) {
    const bool again = co_await hold(*decision.refusal, exchange, until);
    if (!again) break;
    decision = services_.policy.now().admit(exchange.destination(), exchange.scheme(),
                                            exchange.trace.target);
  }
  co_return decision;
}

awaitable<bool> ProxyHandler::hold(const Failure& refusal, Exchange& exchange,
                                   Clock::time_point until) {
  if (!is_allowlist_miss(refusal) || Clock::now() >= until) co_return false;
  // A secret in the URL is the guard's to refuse, and nothing that a person is shown.
  services_.guard.keep_secrets_out(exchange);
  const Trace& trace = trace_of(exchange);
  if (trace.host_has_secret || trace.target_has_secret) co_return false;
  const AskQuestion question{.destination = exchange.destination(),
                             .scheme = exchange.scheme(),
                             .method = exchange.trace.method,
                             .path = path_without_values(exchange.trace.target),
                             .reason = refusal.reason};
  const bool again = co_await services_.held->hold(question, until);
  co_return again;
}

Result<void> ProxyHandler::look_at_name(Exchange& exchange, std::string_view wildcard) {
  auto seen = services_.host_watch.look(exchange.destination().host, wildcard, Clock::now());
  if (seen) return seen;
  trace_of(exchange).passage.findings.add(suspicious_host_name());
  return seen;
}

// A kill must not leave an exchange that sent something without a trace.
Result<void> ProxyHandler::begins_to_send(const Exchange& exchange) {
  AuditRecord record = record_of(exchange);
  record.kind = AuditKind::Begin;
  // The guard has looked at it in direct mode. Another scanner may yet say that it holds a secret.
  if (services_.kind == UpstreamKind::Pipelock && !trace_of(exchange).relayed) {
    record.target.clear();
  }
  if (!services_.audit.begin(record)) return audit_unwritable();
  ++under_way_;
  return {};
}

void ProxyHandler::finished(const Exchange& exchange) noexcept {
  if (exchange.begun()) --under_way_;
  const bool written = try_for_a_while([this, &exchange] { write_end(exchange); });
  if (!written) services_.audit.miss_line();
}

void ProxyHandler::write_end(const Exchange& exchange) {
  const SessionTrace& session = exchange.trace;
  const Trace& trace = trace_of(exchange);
  AuditRecord record = record_of(exchange);
  record.begun = exchange.begun();
  record.anonymous = session.anonymous;
  record.upstream_protocol = trace.passage.protocol;
  record.target_has_secret = trace.target_has_secret || trace.passage.target_has_secret;
  record.status = session.status;
  record.bytes_in = session.bytes_in;
  record.bytes_out = session.bytes_out;
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  if (session.first_byte) {
    record.ttfb = duration_cast<milliseconds>(*session.first_byte - session.begin);
  }
  record.total = duration_cast<milliseconds>(Clock::now() - session.begin);
  record.verdict = verdict_of(session);
  record.reason = mark_of(session);
  if (session.failure) record.detail = session.failure->detail;
  record.by = session.by;
  if (session.failure && session.by == DecidedBy::None) {
    const DecidedBy cut_by = trace.passage.cut_by;
    record.by = cut_by == DecidedBy::None ? blame(*session.failure, &exchange) : cut_by;
  }
  record.scanned_request_body = trace.passage.scanned_request_body;
  record.scanned_response_body = trace.passage.scanned_response_body;
  record.learned = trace.learned;
  record.request_body_changed = trace.passage.request_body_changed;
  record.shown = trace.passage.shown;
  record.findings = trace.passage.findings;
  // While no other exchange is under way, none would bring the next line.
  const bool waits = under_way_ > 0 && record.verdict == Verdict::Allowed;
  if (services_.soon != nullptr && waits) {
    services_.soon->write(record);
  } else {
    services_.audit.write(record);
  }
}

void ProxyHandler::refused_connection(const Destination& destination, const Failure& failure) {
  refused_connection(destination, failure, blame(failure));
}

void ProxyHandler::refused_connection(const Destination& destination, const Failure& failure,
                                      DecidedBy by) {
  AuditRecord record;
  record.time = std::chrono::system_clock::now();
  record.id = next_id();
  record.kind = AuditKind::RefusedConnection;
  record.host = destination.host;
  record.port = destination.port;
  if (services_.guard.knows_host(destination.host)) record.host = "[redacted]";
  record.verdict =
      traits(failure.code).level == LogLevel::Audit ? Verdict::Refused : Verdict::Failed;
  record.reason = word(failure);
  if (record.host == destination.host) record.detail = failure.detail;
  record.by = by;
  services_.audit.write(record);
}

}  // namespace bottle
