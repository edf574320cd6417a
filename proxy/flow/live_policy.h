#pragma once

#include <memory>
#include <utility>

#include "proxy/flow/policy.h"

namespace bottle {

// The policy that holds on one worker's thread. Each question goes to now(): its answer is for that
// moment, and nothing of it is kept over a co_await but copies.
class LivePolicy {
 public:
  explicit LivePolicy(std::shared_ptr<const Policy> first) noexcept : now_(std::move(first)) {}
  LivePolicy(const LivePolicy&) = delete;
  LivePolicy& operator=(const LivePolicy&) = delete;

  // Until the next take().
  [[nodiscard]] const Policy& now() const noexcept { return *now_; }
  void take(std::shared_ptr<const Policy> next) noexcept { now_ = std::move(next); }

 private:
  std::shared_ptr<const Policy> now_;
};

}  // namespace bottle
