#include "proxy/base/deadline.h"

#include <algorithm>
#include <boost/asio/bind_allocator.hpp>
#include <cassert>
#include <utility>

#include "proxy/base/event.h"
#include "proxy/base/place.h"

namespace bottle {

// The one wait that is under way, whose memory outlives the wheel: Asio gives it back when the loop
// comes to it.
struct TimerWheel::Wait {
  explicit Wait(TimerWheel& wheel_in) noexcept : wheel(&wheel_in) {}
  TimerWheel* wheel;  // null: gone
  bool waits = false;
  Place<256> place;
};

TimerWheel::TimerWheel(Executor executor)
    : executor_(std::move(executor)),
      timer_(executor_),
      start_(Clock::now()),
      wait_(std::make_shared<Wait>(*this)) {
  // Asio's list of timers gets its memory now.
  timer_.expires_at(Clock::time_point::max());
  begin_wait();
  timer_.cancel();
}

TimerWheel::~TimerWheel() {
  assert(armed_ == 0);
  wait_->wheel = nullptr;
}

std::uint64_t TimerWheel::tick_of(Clock::time_point when) const noexcept {
  if (when <= start_) return 1;
  // Rounded up: a deadline is never early.
  return static_cast<std::uint64_t>((when - start_) / kTick) + 1;
}

void TimerWheel::insert(Deadline& deadline) noexcept {
  put(deadline);
  if (wake_ == 0 || deadline.slot_tick_ < wake_) arm_timer(deadline.slot_tick_);
}

void TimerWheel::put(Deadline& deadline) noexcept {
  const std::uint64_t tick = std::max(tick_of(deadline.when_), current_ + 1);
  deadline.slot_tick_ = tick;
  Deadline*& head = slots_[tick % kSlots];
  deadline.next_ = head;
  deadline.previous_ = &head;
  if (head != nullptr) head->previous_ = &deadline.next_;
  head = &deadline;
}

void TimerWheel::unlink(Deadline& deadline) noexcept {
  if (deadline.previous_ == nullptr) return;
  *deadline.previous_ = deadline.next_;
  if (deadline.next_ != nullptr) deadline.next_->previous_ = deadline.previous_;
  deadline.next_ = nullptr;
  deadline.previous_ = nullptr;
}

void TimerWheel::arm_timer(std::uint64_t tick) noexcept {
  wake_ = tick;
  // Ends a wait for a later tick, which then begins anew.
  timer_.expires_at(start_ + kTick * static_cast<std::int64_t>(tick));
  if (!wait_->waits) begin_wait();
}

// Allocates nothing but in the constructor.
void TimerWheel::begin_wait() {
  auto woken = [wait = wait_](boost::system::error_code ec) {
    wait->waits = false;
    TimerWheel* const wheel = wait->wheel;
    if (wheel == nullptr) return;
    if (!ec) return wheel->on_timer();
    if (wheel->wake_ != 0) wheel->begin_wait();
  };
  wait_->waits = true;
  timer_.async_wait(asio::bind_allocator(wait_->place.allocator(), std::move(woken)));
}

void TimerWheel::on_timer() {
  const std::uint64_t reached = tick_of(Clock::now()) - 1;
  // Deadlines that are due are taken out first and run after: a cancelled waiter may arm, disarm or
  // destroy any deadline while it runs.
  Deadline* due = nullptr;
  const std::uint64_t first = current_ + 1;
  const std::uint64_t last = std::min(reached, current_ + kSlots);
  current_ = std::max(current_, reached);
  for (std::uint64_t tick = first; tick <= last; ++tick) {
    Deadline* d = slots_[tick % kSlots];
    while (d != nullptr) {
      Deadline* next = d->next_;
      unlink(*d);
      if (d->live_ && tick_of(d->when_) > reached) {
        put(*d);  // re-armed for later since it was put here, or more than one turn away
      } else {
        d->next_ = due;
        d->previous_ = &due;
        if (due != nullptr) due->previous_ = &d->next_;
        due = d;
      }
      d = next;
    }
  }
  // Before a waiter runs, and whatever was put back above: the nearest slot that holds something.
  wake_ = 0;
  for (std::uint64_t tick = current_ + 1; tick <= current_ + kSlots; ++tick) {
    if (slots_[tick % kSlots] == nullptr) continue;
    arm_timer(tick);
    break;
  }
  while (due != nullptr) {
    Deadline& d = *due;
    unlink(d);
    if (!d.live_) continue;
    if (tick_of(d.when_) > reached) {
      insert(d);  // re-armed by a waiter that ran just now
      continue;
    }
    d.live_ = false;
    --armed_;
    d.fired_ = true;
    d.target_.cancel();
  }
}

Deadline::Deadline(TimerWheel& wheel, Cancellable& target) noexcept
    : wheel_(wheel), target_(target) {}

Deadline::Deadline(TimerWheel& wheel, Cancellable& target, std::chrono::milliseconds after) noexcept
    : wheel_(wheel), target_(target) {
  arm(after);
}

Deadline::~Deadline() {
  disarm();
  TimerWheel::unlink(*this);
}

void Deadline::arm(std::chrono::milliseconds after) noexcept {
  when_ = wheel_.now() + after;
  if (!live_) {
    live_ = true;
    ++wheel_.armed_;
  }
  if (previous_ == nullptr) {
    wheel_.insert(*this);
    return;
  }
  // Later than the slot it sits in: left there, and moved on when that slot comes up. Sooner: now.
  if (wheel_.tick_of(when_) < slot_tick_) {
    TimerWheel::unlink(*this);
    wheel_.insert(*this);
  }
}

void Deadline::disarm() noexcept {
  if (!live_) return;
  // Stays linked: the next arm() of a long-lived deadline then costs nothing. The slot drops it
  // when it comes up, the destructor takes it out.
  live_ = false;
  --wheel_.armed_;
}

namespace {

struct Sleep {
  explicit Sleep(const Executor& executor) : timer(executor), over(executor) {}
  asio::steady_timer timer;
  Event over;
};

}  // namespace

// The timer calls back: what cannot begin throws here, and not at the loop.
awaitable<bool> sleep_for(std::chrono::milliseconds time) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto sleep = std::make_shared<Sleep>(executor);
  sleep->timer.expires_after(time);
  sleep->timer.async_wait([weak = std::weak_ptr(sleep)](boost::system::error_code ec) {
    const auto self = weak.lock();
    if (!ec && self) self->over.set();
  });
  const bool over = co_await sleep->over.wait();
  co_return over;
}

}  // namespace bottle
