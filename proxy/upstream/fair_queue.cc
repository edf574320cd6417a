#include "proxy/upstream/fair_queue.h"

#include <cassert>

namespace bottle {

void FairQueue::add(Waiter& waiter) {
  auto found = clients_.find(waiter.client);
  if (found == clients_.end()) {
    const auto turn = turns_.insert(turns_.end(), Client{waiter.client, {}});
    found = clients_.emplace(waiter.client, turn).first;
  }
  std::list<Waiter*>& waiters = found->second->waiters;
  waiter.position = waiters.insert(waiters.end(), &waiter);
}

void FairQueue::remove(Waiter& waiter) noexcept {
  const auto found = clients_.find(waiter.client);
  assert(found != clients_.end());
  found->second->waiters.erase(waiter.position);
  if (!found->second->waiters.empty()) return;
  turns_.erase(found->second);
  clients_.erase(found);
}

bool FairQueue::grant_next() noexcept {
  if (turns_.empty()) return false;
  const auto turn = turns_.begin();
  Waiter& waiter = *turn->waiters.front();
  turn->waiters.pop_front();
  if (turn->waiters.empty()) {
    clients_.erase(turn->id);
    turns_.erase(turn);
  } else {
    turns_.splice(turns_.end(), turns_, turn);
  }
  waiter.has_slot = true;
  // Not at once: the caller, which frees a slot, is in the middle of something.
  waiter.granted.set_later();
  return true;
}

void FairSlots::free() noexcept {
  assert(taken_ > 0);
  if (!queue.grant_next()) --taken_;
}

}  // namespace bottle
