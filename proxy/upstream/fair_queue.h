#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "proxy/base/event.h"

namespace bottle {

// On whose behalf something waits, and what it holds meanwhile.
struct Turn {
  std::uint64_t client = 0;  // its connection
  std::size_t bytes = 0;     // the request's head, and what was collected of its body
};

// The waiters for one thing. Clients take turns, and each client's own are served first come,
// first served: a client with a thousand requests delays another one's first by one turn.
// Adding, removing and taking cost the same however many wait. One thread.
class FairQueue {
 public:
  // Lives in the frame of the coroutine that waits, which removes it unless it was granted.
  struct Waiter {
    Waiter(Executor executor, std::uint64_t client_in)
        : granted(std::move(executor)), client(client_in) {}
    Event granted;
    const std::uint64_t client;
    bool has_slot = false;  // it was taken off the queue, with what it waited for
    std::list<Waiter*>::iterator position;
  };

  void add(Waiter& waiter);
  void remove(Waiter& waiter) noexcept;
  // Takes off the next in turn and wakes it, in a later turn of the loop. False if none waits.
  bool grant_next() noexcept;
  [[nodiscard]] bool empty() const noexcept { return turns_.empty(); }

 private:
  struct Client {
    std::uint64_t id;
    std::list<Waiter*> waiters;  // never empty
  };
  std::list<Client> turns_;  // the next one in front
  std::unordered_map<std::uint64_t, std::list<Client>::iterator> clients_;
};

// A number of slots, and the waiters for one.
class FairSlots {
 public:
  explicit FairSlots(std::size_t most) noexcept : most_(most) {}
  [[nodiscard]] bool has_room() const noexcept { return taken_ < most_; }
  void take() noexcept { ++taken_; }
  // Passes the slot on to the next in turn, if there is one.
  void free() noexcept;
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
  [[nodiscard]] bool unused() const noexcept { return taken_ == 0 && queue.empty(); }

  FairQueue queue;

 private:
  std::size_t most_;
  std::size_t taken_ = 0;
};

}  // namespace bottle
