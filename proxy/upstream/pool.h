#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/base/awaitable.h"
#include "proxy/base/byte_stream.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/result.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

class Pool;

// The right to have one request in flight, and the connection it uses. Whoever holds it may use
// stream(). Unless it is given back, the connection is closed when the lease goes, and only then
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
  Lease(Pool& pool, std::string key, std::unique_ptr<ByteStream> stream) noexcept;
  void release() noexcept;

  Pool* pool_ = nullptr;  // null: an empty lease, no slot held
  std::string key_;
  std::unique_ptr<ByteStream> stream_;
  bool reused_ = false;
};

// Keep-alive connections of one worker that carry one request at a time, by key (what is at the
// other end, and how it is spoken to), and how many requests are in flight. Connections come in
// only by Lease::give_back(); none is opened ahead of a request, because pipelock gives a new
// connection 5 s to say something. One thread.
class Pool {
 public:
  Pool(TimerWheel& wheel, PoolLimits limits);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();  // with no lease out and nobody waiting

  enum class Want : unsigned char { AnyConnection, NewConnection };
  // Waits for a slot, first come, first served: Overloaded when none came in time or too many are
  // waiting, Cancelled. The lease has the connection used last, or none: then dial and attach().
  awaitable<Result<Lease>> lease(std::string key, Want want = Want::AnyConnection);

  // Closes what is idle; what is given back later is closed too. For the end of the worker.
  void close() noexcept;

  [[nodiscard]] std::size_t idle() const noexcept { return idle_total_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiters_.size(); }

 private:
  friend class Lease;
  struct Idle {
    std::unique_ptr<ByteStream> stream;
    Clock::time_point since;
  };
  struct Place {
    std::list<Idle> idle;  // used last in front
    std::size_t in_flight = 0;
  };
  struct Waiter {
    const std::string& key;
    Event granted;
    bool has_slot = false;
  };
  struct Sweep final : Cancellable {
    explicit Sweep(Pool& owner) : pool(owner) {}
    void cancel() noexcept override { pool.sweep(); }
    Pool& pool;
  };
  using Places = std::unordered_map<std::string, Place>;

  [[nodiscard]] bool has_room(const std::string& key) const noexcept;
  void take_slot(const std::string& key);
  void free_slot(const std::string& key) noexcept;
  [[nodiscard]] std::unique_ptr<ByteStream> take_idle(const std::string& key);
  void keep(const std::string& key, std::unique_ptr<ByteStream> stream) noexcept;
  void drop_oldest() noexcept;
  void forget_if_empty(Places::iterator place) noexcept;
  void sweep() noexcept;

  TimerWheel& wheel_;
  PoolLimits limits_;
  Places places_;
  std::list<Waiter*> waiters_;
  std::size_t idle_total_ = 0;
  std::size_t in_flight_ = 0;
  bool closed_ = false;
  Sweep sweep_target_;
  Deadline sweep_due_;
};

}  // namespace bottle
