#include "proxy/base/idle_list.h"

#include <utility>

namespace bottle {

using Clock = std::chrono::steady_clock;

IdleList::Place::Place(IdleList& list, Cancellable& connection) noexcept
    : list_(list), end_(&connection) {
  idle();
}

IdleList::Place::~Place() {
  list_.unlink(*this);
  if (evicted_) --list_.ending_;
}

void IdleList::Place::idle() noexcept {
  if (evicted_) return;
  list_.unlink(*this);
  since_ = Clock::now();
  list_.link(*this);
}

void IdleList::Place::busy() noexcept { list_.unlink(*this); }

IdleList::EndedBy::EndedBy(Place* place, Cancellable& end) noexcept : place_(place) {
  if (place_ != nullptr) before_ = std::exchange(place_->end_, &end);
}

IdleList::EndedBy::~EndedBy() {
  if (place_ != nullptr) place_->end_ = before_;
}

IdleList::Busy::Busy(Place* place) noexcept : place_(place) {
  if (place_ != nullptr) place_->busy();
}

IdleList::Busy::~Busy() {
  if (place_ != nullptr) place_->idle();
}

std::optional<std::chrono::milliseconds> IdleList::evict_oldest(TimePoint now) noexcept {
  if (oldest_ == nullptr) return std::nullopt;
  Place& place = *oldest_;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(place.since_ + fresh_ - now);
  if (left > std::chrono::milliseconds(0)) return left;
  unlink(place);
  place.evicted_ = true;
  ++ending_;
  place.end_->cancel();
  return std::chrono::milliseconds(0);
}

void IdleList::link(Place& place) noexcept {
  place.older_ = newest_;
  place.newer_ = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer_) = &place;
  newest_ = &place;
  place.listed_ = true;
  ++size_;
  for (Event* waiter : waiters_) waiter->set_later();
}

void IdleList::unlink(Place& place) noexcept {
  if (!place.listed_) return;
  (place.older_ == nullptr ? oldest_ : place.older_->newer_) = place.newer_;
  (place.newer_ == nullptr ? newest_ : place.newer_->older_) = place.older_;
  place.older_ = nullptr;
  place.newer_ = nullptr;
  place.listed_ = false;
  --size_;
}

}  // namespace bottle
