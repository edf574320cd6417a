#include "proxy/flow/websocket_half.h"

#include <utility>

namespace bottle {
namespace {

constexpr std::size_t kRawPiece = 16 * 1024;

}  // namespace

class WebsocketHalf::LetsGo {
 public:
  explicit LetsGo(WebsocketHalf& half) noexcept : half_(half) {}
  LetsGo(const LetsGo&) = delete;
  LetsGo& operator=(const LetsGo&) = delete;
  ~LetsGo() { half_.let_go(); }

 private:
  WebsocketHalf& half_;
};

void WebsocketHalf::begin(const WebsocketLane::Setup& setup, DecodeSpace& deflate,
                          const WebsocketLane::Looks& looks, std::shared_ptr<void> keep) {
  lane_.emplace(setup, deflate, looks);
  child_ = exchange_.tasks().spawn(read_raw(*this, std::move(keep)));
}

awaitable<void> WebsocketHalf::read_raw(WebsocketHalf& half,
                                        [[maybe_unused]] std::shared_ptr<void> keep) {
  // However this ends, memory that ran out included.
  const LetsGo lets_go(half);
  while (!half.raw_over_) {
    const bool wanted = co_await half.wanted_.wait();
    if (!wanted) break;
    auto chunk = co_await half.raw_->read(kRawPiece);
    half.raw_over_ = !chunk || chunk->end;
    half.reading_ = false;
    if (half.stopped_ && !half.raw_over_) {
      half.raw_->stop(*half.stopped_);
      half.raw_over_ = true;
    }
    half.arrived_ = std::move(chunk);
    half.piece_.set_later();
    half.news_.set();
  }
}

// It may hold the tunnel's other body, and that one the tunnel.
void WebsocketHalf::let_go() noexcept {
  if (raw_ != nullptr && !raw_over_) {
    raw_->stop(failure_without_fail(Code::Cancelled, "the exchange was ended"));
  }
  raw_over_ = true;
  raw_.reset();
}

awaitable<WebsocketHalf::Turn> WebsocketHalf::work() {
  for (;;) {
    if (over_) co_return lane_->has_output() ? Turn::Output : Turn::Over;
    if (turn_.spent()) co_await turn_.give_way();
    const auto begin = Clock::now();
    const WebsocketLane::Step step = lane_->step();
    turn_.spend_time(Clock::now() - begin);
    switch (step) {
      case WebsocketLane::Step::Again:
        break;
      case WebsocketLane::Step::Output:
        co_return Turn::Output;
      case WebsocketLane::Step::Stopped:
        co_return Turn::Stopped;
      case WebsocketLane::Step::Input:
        if (take_piece()) break;
        if (!lane_->pause()) co_return Turn::Stopped;
        co_return lane_->has_output() ? Turn::Output : Turn::Waits;
    }
  }
}

bool WebsocketHalf::take_piece() {
  if (!arrived_ && !raw_over_ && !reading_) {
    reading_ = true;
    wanted_.set();
  }
  if (!arrived_) {
    if (raw_over_) ended();
    return raw_over_;
  }
  Result<Chunk> got = *std::exchange(arrived_, std::nullopt);
  if (!got) {
    broken_ = got.error();
  } else if (!got->data.empty()) {
    lane_->feed(std::move(got->data));
  }
  return true;
}

// A close frame is an end in good order, whatever became of the connection behind it.
void WebsocketHalf::ended() {
  over_ = true;
  if (lane_->closed() || cut_ || lane_->close_now()) return;
  cut_ = broken_.value_or(lane_->from() == websocket::Sender::Client
                              ? Failure{Code::ClientGone, "the client left without a close frame"}
                              : Failure{Code::UpstreamTruncated,
                                        "the origin left the WebSocket without a close frame"});
}

void WebsocketHalf::end() {
  over_ = true;
  news_.set_later();
}

awaitable<bool> WebsocketHalf::wait_for_close(std::chrono::milliseconds limit) {
  Deadline late(exchange_.wheel(), piece_, limit);
  lane_->discard();
  while (!lane_->closed() && !late.fired()) {
    if (turn_.spent()) co_await turn_.give_way();
    turn_.spend_frames(1);
    if (lane_->step() == WebsocketLane::Step::Again) continue;
    const bool took = take_piece();
    if (took && raw_over_ && !arrived_) break;
    if (took) continue;
    const bool news = co_await piece_.wait();
    if (!news) co_return late.fired();
  }
  co_return true;
}

void WebsocketHalf::stop_raw(Failure why) noexcept {
  if (raw_over_ || raw_ == nullptr || stopped_) return;
  if (reading_) {
    // Not under the reader's feet: it stops the source once its read has ended.
    stopped_ = std::move(why);
    exchange_.tasks().cancel(child_);
    return;
  }
  raw_over_ = true;
  raw_->stop(std::move(why));
}

}  // namespace bottle
