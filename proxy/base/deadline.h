#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/awaitable.h"
#include "proxy/base/cancellable.h"

namespace bottle {

using Clock = std::chrono::steady_clock;

class Deadline;

// All deadlines of one worker on one timer. Coarse on purpose (ticks of 16 ms): arming, re-arming
// and disarming cost a few nanoseconds, and the timer sleeps until the next slot that holds
// something. Late by up to two ticks, never early, also without memory. Owned by the worker;
// outlives its deadlines.
class TimerWheel {
 public:
  explicit TimerWheel(Executor executor);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  [[nodiscard]] Clock::time_point now() const noexcept { return Clock::now(); }
  [[nodiscard]] Executor executor() const noexcept { return executor_; }
  [[nodiscard]] std::size_t armed() const noexcept { return armed_; }

 private:
  friend class Deadline;
  struct Wait;
  static constexpr std::chrono::milliseconds kTick{16};
  static constexpr std::size_t kSlots = 1024;  // 16 s a turn; longer ones are looked at each turn

  [[nodiscard]] std::uint64_t tick_of(Clock::time_point when) const noexcept;
  void insert(Deadline& deadline) noexcept;  // and sees to it that the timer wakes for it
  void put(Deadline& deadline) noexcept;
  static void unlink(Deadline& deadline) noexcept;
  void arm_timer(std::uint64_t tick) noexcept;
  void begin_wait();
  void on_timer();

  Executor executor_;
  asio::steady_timer timer_;
  Clock::time_point start_;
  std::uint64_t current_ = 0;  // ticks up to here were looked at
  std::uint64_t wake_ = 0;     // the tick the timer is set for; 0 = not set
  std::size_t armed_ = 0;
  std::array<Deadline*, kSlots> slots_{};
  std::shared_ptr<Wait> wait_;
};

// A bound on one wait, or on several in a row. When the time is up it cancels its target and
// fired() turns true; the one who waited then says which Failure that is. A member or a local of
// the coroutine that waits; its target must outlive it. Disarms itself when it goes.
class Deadline {
 public:
  // Not armed yet.
  Deadline(TimerWheel& wheel, Cancellable& target) noexcept;
  Deadline(TimerWheel& wheel, Cancellable& target, std::chrono::milliseconds after) noexcept;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline();

  // From now. Cheap: call it on every progress. Does not undo fired().
  void arm(std::chrono::milliseconds after) noexcept;
  void disarm() noexcept;
  [[nodiscard]] bool fired() const noexcept { return fired_; }

 private:
  friend class TimerWheel;
  TimerWheel& wheel_;
  Cancellable& target_;
  Clock::time_point when_{};
  Deadline* next_ = nullptr;
  Deadline** previous_ = nullptr;  // the pointer at us; null = in no slot
  std::uint64_t slot_tick_ = 0;
  bool live_ = false;
  bool fired_ = false;
};

// Waits that long; false if the task was cancelled meanwhile.
awaitable<bool> sleep_for(std::chrono::milliseconds time);

}  // namespace bottle
