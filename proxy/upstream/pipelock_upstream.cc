#include "proxy/upstream/pipelock_upstream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/upstream/pipelock_verdict.h"
#include "proxy/upstream/sse_comments.h"
#include "proxy/upstream/sse_reader.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxAgent = 64;

// Where pipelock ends bodies early, with a clean end (its contract, section 6.4). What comes so is
// a truncated body.
struct Cuts {
  std::uint64_t bytes = 0;  // the body has exactly so many; 0: no such cut
  std::optional<Clock::time_point> time;

  [[nodiscard]] std::optional<Failure> at_end(std::uint64_t received) const {
    if (bytes != 0 && received == bytes) {
      return Failure{Code::UpstreamTruncated, "the scanner cuts responses at this size",
                     "scanner_size_cut",
                     "Fetch it in parts, or raise the scanner's max_response_mb."};
    }
    if (time && Clock::now() >= *time) {
      return Failure{Code::UpstreamTruncated, "the scanner's time for a response was over",
                     "scanner_time_cut", "Raise the scanner's timeout_seconds."};
    }
    return std::nullopt;
  }
};

// A response's body as the scanner relayed it; `first` was read ahead to see whose word it is.
class ScannedBody final : public BodySource {
 public:
  ScannedBody(Bytes first, std::unique_ptr<BodySource> rest, Cuts cuts)
      : first_(std::move(first)), rest_(std::move(rest)), cuts_(cuts) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !first_.empty() || !rest_ || rest_->ready();
  }
  void stop(Failure why) noexcept override {
    if (rest_) rest_->stop(std::move(why));
  }

 private:
  Bytes first_;
  std::unique_ptr<BodySource> rest_;
  Cuts cuts_;
  std::uint64_t received_ = 0;
};

awaitable<Result<Chunk>> ScannedBody::read(std::size_t max) {
  Chunk chunk;
  if (!first_.empty() || !rest_) {
    chunk.data = first_.substr(0, max);
    first_.erase(0, chunk.data.size());
    chunk.end = first_.empty() && !rest_;
  } else {
    auto piece = co_await rest_->read(max);
    if (!piece) co_return piece.error();
    chunk = std::move(*piece);
    chunk.trailers.reset();  // pipelock relays none: these are nobody's
  }
  received_ += chunk.data.size();
  if (chunk.end) {
    auto cut = cuts_.at_end(received_);
    if (cut) co_return std::move(*cut);
  }
  co_return chunk;
}

// RFC 9110 section 9.2.2: a proxy repeats nothing else by itself.
bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

// The fields by which the request is ours. What a client said in them has been taken off before.
void add_own_fields(RequestHead& head, const std::string& agent) {
  head.fields.remove("content-encoding");
  head.fields.set("Accept-Encoding", "identity");
  // Go would put in its own name where there is none.
  if (!head.fields.has("user-agent")) head.fields.add("User-Agent", "");
  head.fields.set("X-Pipelock-Agent", agent);
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
    auto spooled = co_await spool_.collect(*request.body, request.head.content_length, *coding,
                                           options_.decode);
    if (!spooled) co_return spooled.error();
    body = std::move(*spooled);
    exchange.trace.scanned_request_body = true;
  }
  request.body.reset();
  add_own_fields(request.head, pipelock_agent(options_.bottle_id, exchange.id()));
  auto response = co_await call(std::move(request.head), std::move(body), exchange);
  co_return response;
}

awaitable<Result<Response>> PipelockUpstream::call(RequestHead head,
                                                   std::shared_ptr<const SpooledBody> body,
                                                   Exchange& exchange) {
  const bool head_request = head.method == "HEAD";
  bool may_retry = is_idempotent(head.method);
  Pool::Want want = Pool::Want::AnyConnection;
  for (;;) {
    auto lease = co_await pool_.lease("scanner", want);
    if (!lease) co_return lease.error();
    if (!lease->connected()) {
      auto dialled = co_await dialer_.dial(exchange.destination(), exchange.scheme());
      if (!dialled) co_return dialled.error();
      lease->attach(std::move(dialled->stream));
    }
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
    if (!answer.response) {
      if (!answer.untouched || !spare) co_return answer.response.error();
      head = std::move(*spare);
      may_retry = false;
      want = Pool::Want::NewConnection;
      continue;
    }
    auto judged = co_await judge(std::move(*answer.response), head_request, sent, exchange);
    co_return judged;
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
