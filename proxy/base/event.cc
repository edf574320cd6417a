#include "proxy/base/event.h"

#include <boost/asio/async_result.hpp>
#include <cassert>
#include <cstdlib>
#include <new>
#include <utility>

#include "proxy/base/in_turn.h"

namespace bottle {

Event::Event(Executor executor) : executor_(std::move(executor)) {}

// A waiter here would be a coroutine that outlives what it waits for: the owner joins its tasks.
// Checked in every build, see ~TaskGroup.
Event::~Event() {
  if (waiter_ || posted_ != Posted::No) std::abort();
}

void Event::set() {
  if (waiter_ && posted_ == Posted::No) {
    finish(true);
  } else if (posted_ != Posted::Set) {
    set_ = true;
  }
}

void Event::set_later() {
  if (waiter_ && posted_ == Posted::No) {
    post(Posted::Set);
  } else if (posted_ != Posted::Set) {
    set_ = true;
  }
}

void Event::cancel() noexcept {
  if (waiter_ && posted_ == Posted::No) post(Posted::Cancel);
}

void Event::post(Posted what) {
  posted_ = what;
  auto wake = [this] {
    const bool happened = std::exchange(posted_, Posted::No) == Posted::Set;
    finish(happened);
  };
  run_in_turn(executor_, post_place_, wake);
}

void Event::finish(bool happened) {
  // Moved out first: the handler may wait on this very event again before it returns.
  Handler handler = std::move(*waiter_);
  waiter_.reset();
  std::move(handler)(happened);
}

// One frame for both kinds of wait: an idle connection holds some.
awaitable<bool> Event::wait_or(Lack lack) {
  for (int tries = 0;; ++tries) {
    const bool cancelled = co_await task_cancelled();
    if (cancelled) co_return false;
    if (set_) {
      set_ = false;
      co_return true;
    }
    auto start = [this](auto handler) { begin(std::move(handler)); };
    const asio::use_awaitable_t<Executor> token;
    try {
      const bool happened =
          co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void(bool)>(start,
                                                                                           token);
      if (!std::exchange(no_memory_, false)) co_return happened;
      throw std::bad_alloc();
    } catch (const std::bad_alloc&) {
      if (lack == Lack::Throws) throw;
    }
    await_memory(tries);
  }
}

awaitable<bool> Event::wait_surely() {
  return keep_trying([this] { return wait_or(Lack::TriesAgain); });
}

// An exception must not leave it: Asio would destroy the coroutine's frame and still run it. A
// failure here is thrown when the waiter runs.
void Event::begin(Handler handler) {
  assert(!waiter_);
  waiter_.emplace(std::move(handler));
  auto slot = waiter_->get_cancellation_slot();
  if (!slot.is_connected()) return;
  try {
    slot.assign([this](asio::cancellation_type) { cancel(); });
  } catch (const std::bad_alloc&) {
    no_memory_ = true;
    post(Posted::Cancel);
  }
}

}  // namespace bottle
