#include "proxy/flow/guard.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <utility>

#include "proxy/body/guarded_body.h"
#include "proxy/body/read_ahead.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/flow/body_redaction.h"
#include "proxy/flow/guard_records.h"
#include "proxy/flow/inspected_body.h"
#include "proxy/flow/trace.h"

namespace bottle {
namespace {

// So much of an answer that may be blocked is looked at before its head goes out, if it comes so
// soon: most injections are in there, and a refusal is an answer that a client understands.
constexpr std::size_t kBeginning = 64 * 1024;
constexpr std::chrono::milliseconds kBeginningTime{200};

// An agent reads text. A type that says it is none (a download, an image, a font) is passed on as
// fast as it comes; without a type it may be text.
bool may_be_text(const Fields& fields) {
  const std::string type = to_lower(fields.find("content-type").value_or("text/"));
  constexpr std::string_view kText[] = {"text/",  "json",     "xml",      "html",
                                        "script", "yaml",     "markdown", "form-urlencoded",
                                        "/grpc",  "/connect+"};
  return std::any_of(std::begin(kText), std::end(kText),
                     [&](std::string_view part) { return type.find(part) != std::string::npos; });
}

}  // namespace

awaitable<Result<>> Guard::look_out(Request& request, const Exchange& exchange, Passage& passage) {
  const Destination& destination = exchange.destination();
  passage.secret_look = current_;
  SecretLook& look = *current_;
  HeadScan head(*look.secrets, look.space, look.clean, destination.host, exchange.scheme());
  const std::optional<Finding> hit = head.look(request.head);
  for (const Finding& note : head.notes())
    passage.findings.add(record_of(note, FindingAction::Noted));
  if (hit) {
    passage.findings.add(record_of(*hit, FindingAction::Refused));
    co_return refusal(*hit);
  }
  // A tunnel is looked at message by message.
  if (!request.body || !request.head.protocol.empty()) co_return Result<>();
  auto codings = codings_of(request.head.fields);
  passage.may_be_unread =
      passage.may_be_unread || settings_.passes_unread(destination.kind, destination.host);
  const bool unread = !codings && passage.may_be_unread;
  if (unread) {
    codings = Codings();
    passage.findings.add(unread_request());
  }
  if (!codings) co_return codings.error();
  std::optional<RedactPlan> plan;
  if (redacts_for(destination) && !unread)
    plan = redact_plan(request.head, *codings, limits_.redact);
  if (plan) {
    const SecretSet* const loose = passage.bypass_body ? nullptr : look.secrets->for_scanner();
    const BodyRedaction::Services services{
        .secrets = *look.secrets,
        .scan = look.space,
        .decode = decode_,
        .decode_limits = limits_.decode,
        .limits = limits_.redact,
        .memory = memory_,
        .for_scanner = loose,
        .scanner_scan = loose == nullptr ? nullptr : &look.scanner_space()};
    BodyRedaction redaction(services, *plan, destination.host, exchange.scheme());
    auto done = co_await redaction.run(request, passage);
    co_return done;
  }
  BodyForm form(*codings, message_form_of(request.head.fields));
  if (unread) form.messages.reset();
  if (form.messages) form.messages->unread_passes = passage.may_be_unread;
  auto scan = std::make_unique<BodyScan>(*look.secrets, look.space, decode_, destination.host,
                                         exchange.scheme(), form, limits_.decode);
  scan->set_report(reporter(passage));
  const auto length =
      request.head.content_length ? GuardedBody::Length::Declared : GuardedBody::Length::Unknown;
  request.body = std::make_unique<GuardedBody>(std::move(request.body), std::move(scan), length);
  passage.scanned_request_body = !unread;
  co_return Result<>();
}

// Null: the body's coding is unknown, or there is nothing to look with.
std::unique_ptr<AnswerInspection> Guard::inspection(const Response& response, SecretLook& look) {
  const auto codings = codings_of(response.head.fields);
  const AnswerSet* const set = answer_set();
  if (!codings || set == nullptr) return nullptr;
  const AnswerInspection::Services services{.answers = *set,
                                            .space = *answer_space_,
                                            .secrets = *look.secrets,
                                            .scan = look.space,
                                            .decode = decode_};
  const std::string_view type = response.head.fields.find("content-type").value_or("");
  const BodyForm form(*codings, message_form_of(response.head.fields));
  return std::make_unique<AnswerInspection>(services, form, type, limits_.decode);
}

awaitable<Result<>> Guard::look_back(Response& response, Exchange& exchange, Passage& passage) {
  const Destination& destination = exchange.destination();
  const AnswerRule rule = settings_.responses(destination.kind, destination.host);
  if (rule == AnswerRule::Off || !response.body) co_return Result<>();
  // Under block the bytes decide, whatever the origin calls them.
  if (rule == AnswerRule::Note && !may_be_text(response.head.fields)) co_return Result<>();
  if (!passage.secret_look) passage.secret_look = current_;
  auto looks = inspection(response, *passage.secret_look);
  // A client may have to act on an event or a message before the next one comes.
  const bool events = message_form_of(response.head.fields) ||
                      to_lower(response.head.fields.find("content-type").value_or(""))
                          .starts_with("text/event-stream");
  if (rule == AnswerRule::Note) {
    if (!looks) {
      passage.findings.add(unread_answer());
      co_return Result<>();
    }
    response.body = std::make_unique<InspectedBody>(std::move(response.body), std::move(looks),
                                                    rule, events, passage);
    co_return Result<>();
  }
  if (!looks) {
    const char* const why = answers_.wait() == nullptr
                                ? "the guard has nothing to look at answers with"
                                : "the answer has a content coding that the guard cannot undo";
    Failure failure(Code::Denied, why, problem_code::kAnswerBlocked);
    failure.by = DecidedBy::Guard;
    response.body->stop(failure);
    co_return failure;
  }
  auto ahead = std::make_unique<ReadAhead>(std::move(response.body), exchange);
  ReadAhead& beginning = *ahead;
  auto inspected =
      std::make_unique<InspectedBody>(std::move(ahead), std::move(looks), rule, events, passage);
  InspectedBody& body = *inspected;
  response.body = std::move(inspected);
  const bool gathered = co_await beginning.gather(kBeginning, kBeginningTime);
  if (!gathered) {
    const Failure failure{Code::Cancelled, "while the answer's beginning was read"};
    body.stop(failure);
    co_return failure;
  }
  auto looked = co_await body.look_at_beginning(kBeginning);
  co_return looked;
}

const AnswerSet* Guard::answer_set() {
  const AnswerSet* const set = answers_.wait();
  if (set != nullptr && !answer_space_) answer_space_.emplace(*set);
  return set;
}

MessageGuard Guard::for_messages(const Exchange& exchange, Passage& passage) {
  const Destination& destination = exchange.destination();
  if (!passage.secret_look) passage.secret_look = current_;
  const AnswerRule rule = settings_.responses(destination.kind, destination.host);
  const AnswerSet* const set = rule == AnswerRule::Off ? nullptr : answer_set();
  return MessageGuard{.look = passage.secret_look,
                      .decode = decode_,
                      .decode_limits = limits_.decode,
                      .redact_limits = limits_.redact,
                      .memory = memory_,
                      .redacts = redacts_for(destination),
                      .answers = rule,
                      .answer_set = set,
                      .answer_space = set == nullptr ? nullptr : &*answer_space_};
}

bool Guard::redacts_for(const Destination& destination) const {
  return settings_.on_secret(destination.kind, destination.host) == OnSecret::Redact;
}

bool Guard::knows_host(std::string_view host) {
  SecretScanner scanner(*current_->secrets, current_->space, host, Scheme::Https);
  return scanner.scan_host().has_value();
}

void Guard::keep_secrets_out(Exchange& exchange) {
  const std::string& host = exchange.destination().host;
  const auto has_secret = [&](std::string_view text) {
    SecretScanner scanner(*current_->secrets, current_->space, host, exchange.scheme());
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
