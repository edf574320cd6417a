#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/base/awaitable.h"
#include "proxy/base/byte_stream.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/result.h"
#include "proxy/upstream/fair_queue.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

class Pool;

// The right to have one request in flight, and the connection it uses. Its holder may use stream().
// Unless it is given back, the connection is closed when the lease goes, and only then
// does somebody else get the slot. The pool outlives it.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();

  [[nodiscard]] bool connected() const noexcept { return stream_ != nullptr; }
  // The connection has served an earlier request: the peer may have closed it in the meantime.
  [[nodiscard]] bool reused() const noexcept { return reused_; }
  [[nodiscard]] ByteStream& stream() noexcept { return *stream_; }

  // A new connection for an empty lease.
  void attach(std::unique_ptr<ByteStream> stream) noexcept;
  // Closes the connection, keeps the slot.
  void drop() noexcept;
  // The connection goes to the pool if nothing can be read from it (a byte, an end or an error
  // would belong to the next request), and is closed otherwise. Only with no call pending on it,
  // after both messages were complete and the peer said that it keeps the connection.
  void give_back() noexcept;

 private:
  friend class Pool;
  // The slots that it holds: of its key, and of all.
  struct Slots {
    Shares::Part key;
    Shares::Part all;
  };
  Lease(Pool& pool, std::string key) noexcept;
  void release() noexcept;

  Pool* pool_ = nullptr;  // null: an empty lease, no slot held
  std::string key_;
  Slots slots_;
  std::unique_ptr<ByteStream> stream_;
  bool reused_ = false;
};

// A connection that requests share (HTTP/2) while none is on it: counts as an idle one from here to
// its end. `connection` is cancelled when it has been idle for too long or others need its slot;
// it does not call the pool from there. It outlives this, and so does the pool.
class Parking {
 public:
  // Throws std::bad_alloc.
  Parking(Pool& pool, const std::string& key, Cancellable& connection);
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;
  ~Parking();

 private:
  friend class Pool;
  Pool* pool_;  // null: taken out
  const std::string key_;
  Cancellable& connection_;
};

// Connections of one worker, by key (what is at the other end, and how it is spoken to): how many
// are in use, which of them are kept when they are idle, which requests wait for one. Those that
// carry one request at a time come in by Lease::give_back(); none is opened ahead of a request,
// because pipelock gives a new connection 5 s to say something (docs/pipelock.md, section 2). One
// that is shared holds a lease while a request is on it, and is parked while none is. One thread.
class Pool {
 public:
  Pool(TimerWheel& wheel, PoolLimits limits);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();  // with no lease out, no waiter, nothing parked

  enum class Want : unsigned char { AnyConnection, NewConnection };
  // Waits for a slot: destinations and clients take turns, and each has its share. Overloaded when
  // none came in time or too much waits, Cancelled. The lease has the connection used last, or
  // none: then dial and attach().
  awaitable<Result<Lease>> lease(std::string key, Want want = Want::AnyConnection, Turn turn = {});

  // Waits in a queue of the caller's, within the bounds that hold for all waiters. Nothing
  // when it was granted; a waiter may have got its slot although the wait was cancelled, and then
  // the caller passes it on. `queue` and `waiter` outlive the wait.
  awaitable<std::optional<Failure>> wait_in(FairQueue& queue, FairQueue::Waiter& waiter,
                                            std::size_t bytes, Clock::time_point until);
  [[nodiscard]] Clock::time_point patience() const { return wheel_.now() + limits_.queue_wait; }

  // Closes what is idle; what is given back later is closed too. For the end of the worker.
  void close() noexcept;

  [[nodiscard]] std::size_t idle() const noexcept { return idle_total_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return all_.taken(); }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.taken(); }

 private:
  friend class Lease;
  friend class Parking;
  struct Idle {
    std::unique_ptr<ByteStream> stream;  // null: it is a shared one
    Parking* parking = nullptr;
    Clock::time_point since;

    void end() noexcept;
    [[nodiscard]] bool is_broken() const noexcept;
  };
  struct PerKey {
    explicit PerKey(std::size_t most) : slots(most) {}
    std::list<Idle> idle;      // used last in front
    std::size_t using_it = 0;  // leases, and requests that wait for one
    SharedSlots slots;
  };
  struct Sweep final : Cancellable {
    explicit Sweep(Pool& owner) : pool(owner) {}
    void cancel() noexcept override { pool.sweep(); }
    Pool& pool;
  };
  using Keys = std::unordered_map<std::string, PerKey>;

  awaitable<std::optional<Failure>> take(SharedSlots& slots, Shares::Part& part, Turn turn,
                                         Clock::time_point until);
  void free_slots(const std::string& key, Lease::Slots& slots) noexcept;
  [[nodiscard]] PerKey& per_key(const std::string& key);
  [[nodiscard]] std::unique_ptr<ByteStream> take_idle(const std::string& key);
  void keep(const std::string& key, std::unique_ptr<ByteStream> stream) noexcept;
  void add_idle(const std::string& key, Idle idle);  // throws std::bad_alloc
  void leave(Parking& parking) noexcept;
  void drop_oldest() noexcept;
  void forget_if_empty(Keys::iterator entry) noexcept;
  void sweep() noexcept;

  TimerWheel& wheel_;
  PoolLimits limits_;
  Keys keys_;
  SharedSlots all_;
  std::size_t idle_total_ = 0;
  Shares waiting_;
  Shares waiting_bytes_;
  bool closed_ = false;
  Sweep sweep_target_;
  Deadline sweep_due_;
};

}  // namespace bottle
