#pragma once

#include <memory>
#include <optional>

#include "proxy/base/event.h"
#include "proxy/base/result.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"
#include "proxy/scanner/pipelock_verdict.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// The scanner's answer to one request.
struct Relayed {
  Response response;
  Clock::time_point sent;  // when the request went out
};

// The same while it is waited for: a child in exchange.tasks() gets it, and sets `changed`. Shared
// by that child and the one that waits. cancel() ends the child.
struct PendingAnswer final : public Cancellable {
  PendingAnswer(Exchange& exchange_in, Passage& passage_in)
      : exchange(exchange_in),
        passage(passage_in),
        changed(std::make_shared<Event>(exchange.wheel().executor())) {}
  void cancel() noexcept override { exchange.tasks().cancel(task); }

  Exchange& exchange;
  Passage& passage;
  const std::shared_ptr<Event> changed;
  std::optional<Result<Relayed>> answer;
  TaskGroup::TaskId task = 0;
};

struct ShortBody {
  Bytes bytes;
  bool whole = false;  // there is nothing behind it
};
// As much as a refusal of the scanner's may be, and a byte to see that it is not. A body that was
// read to its end is gone.
awaitable<Result<ShortBody>> read_short(std::unique_ptr<BodySource>& body);

// The client gets an answer of the scanner's own making: no field of the proxies' is left in it,
// X-Bottle-Deny says why, and so does the trace (by Pipelock).
void mark_refused(ResponseHead& head, Failure why, Exchange& exchange);
// ... for a verdict of PipelockVerdict::Kind::Refused: with Retry-After where waiting helps.
void mark_refused(ResponseHead& head, PipelockVerdict verdict, Exchange& exchange,
                  Passage& passage);

// Another exchange's answer, or a second one.
[[nodiscard]] Failure mixed_up(const char* what);

// The scanner's events of an answer whose head the client has already. The scanner's own head, when
// it comes, must be `shown` as it relays it; a refusal that comes instead is a failure of the body.
class AwaitedEvents final : public BodySource {
 public:
  AwaitedEvents(std::shared_ptr<PendingAnswer> pending, ResponseHead shown)
      : pending_(std::move(pending)), shown_(std::move(shown)) {}
  AwaitedEvents(const AwaitedEvents&) = delete;
  AwaitedEvents& operator=(const AwaitedEvents&) = delete;
  ~AwaitedEvents() override = default;

  awaitable<Result<Chunk>> read(std::size_t max) override;
  void stop(Failure why) noexcept override;

 private:
  // Until the scanner has answered; then events_ is there, or it is why not.
  awaitable<std::optional<Failure>> meet();
  awaitable<Failure> own_word(Response answer);

  std::shared_ptr<PendingAnswer> pending_;
  const ResponseHead shown_;
  std::unique_ptr<BodySource> events_;
  bool stopped_ = false;
};

}  // namespace bottle
