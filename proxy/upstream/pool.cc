#include "proxy/upstream/pool.h"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {

// ---- Lease -------------------------------------------------------------------------------------

Lease::Lease(Pool& pool, std::string key) noexcept : pool_(&pool), key_(std::move(key)) {}

Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      key_(std::move(other.key_)),
      slots_(std::move(other.slots_)),
      stream_(std::move(other.stream_)),
      reused_(other.reused_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  pool_ = std::exchange(other.pool_, nullptr);
  key_ = std::move(other.key_);
  slots_ = std::move(other.slots_);
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
  if (pool_ != nullptr) std::exchange(pool_, nullptr)->free_slots(key_, slots_);
}

// ---- Parking -----------------------------------------------------------------------------------

Parking::Parking(Pool& pool, const std::string& key, Cancellable& connection)
    : pool_(&pool), key_(key), connection_(connection) {
  Pool::Idle idle;
  idle.parking = this;
  pool.add_idle(key, std::move(idle));
}

Parking::~Parking() {
  if (pool_ != nullptr) pool_->leave(*this);
}

// ---- Pool --------------------------------------------------------------------------------------

Pool::Pool(TimerWheel& wheel, PoolLimits limits)
    : wheel_(wheel),
      limits_(limits),
      all_(limits.in_flight),
      waiting_(limits.queue),
      waiting_bytes_(limits.queue_bytes),
      sweep_target_(*this),
      sweep_due_(wheel, sweep_target_) {}

Pool::~Pool() {
  assert(all_.unused() && waiting_.unused());
  close();
}

Pool::PerKey& Pool::per_key(const std::string& key) {
  return keys_.try_emplace(key, limits_.in_flight_per_key).first->second;
}

awaitable<Result<Lease>> Pool::lease(std::string key, Want want, Turn turn) {
  const bool cancelled = co_await task_cancelled();
  if (cancelled) co_return Failure{Code::Cancelled, "cancelled before a connection was taken"};
  const Clock::time_point until = patience();
  std::string same = key;
  PerKey& own = per_key(key);
  ++own.using_it;
  // Gives back what it got, however this ends.
  Lease lease(*this, std::move(same));
  // A slot of the key first: a request that waits for its key takes no slot from other keys.
  // All of them are for one destination, so only clients have shares of them. Where one key may
  // have all slots (a scanner's), it is many destinations: one that may take no more waits here,
  // and does not hold a slot while it waits for its share of all.
  const bool one_destination = limits_.in_flight_per_key < limits_.in_flight;
  lease.slots_.key = own.slots.part(one_destination ? Party{turn.party.client, 0} : turn.party);
  auto failed = co_await take(own.slots, lease.slots_.key, turn, until);
  if (failed) co_return std::move(*failed);
  lease.slots_.all = all_.part(turn.party);
  failed = co_await take(all_, lease.slots_.all, turn, until);
  if (failed) co_return std::move(*failed);
  if (want == Want::AnyConnection) lease.stream_ = take_idle(key);
  lease.reused_ = lease.stream_ != nullptr;
  co_return std::move(lease);
}

awaitable<std::optional<Failure>> Pool::take(SharedSlots& slots, Shares::Part& part, Turn turn,
                                             Clock::time_point until) {
  if (slots.take(part)) co_return std::nullopt;
  FairQueue::Waiter waiter(wheel_.executor(), turn.party, &part);
  auto failed = co_await wait_in(slots.queue, waiter, turn.bytes, until);
  co_return failed;
}

awaitable<std::optional<Failure>> Pool::wait_in(FairQueue& queue, FairQueue::Waiter& waiter,
                                                std::size_t bytes, Clock::time_point until) {
  Shares::Part place(waiting_, waiter.party);
  Shares::Part memory(waiting_bytes_, waiter.party);
  if (!place.has_room() || !memory.has_room(bytes)) {
    co_return Failure{Code::Overloaded, "too many requests wait for a connection",
                      problem_code::kQueueFull};
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - wheel_.now());
  const FairQueue::Stay stay(queue, waiter);
  place.take();
  memory.take(bytes);
  Deadline due(wheel_, waiter.granted, std::max(left, std::chrono::milliseconds(1)));
  const bool granted = co_await waiter.granted.wait();
  // A slot that came in the turn in which the time was up counts.
  if (waiter.has_slot && (granted || due.fired())) co_return std::nullopt;
  if (due.fired()) {
    co_return Failure{Code::Overloaded, "no connection became free in time",
                      problem_code::kQueueTimeout};
  }
  co_return Failure{Code::Cancelled, "cancelled while waiting for a connection"};
}

// Whatever of them is held.
void Pool::free_slots(const std::string& key, Lease::Slots& slots) noexcept {
  const auto entry = keys_.find(key);
  assert(entry != keys_.end());
  if (slots.all.held() > 0) all_.free(slots.all);
  if (slots.key.held() > 0) entry->second.slots.free(slots.key);
  slots = Lease::Slots();
  --entry->second.using_it;
  forget_if_empty(entry);
}

std::unique_ptr<ByteStream> Pool::take_idle(const std::string& key) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  std::list<Idle>& idle = found->second.idle;
  const Clock::time_point oldest = wheel_.now() - limits_.idle;
  for (auto it = idle.begin(); it != idle.end();) {
    if (it->stream == nullptr) {
      ++it;
      continue;
    }
    Idle candidate = std::move(*it);
    it = idle.erase(it);
    --idle_total_;
    if (candidate.since > oldest && !candidate.is_broken()) return std::move(candidate.stream);
    candidate.end();
  }
  return nullptr;
}

void Pool::keep(const std::string& key, std::unique_ptr<ByteStream> stream) noexcept {
  if (closed_ || limits_.idle_per_key == 0 || stream->readable_now()) {
    stream->close();
    return;
  }
  Idle idle;
  idle.stream = std::move(stream);
  try {
    add_idle(key, std::move(idle));
  } catch (const std::bad_alloc&) {
    // The connection has ended with what held it.
  }
}

void Pool::add_idle(const std::string& key, Idle one) {
  one.since = wheel_.now();
  std::list<Idle> fresh;
  fresh.push_front(std::move(one));
  std::list<Idle>& idle = per_key(key).idle;
  idle.splice(idle.begin(), fresh);
  ++idle_total_;
  if (closed_ || idle.size() > std::max<std::size_t>(1, limits_.idle_per_key)) {
    idle.back().end();
    idle.pop_back();
    --idle_total_;
  }
  if (idle_total_ > limits_.idle_total) drop_oldest();
  if (idle_total_ == 1) sweep_due_.arm(limits_.idle);
  const auto entry = keys_.find(key);
  if (entry != keys_.end()) forget_if_empty(entry);
}

void Pool::leave(Parking& parking) noexcept {
  const auto entry = keys_.find(parking.key_);
  assert(entry != keys_.end());
  idle_total_ -= entry->second.idle.remove_if(
      [&parking](const Idle& idle) { return idle.parking == &parking; });
  forget_if_empty(entry);
}

void Pool::Idle::end() noexcept {
  if (stream != nullptr) {
    stream->close();
    return;
  }
  parking->pool_ = nullptr;
  parking->connection_.cancel();
}

bool Pool::Idle::is_broken() const noexcept { return stream != nullptr && stream->readable_now(); }

void Pool::drop_oldest() noexcept {
  auto oldest = keys_.end();
  for (auto it = keys_.begin(); it != keys_.end(); ++it) {
    if (it->second.idle.empty()) continue;
    if (oldest == keys_.end() || it->second.idle.back().since < oldest->second.idle.back().since) {
      oldest = it;
    }
  }
  if (oldest == keys_.end()) return;
  oldest->second.idle.back().end();
  oldest->second.idle.pop_back();
  --idle_total_;
  forget_if_empty(oldest);
}

void Pool::forget_if_empty(Keys::iterator entry) noexcept {
  if (entry->second.using_it == 0 && entry->second.idle.empty()) keys_.erase(entry);
}

void Pool::sweep() noexcept {
  const Clock::time_point now = wheel_.now();
  Clock::time_point next = now + limits_.idle;
  for (auto it = keys_.begin(); it != keys_.end();) {
    const auto entry = it++;
    std::list<Idle>& idle = entry->second.idle;
    // Connections that the peer has closed go too, so that no socket hangs half-closed for long.
    idle.remove_if([this, now](Idle& candidate) {
      const bool stale = candidate.since + limits_.idle <= now || candidate.is_broken();
      if (stale) {
        candidate.end();
        --idle_total_;
      }
      return stale;
    });
    if (!idle.empty()) next = std::min(next, idle.back().since + limits_.idle);
    forget_if_empty(entry);
  }
  if (idle_total_ == 0) return;
  sweep_due_.arm(std::chrono::ceil<std::chrono::milliseconds>(next - now));
}

void Pool::close() noexcept {
  closed_ = true;
  sweep_due_.disarm();
  for (auto it = keys_.begin(); it != keys_.end();) {
    const auto entry = it++;
    for (Idle& idle : entry->second.idle) idle.end();
    idle_total_ -= entry->second.idle.size();
    entry->second.idle.clear();
    forget_if_empty(entry);
  }
}

}  // namespace bottle
