#include "proxy/scanner/answer_judge.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "proxy/body/sse_comments.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/framing_rules.h"
#include "proxy/ledger/rewrites.h"
#include "proxy/ledger/ticket.h"
#include "proxy/scanner/block_reason.h"
#include "proxy/scanner/bypass_body.h"
#include "proxy/scanner/compared_body.h"
#include "proxy/scanner/matched_events.h"
#include "proxy/scanner/pipelock_verdict.h"
#include "proxy/scanner/relayed_body.h"
#include "proxy/scanner/scanner_answer.h"

namespace bottle {
Failure AnswerJudge::blame(Failure why, DecidedBy by) {
  exchange_.trace.by = by;
  return why;
}

Failure AnswerJudge::without_answer(Failure why) {
  news_->take_failure();
  if (news_->failure) return blame(std::move(news_->failure->failure), news_->failure->by);
  return why;
}

Response AnswerJudge::events_ahead(std::shared_ptr<PendingAnswer> pending) {
  passage_.scanned_response_body = true;
  ResponseHead shown = shown_to_scanner(news_->head->head, exchange_.id(), false);
  Response answer;
  answer.head = news_->head->head;
  answer.body = matched_events(
      news_->release(), std::make_unique<AwaitedEvents>(std::move(pending), std::move(shown)),
      options_.sse_comment, options_.exit, exchange_, passage_);
  return answer;
}

AnswerFacts AnswerJudge::facts_of(const ResponseHead& relayed) const {
  AnswerFacts facts;
  facts.ids = relayed.fields.count(kExchangeField);
  facts.other_id = facts.ids > 0 && relayed.fields.find(kExchangeField) != exchange_.id();
  facts.says_refused = block_reason_of(relayed.fields).has_value();
  facts.too_many_interims = news_->too_many_interims;
  if (news_->failure) {
    facts.exit_was_left = is_scanners_leaving(*news_->failure);
    facts.exit_failed = !facts.exit_was_left;
  }
  if (!news_->head) return facts;
  facts.exit_gave_head = true;
  facts.has_body = news_->head->head.has_body;
  facts.bypasses = passage_.bypass_body;
  facts.is_event_stream = is_event_stream(news_->head->head.fields);
  return facts;
}

awaitable<Result<Response>> AnswerJudge::judge(Response relayed, bool request_was_head,
                                               Clock::time_point sent) {
  news_->take();
  AnswerFacts facts = facts_of(relayed.head);
  ResponseHead shown;
  std::optional<std::string> difference;
  if (facts.exit_gave_head && facts.ids > 0) {
    shown = shown_to_scanner(news_->head->head, exchange_.id(), passage_.bypass_body);
    difference = response_difference(shown, relayed.head);
    facts.head_differs = difference.has_value();
  }
  const AnswerKind kind = answer_kind(facts);
  switch (kind) {
    case AnswerKind::MixedUp: {
      const Failure mixed = mixed_up("the scanner gave the answer of another exchange");
      if (relayed.body) relayed.body->stop(mixed);
      co_return blame(mixed, DecidedBy::Pipelock);
    }
    case AnswerKind::InterimFlood: {
      const Failure flood{Code::UpstreamBroken, "too many interim responses",
                          problem_code::kInterimFlood};
      if (relayed.body) relayed.body->stop(flood);
      co_return blame(flood, DecidedBy::Origin);
    }
    case AnswerKind::ExitsFailure: {
      auto failed = co_await of_failure(std::move(relayed.body));
      co_return failed;
    }
    case AnswerKind::ScannersOwn: {
      auto own = co_await scanners_own(std::move(relayed), request_was_head);
      co_return own;
    }
    case AnswerKind::Changed:
      if (relayed.body) {
        Cuts cuts = cuts_of(options_, is_event_stream(relayed.head.fields), sent);
        // The scanner says that these are events. It may have read them as a whole, too.
        cuts.bytes = options_.max_response_bytes;
        relayed.body = std::make_unique<RelayedBody>(Bytes(), std::move(relayed.body), cuts);
        passage_.scanned_response_body = true;
      }
      co_return changed(std::move(relayed), shown, *difference);
    case AnswerKind::OriginsHead:
    case AnswerKind::Bypassed: {
      auto head =
          co_await without_scanned_body(std::move(relayed), shown, kind == AnswerKind::Bypassed);
      co_return head;
    }
    case AnswerKind::OriginsEvents:
    case AnswerKind::OriginsBody:
      break;
  }
  passage_.scanned_response_body = true;
  if (!relayed.body) relayed.body = std::make_unique<BytesSource>(Bytes());
  if (kind == AnswerKind::OriginsEvents) {
    Response answer;
    answer.head = news_->head->head;
    answer.body = matched_events(news_->release(), std::move(relayed.body), options_.sse_comment,
                                 options_.exit, exchange_, passage_);
    co_return answer;
  }
  auto answer = co_await compared(std::move(relayed), shown);
  co_return answer;
}

// The exit told why there is no answer, or none any more; what it said to the scanner is of no
// interest, but its connection is of use if it has been read.
awaitable<Result<Response>> AnswerJudge::of_failure(std::unique_ptr<BodySource> body) {
  FailureNews news = std::move(*news_->failure);
  auto read = co_await read_short(body);
  if (read && body) body->stop(news.failure);
  co_return blame(std::move(news.failure), news.by);
}

// The scanner has no body to relay; one that it gives anyway is its own.
awaitable<Result<Response>> AnswerJudge::without_scanned_body(Response relayed,
                                                              const ResponseHead& shown,
                                                              bool bypassed) {
  auto rest = co_await read_short(relayed.body);
  if (!rest) co_return without_answer(rest.error());
  if (!rest->bytes.empty()) {
    if (relayed.body) {
      relayed.body =
          std::make_unique<RelayedBody>(std::move(rest->bytes), std::move(relayed.body), Cuts());
    } else {
      relayed.body = std::make_unique<BytesSource>(std::move(rest->bytes));
    }
    co_return changed(std::move(relayed), shown, "body");
  }
  Response answer;
  answer.head = news_->head->head;
  if (bypassed) {
    answer.body = std::make_unique<BypassBody>(news_->release(), exchange_.wheel(), passage_,
                                               options_.h1.response_stall);
  }
  co_return answer;
}

awaitable<Result<Response>> AnswerJudge::compared(Response relayed, const ResponseHead& shown) {
  Response answer;
  answer.head = news_->head->head;
  auto body =
      std::make_unique<ComparedBody>(news_->release(), std::move(relayed.body), exchange_, passage_,
                                     options_.exit.end, options_.max_response_bytes);
  const std::size_t most = std::max(options_.exit.compared_body, kMostShownAnswer);
  auto collected = co_await body->collect(most);
  if (!collected) {
    // No head is out yet: this is the answer, not a cut.
    const DecidedBy by = std::exchange(passage_.cut_by, DecidedBy::None);
    co_return blame(collected.error(), by);
  }
  if (*collected == ComparedBody::Collected::Changed) {
    relayed.body = std::make_unique<BytesSource>(body->rest());
    co_return changed(std::move(relayed), shown, "body");
  }
  if (*collected == ComparedBody::Collected::Same) answer.body = body->whole();
  if (!answer.body) answer.body = std::move(body);
  co_return answer;
}

// The scanner's answer in the place of the one that it had been given.
Response AnswerJudge::changed(Response relayed, const ResponseHead& shown,
                              const std::string& what) {
  // A redirect that it was shown as something else is one again.
  if (relayed.head.status == shown.status) relayed.head.status = news_->head->head.status;
  relayed.head.has_body = relayed.body != nullptr;
  mark_refused(relayed.head,
               Failure(Code::UpstreamDenied, "the scanner changed the origin's answer: " + what,
                       problem_code::kChangedByScanner),
               exchange_);
  return relayed;
}

// No answer that went through the exit: the scanner's word, or a scanner that is broken.
awaitable<Result<Response>> AnswerJudge::scanners_own(Response relayed, bool request_was_head) {
  auto text = co_await read_short(relayed.body);
  if (!text) co_return without_answer(text.error());
  PipelockVerdict verdict =
      pipelock_verdict(relayed.head, text->bytes, request_was_head, BlockMark::PipelockAlone);
  const bool claimed = news_->claimed();
  if (verdict.kind == PipelockVerdict::Kind::Failed) {
    // It says no more than that it could not; the exit may know better.
    news_->take_failure();
    if (!news_->failure && news_->head) {
      auto end =
          co_await end_of_answer(news_->end(), exchange_.wheel(), passage_, options_.exit.end);
      const DecidedBy by = std::exchange(passage_.cut_by, DecidedBy::None);
      if (!end && by != DecidedBy::None && by != DecidedBy::Exit) co_return blame(end.error(), by);
    }
    if (news_->failure) co_return blame(std::move(news_->failure->failure), news_->failure->by);
    const Code code = verdict.failure.code;
    if (claimed && !news_->head && code == Code::ConnectFailed) {
      co_return blame(
          Failure{Code::UpstreamTimeout, "the origin had not answered when the scanner gave up",
                  problem_code::kScannerTimeCut, "Raise the scanner's timeout_seconds."},
          DecidedBy::Pipelock);
    }
    if (!claimed && (code == Code::ConnectFailed || code == Code::DnsFailed)) {
      co_return blame(Failure{Code::ScannerUnavailable, "the scanner does not reach the exit",
                              problem_code::kExitUnreachable,
                              "The scanner's names must resolve to the exit, and it must trust the "
                              "bottle's CA."},
                      DecidedBy::Pipelock);
    }
    co_return blame(std::move(verdict.failure), DecidedBy::Pipelock);
  }
  if (relayed.head.status < 400) {
    // No origin was asked for this.
    const Failure alone = mixed_up("the scanner answered by itself");
    if (relayed.body) relayed.body->stop(alone);
    co_return blame(alone, DecidedBy::Pipelock);
  }
  if (verdict.kind != PipelockVerdict::Kind::Refused) {
    verdict.failure =
        Failure(Code::UpstreamDenied, "the scanner answered with a refusal of its own",
                problem_code::kScannerDenied);
  }
  mark_refused(relayed.head, std::move(verdict), exchange_, passage_);
  if (relayed.body) {
    relayed.body =
        std::make_unique<RelayedBody>(std::move(text->bytes), std::move(relayed.body), Cuts());
  } else if (!text->bytes.empty()) {
    relayed.body = std::make_unique<BytesSource>(std::move(text->bytes));
  }
  co_return relayed;
}

}  // namespace bottle
