#include "proxy/flow/guard.h"

#include <memory>
#include <utility>

#include "proxy/body/guarded_body.h"
#include "proxy/flow/body_redaction.h"
#include "proxy/flow/trace.h"

namespace bottle {

awaitable<Result<>> Guard::look_out(Request& request, const Exchange& exchange, Passage& passage) {
  const Destination& destination = exchange.destination();
  SecretScanner head(secrets_, scan_, destination.host, exchange.scheme());
  const std::optional<Finding> hit = head.scan_head(request.head);
  if (hit) co_return refusal(*hit);
  if (!request.body) co_return Result<>();
  const auto codings = codings_of(request.head.fields);
  if (!codings) co_return codings.error();
  std::optional<RedactPlan> plan;
  if (redacts_for(destination)) plan = redact_plan(request.head, *codings, limits_.redact);
  if (plan) {
    const BodyRedaction::Services services{.secrets = secrets_,
                                           .scan = scan_,
                                           .decode = decode_,
                                           .decode_limits = limits_.decode,
                                           .limits = limits_.redact,
                                           .memory = memory_};
    BodyRedaction redaction(services, *plan, destination.host, exchange.scheme());
    auto done = co_await redaction.run(request, passage);
    co_return done;
  }
  auto scan = std::make_unique<BodyScan>(secrets_, scan_, decode_, destination.host,
                                         exchange.scheme(), *codings, limits_.decode);
  request.body = std::make_unique<GuardedBody>(std::move(request.body), std::move(scan));
  passage.scanned_request_body = true;
  co_return Result<>();
}

bool Guard::redacts_for(const Destination& destination) const {
  return settings_.on_secret(destination.kind, destination.host) == OnSecret::Redact;
}

bool Guard::knows_host(std::string_view host) {
  SecretScanner scanner(secrets_, scan_, host, Scheme::Https);
  return scanner.scan_host().has_value();
}

void Guard::keep_secrets_out(Exchange& exchange) {
  const std::string& host = exchange.destination().host;
  const auto has_secret = [&](std::string_view text) {
    SecretScanner scanner(secrets_, scan_, host, exchange.scheme());
    return scanner.scan_url(text).has_value();
  };
  SessionTrace& session = exchange.trace;
  Trace& trace = trace_of(exchange);
  trace.host_has_secret = knows_host(host) || has_secret(host);
  trace.target_has_secret = has_secret(session.target);
  if (has_secret(session.method)) session.method.clear();
  if (session.failure && (trace.host_has_secret || has_secret(session.failure->detail))) {
    session.failure->detail.clear();
  }
}

}  // namespace bottle
