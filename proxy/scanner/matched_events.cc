#include "proxy/scanner/matched_events.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "proxy/base/event.h"
#include "proxy/body/sse_comments.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/scanner/exit_reports.h"
#include "proxy/scanner/sse_match.h"

namespace bottle {
namespace {

constexpr std::size_t kPiece = 16 * 1024;

Failure cut_by_scanner() {
  return Failure{Code::UpstreamTruncated, "the scanner ended the event stream",
                 problem_code::kScannerCutStream, "The scanner's log says why."};
}

// Shared by the reader and the two children that wait, for the scanner and for the exit.
struct Streams {
  Streams(std::unique_ptr<FrontEnd> front_in, std::unique_ptr<BodySource> relayed_in,
          const AnswerJudgeLimits& limits, Exchange& exchange)
      : front(std::move(front_in)),
        relayed(std::move(relayed_in)),
        match(limits.event),
        memory(exchange.memory),
        most_held(limits.event),
        most_ready(limits.passed),
        taken(exchange.wheel().executor()),
        changed(exchange.wheel().executor()) {}

  void fail(Failure why, DecidedBy who) {
    if (failure) return;
    failure = std::move(why);
    by = who;
  }

  // The origin's bytes as far as they have been told; always before the scanner's are looked at.
  void take_news() {
    while (!told_all) {
      auto news = front->next();
      if (!news) break;
      if (auto* body = std::get_if<BodyNews>(&*news)) {
        received += body->data.size();
        owed += body->data.size();
        const auto told = match.original(body->data);
        if (!told) fail(told.error(), DecidedBy::Proxy);
      } else if (auto* last = std::get_if<EndNews>(&*news)) {
        told_all = true;
        if (last->bytes == received) {
          end = std::move(*last);
          match.original_ended();
        } else {
          broken = FailureNews{
              Failure(Code::UpstreamTruncated, "the exit did not pass on all that the origin sent",
                      problem_code::kExitLostBytes),
              DecidedBy::Exit};
        }
      } else if (auto* failed = std::get_if<FailureNews>(&*news)) {
        told_all = true;
        broken = std::move(*failed);
      }
    }
    give_credit();
  }

  // More may come while the scanner still needs it to pass something, and the client takes it.
  void give_credit() {
    memory.set(match.held() + match.ready());
    if (owed == 0 || match.ready() >= most_ready || match.held() >= most_held) return;
    front->credit(std::exchange(owed, 0));
  }

  std::unique_ptr<FrontEnd> front;
  std::unique_ptr<BodySource> relayed;
  SseMatch match;
  MemoryHold memory;  // of what it holds
  const std::size_t most_held;
  const std::size_t most_ready;  // beyond it the scanner is not read
  Event taken;                   // the client took something, or has gone
  Event changed;                 // something below did
  std::uint64_t received = 0;
  std::size_t owed = 0;
  bool told_all = false;              // by the exit
  std::optional<EndNews> end;         // the origin's stream ended
  std::optional<FailureNews> broken;  // … or will not
  bool relayed_ended = false;
  std::optional<Failure> failure;  // at once
  DecidedBy by = DecidedBy::None;
  bool stopped = false;
};

awaitable<void> read_relayed(std::shared_ptr<Streams> streams) {
  while (!streams->stopped && !streams->failure && !streams->relayed_ended) {
    if (streams->match.ready() >= streams->most_ready) {
      const bool taken = co_await streams->taken.wait();
      if (taken) continue;
      streams->fail(Failure{Code::Cancelled, "the exchange was ended"}, DecidedBy::None);
      streams->relayed->stop(*streams->failure);
      break;
    }
    auto piece = co_await streams->relayed->read(kPiece);
    if (streams->stopped) co_return;
    streams->take_news();
    if (!piece) {
      // The origin's failure may be why the scanner failed.
      const bool origins = streams->broken && !is_scanners_leaving(*streams->broken);
      const Failure& why = origins ? streams->broken->failure : piece.error();
      streams->fail(why, origins ? streams->broken->by : DecidedBy::Pipelock);
    } else {
      const auto passed = streams->match.passed(piece->data);
      streams->relayed_ended = piece->end;
      if (!passed) {
        streams->fail(passed.error(), DecidedBy::Pipelock);
        if (!piece->end) streams->relayed->stop(passed.error());
      }
      streams->give_credit();
    }
    streams->changed.set();
  }
  streams->changed.set();
}

awaitable<void> read_news(std::shared_ptr<Streams> streams) {
  while (!streams->stopped && !streams->told_all && !streams->failure) {
    const bool told = co_await streams->front->wait();
    if (!told || streams->stopped) co_return;
    streams->take_news();
    streams->changed.set();
  }
}

class MatchedEvents final : public BodySource {
 public:
  MatchedEvents(std::shared_ptr<Streams> streams, std::chrono::milliseconds idle,
                std::chrono::milliseconds end, TimerWheel& wheel, Passage& passage)
      : streams_(std::move(streams)),
        wheel_(wheel),
        passage_(passage),
        comments_(Clock::now(), idle),
        end_(end) {}
  ~MatchedEvents() override {
    stop(failure_without_fail(Code::Cancelled, "the response was dropped"));
  }

  awaitable<Result<Chunk>> read(std::size_t max) override;
  void stop(Failure why) noexcept override;

 private:
  [[nodiscard]] Chunk take(std::size_t max);
  // The scanner has ended. Nothing: the exit has not said how the origin did.
  [[nodiscard]] std::optional<Result<Chunk>> last(std::size_t max);
  [[nodiscard]] Failure fail(Failure why, DecidedBy by);

  std::shared_ptr<Streams> streams_;
  TimerWheel& wheel_;
  Passage& passage_;
  SseComments comments_;
  const std::chrono::milliseconds end_;
  std::optional<Clock::time_point> give_up_;  // the exit has until then
};

Chunk MatchedEvents::take(std::size_t max) {
  Chunk chunk;
  while (chunk.data.size() < max && streams_->match.ready() > 0) {
    chunk.data += streams_->match.take(max - chunk.data.size());
  }
  comments_.passed(chunk.data, wheel_.now());
  streams_->give_credit();
  streams_->taken.set_later();
  return chunk;
}

Failure MatchedEvents::fail(Failure why, DecidedBy by) {
  passage_.cut_by = by;
  stop(why);
  return why;
}

std::optional<Result<Chunk>> MatchedEvents::last(std::size_t max) {
  if (streams_->broken) {
    FailureNews& news = *streams_->broken;
    if (is_scanners_leaving(news)) return fail(cut_by_scanner(), DecidedBy::Pipelock);
    return fail(std::move(news.failure), news.by);
  }
  if (!streams_->end) return std::nullopt;
  const auto matched = streams_->match.finish();
  if (streams_->match.ready() > 0) return take(max);
  if (!matched) return fail(matched.error(), DecidedBy::Pipelock);
  Chunk chunk;
  chunk.end = true;
  chunk.trailers = std::move(streams_->end->trailers);
  stop(Failure());
  return chunk;
}

awaitable<Result<Chunk>> MatchedEvents::read(std::size_t max) {
  const std::shared_ptr<Streams> streams = streams_;  // stop() may come while this waits
  for (;;) {
    if (streams->stopped) co_return Failure{Code::Cancelled, "the response was dropped"};
    if (streams->match.ready() > 0) co_return take(max);
    if (streams->failure) co_return fail(*streams->failure, streams->by);
    std::optional<Clock::time_point> until;
    if (streams->relayed_ended) {
      auto end = last(max);
      if (end) co_return std::move(*end);
      if (!give_up_) give_up_ = wheel_.now() + end_;
      until = give_up_;
    } else {
      until = comments_.due();
    }
    Deadline due(wheel_, streams->changed);
    if (until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - wheel_.now());
      due.arm(std::max(left, std::chrono::milliseconds(1)));
    }
    const bool changed = co_await streams->changed.wait();
    if (changed) continue;
    if (!due.fired()) {
      co_return fail(Failure{Code::Cancelled, "the exchange was ended"}, DecidedBy::None);
    }
    if (give_up_) co_return fail(cut_by_scanner(), DecidedBy::Pipelock);
    const ByteView comment = comments_.emit(wheel_.now());
    if (comment.empty()) continue;
    Chunk chunk;
    chunk.data = comment;
    co_return chunk;
  }
}

void MatchedEvents::stop(Failure why) noexcept {
  if (std::exchange(streams_->stopped, true)) return;
  if (!streams_->relayed_ended && !streams_->failure) streams_->relayed->stop(std::move(why));
  streams_->front->cancel();
  streams_->taken.set_later();
  streams_->changed.set_later();
}

}  // namespace

std::unique_ptr<BodySource> matched_events(std::unique_ptr<FrontEnd> front,
                                           std::unique_ptr<BodySource> relayed,
                                           std::chrono::milliseconds idle,
                                           const AnswerJudgeLimits& limits, Exchange& exchange,
                                           Passage& passage) {
  auto streams = std::make_shared<Streams>(std::move(front), std::move(relayed), limits, exchange);
  exchange.tasks().spawn(read_relayed(streams));
  exchange.tasks().spawn(read_news(streams));
  return std::make_unique<MatchedEvents>(std::move(streams), idle, limits.end, exchange.wheel(),
                                         passage);
}

}  // namespace bottle
