#include "proxy/exit/exit_handler.h"

#include <utility>

#include "proxy/body/decoded_body.h"
#include "proxy/body/sse_comments.h"
#include "proxy/exit/exit_body.h"
#include "proxy/exit/exit_check.h"
#include "proxy/exit/exit_refusals.h"
#include "proxy/exit/shown_answer_body.h"
#include "proxy/flow/policy.h"
#include "proxy/http/media_type.h"
#include "proxy/http/party.h"
#include "proxy/http/problem.h"
#include "proxy/ledger/rewrites.h"
#include "proxy/ledger/ticket.h"

namespace bottle {
namespace {

Response nobody_to_answer() {
  Response response;
  response.head.status = 0;
  return response;
}

// The request that goes to the origin: the head that was admitted, the body that was scanned or, of
// a signed one, the form of it that was admitted.
Request as_sent(const Admission& admission, std::shared_ptr<const SpooledBody> body) {
  Request going;
  going.head = admission.sent.head;
  if (admission.sent.body) body = admission.sent.body;
  const std::uint64_t bytes = body ? body->size() : 0;
  going.head.has_body = bytes > 0 || admission.scanned.has_body;
  going.head.content_length.reset();
  if (!going.head.has_body) return going;
  going.head.content_length = bytes;
  if (body) {
    going.body = std::make_unique<SpoolReader>(std::move(body));
  } else {
    going.body = std::make_unique<BytesSource>(Bytes());
  }
  return going;
}

}  // namespace

awaitable<Response> ExitHandler::handle(Request request, Exchange& exchange) {
  auto ticket = take_ticket(request.head);
  if (!ticket) co_return refuse(ticket.error(), exchange);
  auto claimed = state_.services.ledger.claim(*ticket, state_.executor);
  if (!claimed) co_return refuse(claimed.error(), exchange);
  std::unique_ptr<ExitEnd> end = std::move(*claimed);
  end->on_over(&connection_);
  exchange.client = end->admission().client;

  const auto different =
      head_mismatch(end->admission(), exchange.destination(), exchange.scheme(), request.head);
  if (different) co_return refuse_admitted(*different, *end, exchange);
  exchange.goes_to(end->admission().destination);
  auto body = co_await collect(request, *end);
  if (!body) {
    // A connection that died: its transport may send the request again.
    if (body.error().code == Code::ClientGone) co_return nobody_to_answer();
    co_return refuse_admitted(body.error(), *end, exchange);
  }
  if (!end->begin()) co_return nobody_to_answer();
  auto response = co_await let_out(std::move(end), std::move(*body), exchange);
  co_return response;
}

awaitable<Result<ExitHandler::Body>> ExitHandler::collect(Request& request, ExitEnd& end) {
  const Admission& admission = end.admission();
  Body body;
  Digest digest = sha256({});
  if (request.body) {
    auto hashed = std::make_unique<HashedBody>(std::move(request.body));
    const HashedBody& sums = *hashed;
    request.body = std::move(hashed);
    const Party party = party_of(admission.client, admission.destination);
    const DecodeLimits decode;
    auto collected = co_await state_.services.spool.collect(
        *request.body, request.head.content_length, Coding::Identity, decode, nullptr, party);
    if (!collected) co_return collected.error();
    body = std::move(*collected);
    digest = sums.digest();
  }
  const std::uint64_t bytes = body ? body->size() : 0;
  if (is_admitted_body(admission, bytes, digest)) co_return body;
  // The other form of a body knows nothing of what the scanner changed.
  if (!state_.services.limits.scanner_may_change_bodies || admission.sent.body) {
    co_return mismatch("body");
  }
  end.tell(BodyChangedNews());
  co_return body;
}

awaitable<Response> ExitHandler::let_out(std::unique_ptr<ExitEnd> end, Body body,
                                         Exchange& exchange) {
  if (end->admission().head_only) {
    passage_ = Passage();
    co_return relay(Response(), std::move(end));
  }
  Request going = as_sent(end->admission(), std::move(body));
  if (end->admission().bypass_body) {
    auto bypass = co_await let_out_bypass(std::move(end), std::move(going), exchange);
    co_return bypass;
  }
  passage_ = Passage();
  interims_.tell_to(end.get());
  exchange.set_interim_sink(&interims_);
  auto answered = co_await state_.services.origins.send(std::move(going), exchange, passage_);
  exchange.set_interim_sink(nullptr);
  interims_.tell_to(nullptr);
  if (!answered) {
    end->tell(news_of(answered.error(), state_.stopping, passage_.protocol));
    co_return answer_failure(answered.error(), end->admission().id, exchange);
  }
  co_return relay(std::move(*answered), std::move(end));
}

// The head is the scanner's to see, and nothing else of the answer.
awaitable<Response> ExitHandler::let_out_bypass(std::unique_ptr<ExitEnd> end, Request going,
                                                Exchange& exchange) {
  const std::string id = end->admission().id;
  BypassSender::Services services{state_.executor, state_.services.wheel, state_.bypasses,
                                  state_.services.origins, state_.stopping};
  auto sender = std::make_shared<BypassSender>(std::move(services), std::move(end));
  auto head = co_await BypassSender::send(std::move(sender), std::move(going));
  if (!head) co_return answer_failure(head.error(), id, exchange);
  Response response;
  response.head = shown_to_scanner(*head, id, true);
  co_return response;
}

// Reports the origin's answer to the front, and passes it to the scanner.
Response ExitHandler::relay(Response answer, std::unique_ptr<ExitEnd> end) {
  const std::string id = end->admission().id;
  HeadNews news;
  news.h2 = passage_.protocol == to_string(Version::Http2);
  if (!answer.body) answer.head.has_body = false;
  if (answer.body) {
    // An unknown coding goes on as it is, and the scanner refuses it. So does the framing of
    // uploads: where an answer names it, it is what a client once stored with a plain body.
    const auto codings = codings_of(answer.head.fields);
    if (codings && !codings->empty() && !codings->is_framed()) {
      answer.body = std::make_unique<DecodedBody>(
          std::move(answer.body), *codings, state_.services.limits.decode, state_.services.decode);
      answer.head.fields.remove("content-encoding");
      answer.head.content_length.reset();
      news.decoded = true;
    }
  }
  news.head = answer.head;
  const bool events = is_event_stream(answer.head.fields);
  std::optional<SaidStrings> said;
  KnownText* const known = state_.services.known;
  if (answer.body && known != nullptr) {
    const Admission& admission = end->admission();
    const KnownText::Place place = known->place_of(admission.destination, admission.scheme);
    const bool is_json = is_json_type(media_type(answer.head.fields));
    // A string that is not in the shown form was heard of when it was.
    if (events || is_json) said.emplace(*known, place);
    if (!events) {
      answer.head.content_length.reset();
      answer.body = std::make_unique<ShownAnswerBody>(std::move(answer.body), is_json,
                                                      state_.services.answers, *known, place, *end);
    }
  }
  Response response;
  response.head = shown_to_scanner(answer.head, id, false);
  end->tell(std::move(news));
  if (answer.body) {
    const auto kind = events ? ToldBody::Kind::Events : ToldBody::Kind::Whole;
    response.body = std::make_unique<ToldBody>(std::move(answer.body), std::move(end), kind,
                                               std::move(said), state_.stopping);
  } else {
    EndNews nothing;
    nothing.digest = sha256({});
    end->tell(std::move(nothing));
  }
  return response;
}

// The exchange is known, and it ends here.
Response ExitHandler::refuse_admitted(const Failure& failure, ExitEnd& end, Exchange& exchange) {
  const Admission& admission = end.admission();
  end.tell(news_of(failure, state_.stopping));
  Response response = answer_failure(failure, admission.id, exchange);
  ExitRefusal refusal;
  refusal.id = admission.id;
  refusal.route = to_string(admission.bypass_body ? Route::ScanRequests : Route::Scan);
  refusal.method = exchange.trace.method;
  refusal.destination = exchange.destination();
  refusal.status = response.head.status;
  refusal.failure = failure;
  write_refusal(state_.services.audit, std::move(refusal));
  return response;
}

// A request that belongs to no exchange.
Response ExitHandler::refuse(const Failure& failure, Exchange& exchange) {
  Response response = answer_failure(failure, exchange.id(), exchange);
  ExitRefusal refusal;
  refusal.id = exchange.id();
  refusal.method = exchange.trace.method;
  refusal.destination = exchange.destination();
  refusal.status = response.head.status;
  refusal.failure = failure;
  write_refusal(state_.services.audit, std::move(refusal));
  return response;
}

Response ExitHandler::answer_failure(const Failure& failure, const std::string& id,
                                     Exchange& exchange) {
  exchange.trace.failure = failure;
  exchange.trace.by = DecidedBy::Exit;
  if (traits(failure.code).status == 0) return nobody_to_answer();
  LocalAnswer answer = problem_answer(failure, id);
  Response response;
  response.head = std::move(answer.head);
  response.head.fields.add(kExchangeField, id);
  if (exchange.trace.method == "HEAD") {
    response.head.has_body = false;
  } else {
    response.body = std::make_unique<BytesSource>(std::move(answer.body));
  }
  return response;
}

}  // namespace bottle
