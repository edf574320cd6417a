#include "proxy/scanner/exit_reports.h"

#include <utility>
#include <variant>

#include "proxy/body/sse_comments.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {

bool is_scanners_leaving(const FailureNews& news) noexcept {
  return news.by == DecidedBy::Pipelock && news.failure.code == Code::Cancelled;
}

void ExitReports::take() {
  while (!head && !failure) {
    auto news = front_->next();
    if (!news) return;
    if (auto* interim = std::get_if<InterimNews>(&*news)) {
      if (!exchange_.interim(interim->head)) too_many_interims = true;
    } else if (std::holds_alternative<BodyChangedNews>(*news)) {
      passage_.request_body_changed = true;
    } else if (auto* told = std::get_if<HeadNews>(&*news)) {
      head = std::move(*told);
      passage_.protocol = to_string(head->h2 ? Version::Http2 : Version::Http11);
    } else if (auto* failed = std::get_if<FailureNews>(&*news)) {
      failure = std::move(*failed);
      passage_.protocol = failure->upstream_protocol;
    }
  }
}

void ExitReports::take_failure() {
  take();
  while (!failure) {
    auto news = front_->next();
    if (!news) break;
    if (auto* failed = std::get_if<FailureNews>(&*news)) failure = std::move(*failed);
  }
  if (failure && is_scanners_leaving(*failure)) failure.reset();
}

void ExitReports::watch(const std::shared_ptr<ExitReports>& self, std::shared_ptr<Event> told) {
  self->watching_ = true;
  self->exchange_.tasks().spawn(run(self, std::move(told)));
}

awaitable<void> ExitReports::run(std::shared_ptr<ExitReports> self, std::shared_ptr<Event> told) {
  while (!self->head && !self->failure) {
    const bool news = co_await self->front_->wait();
    if (!news) break;
    self->take();
  }
  self->watching_ = false;
  self->watch_ended_.set_later();
  told->set_later();
}

bool ExitReports::begins_events() const {
  if (!head || failure || too_many_interims || passage_.bypass_body) return false;
  const ResponseHead& answer = head->head;
  // The scanner refuses a coding that the exit could not take off, and says so.
  return answer.status / 100 == 2 && answer.has_body && is_event_stream(answer.fields) &&
         !answer.fields.has("content-encoding");
}

awaitable<bool> ExitReports::end_watch() {
  while (watching_) {
    front_->cancel();
    const bool ended = co_await watch_ended_.wait();
    if (!ended) co_return false;
  }
  co_return true;
}

awaitable<Result<EndNews>> end_of_answer(FrontEnd& front, TimerWheel& wheel, Passage& passage,
                                         std::chrono::milliseconds time,
                                         std::optional<WholeNews>* whole) {
  Deadline due(wheel, front, time);
  for (;;) {
    while (auto news = front.next()) {
      if (auto* end = std::get_if<EndNews>(&*news)) co_return std::move(*end);
      auto* told = std::get_if<WholeNews>(&*news);
      if (told != nullptr && whole != nullptr) whole->emplace(std::move(*told));
      auto* failed = std::get_if<FailureNews>(&*news);
      if (failed == nullptr) continue;
      passage.cut_by = failed->by;
      if (!is_scanners_leaving(*failed)) co_return std::move(failed->failure);
      co_return Failure{Code::UpstreamTruncated, "the scanner gave the origin's answer up",
                        problem_code::kScannerTimeCut, "Raise the scanner's timeout_seconds."};
    }
    if (due.fired()) {
      passage.cut_by = DecidedBy::Exit;
      co_return Failure{Code::UpstreamBroken, "the exit did not say how the answer ended",
                        problem_code::kExitSilent};
    }
    const bool told = co_await front.wait();
    if (!told && !due.fired()) co_return Failure{Code::Cancelled, "the exchange was ended"};
  }
}

}  // namespace bottle
