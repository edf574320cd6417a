#include "proxy/scanner/sse_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/event.h"
#include "proxy/body/sse_comments.h"

namespace bottle {
namespace {

// Shared by the reader and the child that waits for the upstream. A wait for bytes of a stream
// cannot be ended and taken up again, so the reader cannot do it itself.
struct Relay {
  Relay(std::unique_ptr<BodySource> inner_in, Executor executor)
      : inner(std::move(inner_in)), wanted(executor), arrived(std::move(executor)) {}

  std::unique_ptr<BodySource> inner;
  std::size_t room = 0;
  Event wanted;   // the reader takes a piece of at most `room`, or has gone
  Event arrived;  // `piece` is there
  std::optional<Result<Chunk>> piece;
  bool reading = false;  // the child was asked and has not answered yet
  bool stopped = false;
};

awaitable<void> pump(std::shared_ptr<Relay> relay) {
  for (;;) {
    const bool wanted = co_await relay->wanted.wait();
    if (relay->stopped) co_return;
    Result<Chunk> piece = Failure{Code::Cancelled, "the exchange was ended"};
    if (wanted) {
      auto got = co_await relay->inner->read(relay->room);
      piece = std::move(got);
    } else {
      relay->inner->stop(piece.error());
    }
    if (relay->stopped) co_return;
    const bool last = !piece || piece->end;
    relay->piece.emplace(std::move(piece));
    relay->reading = false;
    relay->arrived.set();
    if (last) co_return;
  }
}

class SseSource final : public BodySource {
 public:
  SseSource(std::unique_ptr<BodySource> inner, std::chrono::milliseconds idle, Exchange& exchange)
      : wheel_(exchange.wheel()),
        relay_(std::make_shared<Relay>(std::move(inner), exchange.wheel().executor())),
        comments_(Clock::now(), idle) {
    exchange.tasks().spawn(pump(relay_));
  }
  ~SseSource() override {
    if (!finished_) stop(failure_without_fail(Code::Cancelled, "the response was dropped"));
  }

  awaitable<Result<Chunk>> read(std::size_t max) override;
  void stop(Failure why) noexcept override;

 private:
  // Takes off `rest_` what may go out now.
  [[nodiscard]] Chunk cut_rest(std::size_t max);

  TimerWheel& wheel_;
  std::shared_ptr<Relay> relay_;
  SseComments comments_;
  std::optional<Chunk> rest_;  // a piece, or what is left of one that was larger than asked for
  bool finished_ = false;      // nothing more is to be expected of `inner`
};

Chunk SseSource::cut_rest(std::size_t max) {
  Chunk out;
  if (rest_->data.size() <= max) {
    out = std::move(*rest_);
    rest_.reset();
  } else {
    out.data = rest_->data.substr(0, max);
    rest_->data.erase(0, max);
  }
  return out;
}

awaitable<Result<Chunk>> SseSource::read(std::size_t max) {
  if (rest_) co_return cut_rest(max);
  const std::shared_ptr<Relay> relay = relay_;  // stop() may come while this waits
  while (!relay->piece) {
    if (relay->stopped) co_return Failure{Code::Cancelled, "the response was dropped"};
    if (!relay->reading) {
      relay->reading = true;
      relay->room = max;
      relay->wanted.set();
      if (relay->piece) break;
    }
    Deadline silence(wheel_, relay->arrived);
    const auto due = comments_.due();
    if (due) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - wheel_.now());
      silence.arm(std::max(left, std::chrono::milliseconds(1)));
    }
    const bool arrived = co_await relay->arrived.wait();
    if (arrived) continue;
    if (!silence.fired()) {
      const Failure why{Code::Cancelled, "the exchange was ended"};
      stop(why);
      co_return why;
    }
    const ByteView comment = comments_.emit(wheel_.now());
    if (comment.empty()) continue;
    rest_.emplace();
    rest_->data = comment;
    co_return cut_rest(max);
  }
  relay->arrived.reset();
  Result<Chunk> piece = std::move(*relay->piece);
  relay->piece.reset();
  if (!piece || piece->end) {
    comments_.upstream_ended();
    finished_ = true;
  }
  if (!piece) co_return piece;
  comments_.passed(piece->data, wheel_.now());
  rest_ = std::move(*piece);
  co_return cut_rest(max);
}

void SseSource::stop(Failure why) noexcept {
  if (finished_) return;
  finished_ = true;
  relay_->stopped = true;
  relay_->inner->stop(std::move(why));
  relay_->wanted.set_later();
  relay_->arrived.set_later();
}

}  // namespace

std::unique_ptr<BodySource> with_sse_comments(std::unique_ptr<BodySource> inner,
                                              std::chrono::milliseconds idle, Exchange& exchange) {
  return std::make_unique<SseSource>(std::move(inner), idle, exchange);
}

}  // namespace bottle
