#include "proxy/upstream/pool.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace bottle {

// ---- Lease -------------------------------------------------------------------------------------

Lease::Lease(Pool& pool, std::string key, std::unique_ptr<ByteStream> stream) noexcept
    : pool_(&pool), key_(std::move(key)), stream_(std::move(stream)), reused_(stream_ != nullptr) {}

Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      key_(std::move(other.key_)),
      stream_(std::move(other.stream_)),
      reused_(other.reused_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  pool_ = std::exchange(other.pool_, nullptr);
  key_ = std::move(other.key_);
  stream_ = std::move(other.stream_);
  reused_ = other.reused_;
  return *this;
}

Lease::~Lease() { release(); }

void Lease::attach(std::unique_ptr<ByteStream> stream) noexcept {
  drop();
  stream_ = std::move(stream);
  reused_ = false;
}

void Lease::drop() noexcept {
  if (stream_ == nullptr) return;
  stream_->close();
  stream_.reset();
}

void Lease::give_back() noexcept {
  if (pool_ != nullptr && stream_ != nullptr) pool_->keep(key_, std::move(stream_));
  release();
}

void Lease::release() noexcept {
  drop();
  if (pool_ != nullptr) std::exchange(pool_, nullptr)->free_slot(key_);
}

// ---- Pool --------------------------------------------------------------------------------------

Pool::Pool(TimerWheel& wheel, PoolLimits limits)
    : wheel_(wheel), limits_(limits), sweep_target_(*this), sweep_due_(wheel, sweep_target_) {}

Pool::~Pool() {
  assert(in_flight_ == 0 && waiters_.empty());
  close();
}

awaitable<Result<Lease>> Pool::lease(std::string key, Want want) {
  const bool cancelled = co_await task_cancelled();
  if (cancelled) co_return Failure{Code::Cancelled, "cancelled before a connection was taken"};
  if (has_room(key)) {
    take_slot(key);
  } else {
    if (waiters_.size() >= limits_.queue) {
      co_return Failure{Code::Overloaded, "too many requests wait for a connection", "queue_full"};
    }
    Waiter waiter{key, Event(wheel_.executor())};
    const auto place = waiters_.insert(waiters_.end(), &waiter);
    Deadline patience(wheel_, waiter.granted, limits_.queue_wait);
    const bool granted = co_await waiter.granted.wait();
    if (!waiter.has_slot) {
      waiters_.erase(place);
      if (patience.fired()) {
        co_return Failure{Code::Overloaded, "no connection became free in time", "queue_timeout"};
      }
      co_return Failure{Code::Cancelled, "cancelled while waiting for a connection"};
    }
    if (!granted && !patience.fired()) {
      free_slot(key);  // the slot and the cancel met
      co_return Failure{Code::Cancelled, "cancelled while waiting for a connection"};
    }
  }
  auto stream = want == Want::AnyConnection ? take_idle(key) : nullptr;
  co_return Lease(*this, std::move(key), std::move(stream));
}

bool Pool::has_room(const std::string& key) const noexcept {
  if (in_flight_ >= limits_.in_flight) return false;
  const auto place = places_.find(key);
  return place == places_.end() || place->second.in_flight < limits_.in_flight_per_key;
}

void Pool::take_slot(const std::string& key) {
  ++places_[key].in_flight;
  ++in_flight_;
}

void Pool::free_slot(const std::string& key) noexcept {
  const auto place = places_.find(key);
  assert(place != places_.end() && place->second.in_flight > 0);
  --place->second.in_flight;
  --in_flight_;
  forget_if_empty(place);
  for (auto it = waiters_.begin(); it != waiters_.end(); ++it) {
    Waiter& waiter = **it;
    if (!has_room(waiter.key)) continue;
    take_slot(waiter.key);
    waiter.has_slot = true;
    waiters_.erase(it);
    // Not at once: whoever frees a slot is in the middle of something.
    waiter.granted.set_later();
    return;
  }
}

std::unique_ptr<ByteStream> Pool::take_idle(const std::string& key) {
  const auto found = places_.find(key);
  if (found == places_.end()) return nullptr;
  std::list<Idle>& idle = found->second.idle;
  const Clock::time_point oldest = wheel_.now() - limits_.idle;
  while (!idle.empty()) {
    Idle candidate = std::move(idle.front());
    idle.pop_front();
    --idle_total_;
    if (candidate.since > oldest && !candidate.stream->readable_now()) {
      return std::move(candidate.stream);
    }
    candidate.stream->close();
  }
  return nullptr;
}

void Pool::keep(const std::string& key, std::unique_ptr<ByteStream> stream) noexcept {
  if (closed_ || limits_.idle_per_key == 0 || stream->readable_now()) {
    stream->close();
    return;
  }
  std::list<Idle>& idle = places_[key].idle;
  idle.push_front(Idle{std::move(stream), wheel_.now()});
  ++idle_total_;
  if (idle.size() > limits_.idle_per_key) {
    idle.back().stream->close();
    idle.pop_back();
    --idle_total_;
  }
  if (idle_total_ > limits_.idle_total) drop_oldest();
  if (idle_total_ == 1) sweep_due_.arm(limits_.idle);
}

void Pool::drop_oldest() noexcept {
  auto oldest = places_.end();
  for (auto it = places_.begin(); it != places_.end(); ++it) {
    if (it->second.idle.empty()) continue;
    if (oldest == places_.end() ||
        it->second.idle.back().since < oldest->second.idle.back().since) {
      oldest = it;
    }
  }
  if (oldest == places_.end()) return;
  oldest->second.idle.back().stream->close();
  oldest->second.idle.pop_back();
  --idle_total_;
  forget_if_empty(oldest);
}

void Pool::forget_if_empty(Places::iterator place) noexcept {
  if (place->second.in_flight == 0 && place->second.idle.empty()) places_.erase(place);
}

void Pool::sweep() noexcept {
  const Clock::time_point now = wheel_.now();
  Clock::time_point next = now + limits_.idle;
  for (auto it = places_.begin(); it != places_.end();) {
    const auto place = it++;
    std::list<Idle>& idle = place->second.idle;
    // What the peer has closed meanwhile goes too, so that no socket hangs half-closed for long.
    idle.remove_if([this, now](Idle& candidate) {
      const bool stale = candidate.since + limits_.idle <= now || candidate.stream->readable_now();
      if (stale) {
        candidate.stream->close();
        --idle_total_;
      }
      return stale;
    });
    if (!idle.empty()) next = std::min(next, idle.back().since + limits_.idle);
    forget_if_empty(place);
  }
  if (idle_total_ == 0) return;
  sweep_due_.arm(std::chrono::ceil<std::chrono::milliseconds>(next - now));
}

void Pool::close() noexcept {
  closed_ = true;
  sweep_due_.disarm();
  for (auto it = places_.begin(); it != places_.end();) {
    const auto place = it++;
    for (Idle& idle : place->second.idle) idle.stream->close();
    idle_total_ -= place->second.idle.size();
    place->second.idle.clear();
    forget_if_empty(place);
  }
}

}  // namespace bottle
