#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <optional>

#include "proxy/base/awaitable.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/idle_list.h"
#include "proxy/base/memory_budget.h"
#include "proxy/base/task_group.h"
#include "proxy/tls/tcp_listener.h"

namespace bottle {

// A listening socket that takes clients while there is room for their connections. Without room, a
// client that waits takes the place of the connection that is idle for longest. Several doors may
// share the room. Where memory is short there is no room either. Owned by the server of its
// clients.
class Door {
 public:
  // Takes over `descriptor`, which listens. `connections` are the tasks of the clients that were
  // taken, at most `capacity` at once, and `idle` those of them that have nothing under way.
  // `memory` null: it is not looked at. All of them outlive the door.
  Door(TimerWheel& wheel, int descriptor, const TaskGroup& connections, std::size_t capacity,
       IdleList& idle, const MemoryBudget* memory = nullptr);
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  ~Door();

  // The next client; until there is room for it, it waits in the kernel's queue. Nothing once the
  // door is closed or the task is cancelled. One caller at a time.
  [[nodiscard]] awaitable<std::optional<asio::ip::tcp::socket>> next();
  // Hands over each client, until the door is closed or the task is cancelled. When memory has run
  // out, here or in `take`, that client is lost, and the next one is taken in a moment.
  [[nodiscard]] awaitable<void> let_in(std::function<void(asio::ip::tcp::socket)> take);
  // A connection has ended, or ends in this turn of the loop: next() looks in a later one.
  void room_made() { room_made_.set_later(); }
  // Ends a next() that waits.
  void close() noexcept;

 private:
  [[nodiscard]] bool short_of_memory() const noexcept {
    return memory_ != nullptr && memory_->refuses();
  }
  [[nodiscard]] bool full() const noexcept {
    return connections_.size() >= capacity_ || short_of_memory();
  }
  awaitable<bool> make_room();
  awaitable<bool> let_one_in(const std::function<void(asio::ip::tcp::socket)>& take);

  TimerWheel& wheel_;
  TcpListener listener_;
  const TaskGroup& connections_;
  const std::size_t capacity_;
  IdleList& idle_;
  const MemoryBudget* const memory_;
  Event room_made_;  // or a connection became idle, or the door was closed
  Event breath_;     // after memory ran out
  bool closed_ = false;
};

}  // namespace bottle
