#pragma once

#include <cstdint>
#include <map>

#include "proxy/base/awaitable.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/flow/ask_book.h"

namespace bottle {

// Where the requests of one worker wait for a person's answer. One thread; `book` is shared with
// other workers. Everything it is given outlives it, and it outlives its waiters.
class HeldRequests final : private AskWaker {
 public:
  HeldRequests(AskBook& book, TimerWheel& wheel) noexcept : book_(book), wheel_(wheel) {}
  HeldRequests(const HeldRequests&) = delete;
  HeldRequests& operator=(const HeldRequests&) = delete;

  [[nodiscard]] std::chrono::milliseconds longest() const noexcept { return book_.limits().ask; }
  // Until a person has answered, the policy has another word on it, or `until`. True: ask the
  // policy again. False: the request is refused as it would be without a question; also if its
  // client has left or the proxy stops.
  [[nodiscard]] awaitable<bool> hold(const AskQuestion& question, Clock::time_point until);
  // No request is held from now on. Of all workers.
  void close() noexcept { book_.close(Clock::now()); }

 private:
  struct Waiter;
  void wake(std::uint64_t token, bool again) override;

  AskBook& book_;
  TimerWheel& wheel_;
  std::map<std::uint64_t, Waiter*> waiters_;
};

}  // namespace bottle
