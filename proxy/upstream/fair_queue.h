#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>

#include "proxy/base/event.h"
#include "proxy/base/shares.h"

namespace bottle {

// On whose behalf something waits, and what it holds meanwhile.
struct Turn {
  Party party;
  std::size_t bytes = 0;  // the request's head, and what was collected of its body
};

// The waiters for one thing. Destinations take turns, the clients of one destination take turns
// among them, and each client's own are served first come, first served: a client with a thousand
// requests, or a thousand connections to one destination, delays another one's first by one turn.
// Adding, removing and taking cost the same however many wait. One thread.
class FairQueue {
 public:
  // Lives in the frame of the coroutine that waits.
  struct Waiter {
    Waiter(Executor executor, Party party_in, Shares::Part* part_in = nullptr)
        : granted(std::move(executor)), party(party_in), part(part_in) {}
    Event granted;
    const Party party;
    Shares::Part* const part;  // set: it has to have room for one, and gets it with the slot
    bool has_slot = false;     // it was taken off the queue, with what it waited for
    std::list<Waiter*>::iterator position;
  };

  // A waiter's time in the queue: it leaves with the frame of its coroutine, however that ends,
  // unless it was granted before. The constructor throws std::bad_alloc.
  class Stay {
   public:
    Stay(FairQueue& queue, Waiter& waiter) : queue_(queue), waiter_(waiter) { queue_.add(waiter_); }
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;
    ~Stay() {
      if (!waiter_.has_slot) queue_.remove(waiter_);
    }

   private:
    FairQueue& queue_;
    Waiter& waiter_;
  };

  void add(Waiter& waiter);
  void remove(Waiter& waiter) noexcept;
  // Takes off the next in turn and wakes it, in a later turn of the loop. False if there is none
  // among the first kLooked whose party may have more.
  bool grant_next() noexcept;
  [[nodiscard]] bool empty() const noexcept { return turns_.empty(); }

  // Looked at for one slot. Those whose party has its share go behind those that have not been
  // looked at, so that a long queue of them delays the others and does not keep them away.
  static constexpr std::size_t kLooked = 128;

 private:
  struct Client {
    std::uint64_t id;
    std::list<Waiter*> waiters;  // never empty
  };
  using Clients = std::list<Client>;
  struct Place {
    std::uint64_t id;
    Clients turns;  // never empty; the next one in front
    std::unordered_map<std::uint64_t, Clients::iterator> clients;
  };
  using Places = std::list<Place>;

  [[nodiscard]] Waiter* next_of(Place& place, std::size_t& looked) noexcept;
  void take_off(Places::iterator place, Waiter& waiter) noexcept;

  Places turns_;  // the next one in front
  std::unordered_map<std::uint64_t, Places::iterator> places_;
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

// The same for slots that are held for long: no party takes more than its share.
class SharedSlots {
 public:
  explicit SharedSlots(std::size_t most) noexcept : shares_(most) {}
  // For one taker; it has no slot yet. Throws std::bad_alloc.
  [[nodiscard]] Shares::Part part(Party party) { return {shares_, party}; }
  // False: `part` has to wait in the queue.
  [[nodiscard]] bool take(Shares::Part& part) noexcept;
  // Gives the slot of `part` to those who may have it now.
  void free(Shares::Part& part) noexcept;
  [[nodiscard]] std::size_t taken() const noexcept { return shares_.taken(); }
  [[nodiscard]] bool unused() const noexcept { return taken() == 0 && queue.empty(); }

  FairQueue queue;

 private:
  Shares shares_;
};

}  // namespace bottle
