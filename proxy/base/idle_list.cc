#include "proxy/base/idle_list.h"

#include <poll.h>

#include <utility>

namespace bottle {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

// How many are passed over in one call because their clients have said something.
constexpr int kPassedOver = 16;
constexpr milliseconds kLookAgain{1};

}  // namespace

IdleList::Place::Place(IdleList& list, Cancellable& connection, int descriptor) noexcept
    : list_(list), end_(&connection), descriptor_(descriptor) {
  idle();
}

IdleList::Place::~Place() {
  list_.unlink(*this);
  if (evicted_) --list_.ending_;
}

void IdleList::Place::idle() noexcept {
  if (evicted_) return;
  list_.unlink(*this);
  list_.link(*this, Clock::now());
  for (Event* waiter : list_.waiters_) waiter->set_later();
}

void IdleList::Place::busy() noexcept {
  list_.unlink(*this);
  served_ = true;
}

// Bytes are there to be read. An end of the client is none: nothing comes after it.
bool IdleList::Place::speaks() const noexcept {
  pollfd asked{.fd = descriptor_, .events = POLLIN | POLLRDHUP, .revents = 0};
  if (descriptor_ < 0 || ::poll(&asked, 1, 0) != 1) return false;
  return asked.revents == POLLIN;
}

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

IdleList::IdleList(Moments moments) noexcept
    : never_served_{.moment = moments.never_served}, served_{.moment = moments.served} {}

IdleList::TimePoint IdleList::moment_over(const Place& place) const noexcept {
  return place.since_ + (place.served_ ? served_ : never_served_).moment;
}

IdleList::Place* IdleList::next_to_go() const noexcept {
  Place* const silent = never_served_.oldest;
  Place* const served = served_.oldest;
  if (silent == nullptr || served == nullptr) return silent == nullptr ? served : silent;
  return moment_over(*silent) < moment_over(*served) ? silent : served;
}

std::optional<milliseconds> IdleList::evict_oldest(TimePoint now) noexcept {
  for (int passed_over = 0; passed_over < kPassedOver; ++passed_over) {
    Place* const place = next_to_go();
    if (place == nullptr) return std::nullopt;
    const auto left = std::chrono::ceil<milliseconds>(moment_over(*place) - now);
    if (left > milliseconds(0)) return left;
    if (place->speaks()) {
      unlink(*place);
      link(*place, now);
      continue;
    }
    unlink(*place);
    place->evicted_ = true;
    ++ending_;
    place->end_->cancel();
    return milliseconds(0);
  }
  return kLookAgain;
}

void IdleList::link(Place& place, TimePoint since) noexcept {
  Row& row = row_of(place);
  place.since_ = since;
  place.older_ = row.newest;
  place.newer_ = nullptr;
  (row.newest == nullptr ? row.oldest : row.newest->newer_) = &place;
  row.newest = &place;
  place.listed_ = true;
  ++size_;
}

void IdleList::unlink(Place& place) noexcept {
  if (!place.listed_) return;
  Row& row = row_of(place);
  (place.older_ == nullptr ? row.oldest : place.older_->newer_) = place.newer_;
  (place.newer_ == nullptr ? row.newest : place.newer_->older_) = place.older_;
  place.older_ = nullptr;
  place.newer_ = nullptr;
  place.listed_ = false;
  --size_;
}

}  // namespace bottle
