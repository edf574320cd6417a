#include "proxy/base/event.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <cassert>
#include <cstdlib>
#include <utility>

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
  asio::post(executor_, [this] {
    const bool happened = std::exchange(posted_, Posted::No) == Posted::Set;
    finish(happened);
  });
}

void Event::finish(bool happened) {
  // Moved out first: the handler may wait on this very event again before it returns.
  Handler handler = std::move(*waiter_);
  waiter_.reset();
  std::move(handler)(happened);
}

awaitable<bool> Event::wait() {
  const bool cancelled = co_await task_cancelled();
  if (cancelled) co_return false;
  if (set_) {
    set_ = false;
    co_return true;
  }
  auto start = [this](auto handler) {
    assert(!waiter_);
    waiter_.emplace(std::move(handler));
    auto slot = asio::get_associated_cancellation_slot(*waiter_);
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type) { cancel(); });
    }
  };
  const asio::use_awaitable_t<Executor> token;
  const bool happened =
      co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void(bool)>(start,
                                                                                       token);
  co_return happened;
}

}  // namespace bottle
