#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/deadline.h"
#include "proxy/http/body.h"
#include "proxy/http/byte_queue.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// A response's body that went past the scanner: the origin's bytes as the exit tells them, at the
// client's pace (what it takes is the exit's credit). Owns the front's end of the exchange, which
// ends with it.
class BypassBody final : public BodySource {
 public:
  // The exit begins now. `stall`: between two pieces. `wheel` and `passage` outlive it.
  BypassBody(std::unique_ptr<FrontEnd> front, TimerWheel& wheel, Passage& passage,
             std::chrono::milliseconds stall)
      : front_(std::move(front)), wheel_(wheel), passage_(passage), stall_(stall) {
    front_->credit(kBypassWindow);
  }

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return !queue_.empty(); }
  void stop(Failure) noexcept override {
    stopped_ = true;
    if (front_) front_->cancel();
  }

 private:
  // Puts what has been reported into the queue.
  void take_news();

  std::unique_ptr<FrontEnd> front_;
  TimerWheel& wheel_;
  Passage& passage_;
  const std::chrono::milliseconds stall_;
  ByteQueue queue_;
  std::uint64_t received_ = 0;
  bool ended_ = false;
  std::optional<FailureNews> failure_;  // comes after what is in the queue
  bool stopped_ = false;
  std::optional<Fields> trailers_;
};

}  // namespace bottle
