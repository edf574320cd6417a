#include "proxy/flow/held_requests.h"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace bottle {

// Takes its place back, however the wait ends.
struct HeldRequests::Waiter {
  explicit Waiter(HeldRequests& all_in) : all(all_in), answered(all_in.wheel_.executor()) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    all.waiters_.erase(token);
    all.book_.leave(token, !time_is_up, Clock::now());
  }

  HeldRequests& all;
  Event answered;
  std::uint64_t token = 0;  // 0: it has no place
  bool again = false;
  bool time_is_up = false;
};

awaitable<bool> HeldRequests::hold(const AskQuestion& question, Clock::time_point until) {
  Waiter waiter(*this);
  const auto begin = Clock::now();
  const auto place = book_.join(question, *this, begin);
  if (!place) co_return false;
  waiter.token = place->token;
  waiters_.emplace(place->token, &waiter);
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(std::min(place->until, until) - begin);
  Deadline deadline(wheel_, waiter.answered, left);
  const bool told = co_await waiter.answered.wait();
  waiter.time_is_up = deadline.fired();
  const bool again = told && waiter.again;
  co_return again;
}

// On the thread of the one who answered.
void HeldRequests::wake(std::uint64_t token, bool again) {
  asio::post(wheel_.executor(), [this, token, again] {
    const auto waiter = waiters_.find(token);
    if (waiter == waiters_.end()) return;
    waiter->second->again = again;
    waiter->second->answered.set();
  });
}

}  // namespace bottle
