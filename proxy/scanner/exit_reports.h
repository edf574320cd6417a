#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "proxy/base/event.h"
#include "proxy/http/exchange.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// The exit's reports on one exchange up to its body: 1xx heads, which go on to the
// client, and the head or the failure. Shared with the child that waits for the former.
class ExitReports {
 public:
  // `exchange` and `passage` outlive it.
  ExitReports(std::unique_ptr<FrontEnd> front, Exchange& exchange, Passage& passage)
      : front_(std::move(front)),
        exchange_(exchange),
        passage_(passage),
        watch_ended_(exchange.wheel().executor()) {}
  ExitReports(const ExitReports&) = delete;
  ExitReports& operator=(const ExitReports&) = delete;

  // Takes news as they come, in a child; sets `told` when the head or the failure is there.
  static void watch(const std::shared_ptr<ExitReports>& self, std::shared_ptr<Event> told);
  // Ends watch(): from now on only the caller takes news. False if the caller was cancelled.
  awaitable<bool> end_watch();

  // Takes what has been told up to the head or the failure, and nothing behind it.
  void take();
  // Instead of a body that is not wanted: looks for a failure among all that has been told. The
  // scanner's leaving is none.
  void take_failure();

  // The head is that of an event stream whose events the scanner will see one by one, so that head
  // and comments need not wait for them.
  [[nodiscard]] bool begins_events() const;

  [[nodiscard]] bool claimed() const { return front_ == nullptr || front_->claimed(); }
  std::optional<HeadNews> head;
  std::optional<FailureNews> failure;
  bool too_many_interims = false;

  [[nodiscard]] FrontEnd& end() noexcept { return *front_; }
  // For the body's source, after end_watch().
  [[nodiscard]] std::unique_ptr<FrontEnd> release() noexcept { return std::move(front_); }

 private:
  static awaitable<void> run(std::shared_ptr<ExitReports> self, std::shared_ptr<Event> told);

  std::unique_ptr<FrontEnd> front_;
  Exchange& exchange_;
  Passage& passage_;
  bool watching_ = false;
  Event watch_ended_;
};

// True if the failure is the exit's word that the scanner let go of its answer: whatever the
// scanner told the front counts then.
[[nodiscard]] bool is_scanners_leaving(const FailureNews& news) noexcept;

// The end of a body, for which the exit has `time`: what was told before it is dropped. A failure
// leaves its culprit in passage.cut_by. `whole`: takes that news, if it was told; may be null.
awaitable<Result<EndNews>> end_of_answer(FrontEnd& front, TimerWheel& wheel, Passage& passage,
                                         std::chrono::milliseconds time,
                                         std::optional<WholeNews>* whole = nullptr);

}  // namespace bottle
