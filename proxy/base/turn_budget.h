#pragma once

#include <chrono>
#include <cstddef>

#include "proxy/base/awaitable.h"

namespace bottle {

// How much one loop does before the others get their turn. A coroutine whose socket is ready again
// and again never waits, and the worker has one thread: without this, one bulk transfer is all that
// a worker does. A member of the object whose loop it is, or a local of the loop. It counts work
// and not time that passes: a loop that waited for something else has spent nothing meanwhile.
//
//   budget.spend_bytes(n);
//   if (budget.spent()) co_await budget.give_way();
class TurnBudget {
 public:
  static constexpr std::size_t kBytes = 64 * 1024;        // four TLS records: about 100 µs
  static constexpr std::size_t kFrames = 32;              // or requests, or heads
  static constexpr std::chrono::microseconds kBusy{200};  // frames can cost more than others

  void spend_bytes(std::size_t n) noexcept { bytes_ += n; }
  void spend_frames(std::size_t n) noexcept { frames_ += n; }
  void spend_time(std::chrono::steady_clock::duration busy) noexcept { busy_ += busy; }
  [[nodiscard]] bool spent() const noexcept {
    return bytes_ >= kBytes || frames_ >= kFrames || busy_ >= kBusy;
  }
  // The loop waited: the others had their turn.
  void renew() noexcept {
    bytes_ = 0;
    frames_ = 0;
    busy_ = {};
  }
  // Goes on after everything that is due now, and what has become ready meanwhile. Whether the task
  // was cancelled is for the caller to ask.
  awaitable<void> give_way();

 private:
  std::size_t bytes_ = 0;
  std::size_t frames_ = 0;
  std::chrono::steady_clock::duration busy_{};
};

}  // namespace bottle
