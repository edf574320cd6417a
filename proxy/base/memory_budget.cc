#include "proxy/base/memory_budget.h"

#include <algorithm>
#include <cassert>

namespace bottle {

MemoryBudget::~MemoryBudget() { assert(first_ == nullptr); }

void MemoryBudget::take(std::size_t bytes) noexcept {
  if (bytes == 0) return;
  taken_.fetch_add(bytes, std::memory_order_relaxed);
  if (too_much()) shed();
}

bool MemoryBudget::take_if_left(std::size_t bytes) noexcept {
  const std::size_t now = taken_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (now < most()) return true;
  give_back(bytes);
  return false;
}

// Bytes that come back are no longer waited for: else a connection that is slow to end would leave
// room for others beyond the limit.
void MemoryBudget::give_back(std::size_t bytes, Holder& holder) noexcept {
  give_back(bytes);
  std::size_t left = holder.ending_.load(std::memory_order_relaxed);
  while (left != 0) {
    const std::size_t part = std::min(left, bytes);
    if (holder.ending_.compare_exchange_weak(left, left - part, std::memory_order_relaxed)) {
      ending_.fetch_sub(part, std::memory_order_relaxed);
      return;
    }
  }
}

void MemoryBudget::add(Holder& holder) noexcept {
  const std::lock_guard lock(lock_);
  holder.listed_ = true;
  holder.next_ = first_;
  if (first_ != nullptr) first_->before_ = &holder;
  first_ = &holder;
}

void MemoryBudget::remove(Holder& holder) noexcept {
  const std::lock_guard lock(lock_);
  if (!holder.listed_) return;
  holder.listed_ = false;
  (holder.before_ == nullptr ? first_ : holder.before_->next_) = holder.next_;
  if (holder.next_ != nullptr) holder.next_->before_ = holder.before_;
  ending_.fetch_sub(holder.ending_.exchange(0), std::memory_order_relaxed);
}

// Ends the largest connection that was not told to end yet, if there is one.
void MemoryBudget::shed() noexcept {
  std::size_t held = 0;
  bool tell = false;
  {
    const std::lock_guard lock(lock_);
    if (!too_much()) return;  // another thread was here first
    Holder* largest = nullptr;
    for (Holder* one = first_; one != nullptr; one = one->next_) {
      if (one->told_ || one->held() <= held) continue;
      largest = one;
      held = one->held();
    }
    // Without memory for the message, the next one that takes some tries again.
    if (largest == nullptr || !largest->end_later()) return;
    largest->told_ = true;
    // The other way round, bytes could come back before they are waited for.
    ending_.fetch_add(held, std::memory_order_relaxed);
    largest->ending_.store(held);
    const auto now = std::chrono::steady_clock::now();
    tell = now - told_at_ >= kBetweenLines;
    if (tell) told_at_ = now;
  }
  if (tell && told_) told_(held, taken());
}

}  // namespace bottle
