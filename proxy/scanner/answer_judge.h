#pragma once

#include <memory>

#include "proxy/http/exchange.h"
#include "proxy/scanner/answer_kind.h"
#include "proxy/scanner/exit_reports.h"
#include "proxy/scanner/pipelock_options.h"
#include "proxy/scanner/scanner_answer.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// Makes the client's answer of the scanner's answer and of what the exit reported meanwhile.
//
// Passed (it is what the exit gave the scanner): the origin's own head, its body compared on the
// way. Blocked or changed: the scanner's answer, marked with X-Bottle-Deny, in the exchange's trace
// UpstreamDenied by Pipelock. Failed at the exit or at the origin: that failure, by its cause.
class AnswerJudge {
 public:
  // All outlive it; `news` is the exchange's.
  AnswerJudge(const PipelockOptions& options, std::shared_ptr<ExitReports> news, Exchange& exchange,
              Passage& passage)
      : options_(options), news_(std::move(news)), exchange_(exchange), passage_(passage) {}

  // `request_was_head`: the method was HEAD. `sent`: when the request went to the scanner.
  awaitable<Result<Response>> judge(Response relayed, bool request_was_head,
                                    Clock::time_point sent);
  // news.begins_events(): the client gets the origin's head before the scanner has passed it, and
  // comments as they come; each event waits for the scanner. If it refuses the answer, that cuts
  // the body.
  [[nodiscard]] Response events_ahead(std::shared_ptr<PendingAnswer> pending);
  // The scanner gave no answer, for `why`.
  [[nodiscard]] Failure without_answer(Failure why);

 private:
  [[nodiscard]] AnswerFacts facts_of(const ResponseHead& relayed) const;
  awaitable<Result<Response>> without_scanned_body(Response relayed, const ResponseHead& shown,
                                                   bool bypassed);
  awaitable<Result<Response>> compared(Response relayed, const ResponseHead& shown);
  awaitable<Result<Response>> scanners_own(Response relayed, bool request_was_head);
  awaitable<Result<Response>> of_failure(std::unique_ptr<BodySource> body);
  [[nodiscard]] Response changed(Response relayed, const ResponseHead& shown,
                                 const std::string& what);
  [[nodiscard]] Failure blame(Failure why, DecidedBy by);

  const PipelockOptions& options_;
  std::shared_ptr<ExitReports> news_;
  Exchange& exchange_;
  Passage& passage_;
};

}  // namespace bottle
