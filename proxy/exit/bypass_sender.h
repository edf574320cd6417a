#pragma once

#include <memory>
#include <optional>

#include "proxy/base/event.h"
#include "proxy/base/task_group.h"
#include "proxy/exit/exit_news.h"
#include "proxy/http/exchange.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// An exchange whose response body goes past the scanner: sent to the origin by a task that outlives
// the scanner's request, since the scanner is done when it has passed the head. Shared by that task
// and by the coroutine that waits for the head. Ends when the body has, or when the front's end is
// gone.
class BypassSender final : public Cancellable {
 public:
  // `tasks` runs it and, as `origins`, `wheel` and `exit_is_stopping`, outlives it.
  struct Services {
    Executor executor;
    TimerWheel& wheel;
    TaskGroup& tasks;
    Upstream& origins;
    const bool& exit_is_stopping;
  };
  // end->begin() was true.
  BypassSender(Services services, std::unique_ptr<ExitEnd> end);
  BypassSender(const BypassSender&) = delete;
  BypassSender& operator=(const BypassSender&) = delete;

  // Sends `request`; once. The front is told the head before this returns. When the wait for it is
  // cancelled so is the rest.
  static awaitable<Result<ResponseHead>> send(std::shared_ptr<BypassSender> self, Request request);

  // Ends it. From the loop's turn.
  void cancel() noexcept override { services_.tasks.cancel(task_); }

 private:
  static awaitable<void> run(std::shared_ptr<BypassSender> self, Request request);
  awaitable<void> carry(Request request, Exchange& exchange);
  awaitable<void> carry_body(BodySource& body);
  void fail(const Failure& failure);

  Services services_;
  std::unique_ptr<ExitEnd> end_;
  InterimTeller interims_;
  Passage passage_;
  Event answered_;  // head_ or failure_ is there
  std::optional<ResponseHead> head_;
  std::optional<Failure> failure_;
  TaskGroup::TaskId task_ = 0;
};

}  // namespace bottle
