#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

namespace bottle {

struct RestartLimits {
  std::chrono::seconds minute{60};
  std::size_t most = 10;  // ends in a minute; the last of them is for good
  std::chrono::seconds moment{10};
  std::size_t many = 3;  // ends in a moment; from then on each start waits
  std::chrono::milliseconds pause{1000};
};

// How often a process that ends unexpectedly is started again. An attacker who can end it gets a
// few tries, not as many as the machine allows. One thread.
class RestartBudget {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RestartBudget(RestartLimits limits = {}) : limits_(limits) {}

  // The process ended. The wait before its next start; nothing: it is not started again.
  [[nodiscard]] std::optional<std::chrono::milliseconds> ended(Clock::time_point now);

 private:
  const RestartLimits limits_;
  std::deque<Clock::time_point> ends_;  // of the last minute, at most limits_.most
};

}  // namespace bottle
