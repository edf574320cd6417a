#include "proxy/upstream/fair_queue.h"

#include <cassert>

namespace bottle {

// Without memory nothing has changed: a place or a client without a waiter must not stay.
void FairQueue::add(Waiter& waiter) {
  std::list<Waiter*> own(1, &waiter);
  Places new_place;
  Clients new_client;
  auto place = places_.find(waiter.party.place);
  const bool is_first = place == places_.end();
  if (is_first) {
    new_place.push_back(Place{waiter.party.place, {}, {}});
    place = places_.emplace(waiter.party.place, new_place.begin()).first;
  }
  Place& at = *place->second;
  try {
    auto client = at.clients.find(waiter.party.client);
    if (client == at.clients.end()) {
      new_client.push_back(Client{waiter.party.client, {}});
      client = at.clients.emplace(waiter.party.client, new_client.begin()).first;
    }
    std::list<Waiter*>& waiters = client->second->waiters;
    waiter.position = own.begin();
    waiters.splice(waiters.end(), own);
  } catch (...) {
    if (is_first) places_.erase(place);
    throw;
  }
  at.turns.splice(at.turns.end(), new_client);
  turns_.splice(turns_.end(), new_place);
}

void FairQueue::remove(Waiter& waiter) noexcept {
  const auto place = places_.find(waiter.party.place);
  assert(place != places_.end());
  take_off(place->second, waiter);
}

void FairQueue::take_off(Places::iterator place, Waiter& waiter) noexcept {
  const auto client = place->clients.find(waiter.party.client);
  assert(client != place->clients.end());
  std::list<Waiter*>& waiters = client->second->waiters;
  waiters.erase(waiter.position);
  if (!waiters.empty()) return;
  place->turns.erase(client->second);
  place->clients.erase(client);
  if (!place->turns.empty()) return;
  places_.erase(place->id);
  turns_.erase(place);
}

// The first of the place's clients that may have one; the others go behind it. `looked` counts.
FairQueue::Waiter* FairQueue::next_of(Place& place, std::size_t& looked) noexcept {
  std::list<Client>& turns = place.turns;
  ++looked;
  // If the place has its share, none of its clients may have one, and none loses its turn by that.
  const Shares::Part* const first = turns.front().waiters.front()->part;
  if (first != nullptr && !first->place_has_room()) return nullptr;
  for (std::size_t i = turns.size(); i > 0 && looked <= kLooked; --i, ++looked) {
    Waiter* const waiter = turns.front().waiters.front();
    turns.splice(turns.end(), turns, turns.begin());
    if (waiter->part == nullptr || waiter->part->has_room()) return waiter;
  }
  return nullptr;
}

bool FairQueue::grant_next() noexcept {
  std::size_t looked = 0;
  for (std::size_t i = turns_.size(); i > 0 && looked < kLooked; --i) {
    const auto place = turns_.begin();
    Waiter* const waiter = next_of(*place, looked);
    turns_.splice(turns_.end(), turns_, place);
    if (waiter == nullptr) continue;
    take_off(place, *waiter);
    if (waiter->part != nullptr) waiter->part->take();
    waiter->has_slot = true;
    // Not at once: the caller, which frees a slot, is in the middle of something.
    waiter->granted.set_later();
    return true;
  }
  return false;
}

void FairSlots::free() noexcept {
  assert(taken_ > 0);
  if (!queue.grant_next()) --taken_;
}

bool SharedSlots::take(Shares::Part& part) noexcept {
  if (!part.has_room()) return false;
  part.take();
  return true;
}

void SharedSlots::free(Shares::Part& part) noexcept {
  part.give_back();
  // More is left, and with it every share has grown: one slot may serve two.
  while (shares_.left() > 0 && queue.grant_next()) continue;
}

}  // namespace bottle
