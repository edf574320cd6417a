#pragma once

#include <cstdint>
#include <optional>

#include "proxy/base/awaitable.h"
#include "proxy/base/cancellable.h"
#include "proxy/base/place.h"

namespace bottle {

// "Something happened": set by anyone on the worker's thread, awaited by one coroutine. It
// remembers: a set() before the wait() is not lost, and many set() before one wait() count once.
// The wait takes the news away. Lives as a member of its owner and outlives its waiter. Setting,
// cancelling and waking allocate nothing: they are what an end in good order is made of, also when
// memory has run out.
class Event final : public Cancellable {
 public:
  explicit Event(Executor executor);
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() override;

  // Runs the waiter before it returns, if there is one: make it the last thing a caller does with
  // state that the waiter may change.
  void set();
  // The waiter runs in a later turn of the loop, after everything that is already due. For work
  // that gains by gathering what else happens in this turn.
  void set_later();
  void reset() noexcept { set_ = false; }
  [[nodiscard]] bool is_set() const noexcept { return set_; }

  // True when the event happened; false when the wait was cancelled (cancel(), or the task's
  // TaskGroup). One waiter at a time.
  awaitable<bool> wait() { return wait_or(Lack::Throws); }
  // The same for a wait that clean-up cannot do without: it keeps trying when memory is short.
  awaitable<bool> wait_surely();
  // The waiter runs in a later turn, never on the caller's stack: the caller may own it.
  void cancel() noexcept override;

 private:
  // The handler of use_awaitable itself: one in a wrapper would be an allocation at a place where
  // an exception cannot be told from the end of the coroutine (in Asio's initiation).
  using Handler = asio::async_result<asio::use_awaitable_t<Executor>, void(bool)>::handler_type;
  enum class Posted : std::uint8_t { No, Set, Cancel };
  void begin(Handler handler);
  enum class Lack : std::uint8_t { Throws, TriesAgain };
  awaitable<bool> wait_or(Lack lack);
  void finish(bool happened);
  void post(Posted what);

  Executor executor_;
  std::optional<Handler> waiter_;
  bool set_ = false;
  bool no_memory_ = false;      // the wait could not begin
  Posted posted_ = Posted::No;  // the waiter is on its way, with that answer
  Place<48> post_place_;        // for the one post that can be under way
};

}  // namespace bottle
