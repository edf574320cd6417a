#pragma once

#include <memory>
#include <optional>

#include "proxy/base/event.h"
#include "proxy/base/turn_budget.h"
#include "proxy/flow/websocket_lane.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"

namespace bottle {

// One direction of a tunnel with its sender's bytes: a child of the exchange reads them, a piece at
// a time and only when that is asked for, so that its reader can wait for something else, too. A
// member of the tunnel, which both readers and the two children share.
class WebsocketHalf {
 public:
  explicit WebsocketHalf(Exchange& exchange)
      : exchange_(exchange),
        wanted_(exchange.wheel().executor()),
        news_(exchange.wheel().executor()),
        piece_(exchange.wheel().executor()) {}
  WebsocketHalf(const WebsocketHalf&) = delete;
  WebsocketHalf& operator=(const WebsocketHalf&) = delete;

  void set_raw(std::unique_ptr<BodySource> raw) noexcept { raw_ = std::move(raw); }
  // `keep` holds the tunnel while the child runs.
  void begin(const WebsocketLane::Setup& setup, DecodeSpace& deflate,
             const WebsocketLane::Looks& looks, std::shared_ptr<void> keep);

  [[nodiscard]] WebsocketLane& lane() noexcept { return *lane_; }
  [[nodiscard]] const WebsocketLane& lane() const noexcept { return *lane_; }

  enum class Turn : std::uint8_t {
    Output,   // the lane has some
    Waits,    // for news()
    Stopped,  // the lane did: see its stop()
    Over,     // nothing more comes out: clean, unless cut() says otherwise
  };
  // Works until there is something to say.
  [[nodiscard]] awaitable<Turn> work();
  // Set when a piece came, and by end().
  [[nodiscard]] Event& news() noexcept { return news_; }

  // Nothing goes through any more; what is in the lane still comes out.
  void end();
  [[nodiscard]] const std::optional<Failure>& cut() const noexcept { return cut_; }
  // After end(): the sender's bytes are read and thrown away, until its close frame or its end
  // came, or so much time has passed. False: the task was cancelled.
  [[nodiscard]] awaitable<bool> wait_for_close(std::chrono::milliseconds limit);
  // The sender's bytes are no longer read. Any time.
  void stop_raw(Failure why) noexcept;
  // It did not begin: nothing of it is kept, so that the tunnel ends with its owners.
  void abandon() noexcept {
    if (child_ == 0) let_go();
  }

 private:
  static awaitable<void> read_raw(WebsocketHalf& half, std::shared_ptr<void> keep);
  // A piece that came goes into the lane, or the end was seen. False: there is none yet.
  [[nodiscard]] bool take_piece();
  void ended();
  class LetsGo;
  void let_go() noexcept;

  Exchange& exchange_;
  std::unique_ptr<BodySource> raw_;
  std::optional<WebsocketLane> lane_;
  Event wanted_;  // by the child
  Event news_;    // for the reader of this half
  Event piece_;   // for wait_for_close()
  TaskGroup::TaskId child_ = 0;
  bool reading_ = false;  // the child is, or is about to
  std::optional<Result<Chunk>> arrived_;
  std::optional<Failure> stopped_;  // once the child's read is over
  bool raw_over_ = false;           // its end or a Failure was read, or it was stopped
  std::optional<Failure> broken_;   // the Failure
  bool over_ = false;
  std::optional<Failure> cut_;
  TurnBudget turn_;
};

}  // namespace bottle
