#include "proxy/keeper/restart_budget.h"

#include <algorithm>

namespace bottle {

std::optional<std::chrono::milliseconds> RestartBudget::ended(Clock::time_point now) {
  while (!ends_.empty() && now - ends_.front() >= limits_.minute) ends_.pop_front();
  ends_.push_back(now);
  if (ends_.size() >= limits_.most) return std::nullopt;
  const auto recent = std::count_if(ends_.begin(), ends_.end(), [&](Clock::time_point end) {
    return now - end < limits_.moment;
  });
  if (static_cast<std::size_t>(recent) >= limits_.many) return limits_.pause;
  return std::chrono::milliseconds(0);
}

}  // namespace bottle
