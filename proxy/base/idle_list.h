#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>

#include "proxy/base/cancellable.h"
#include "proxy/base/event.h"

namespace bottle {

// The connections of one server that have no exchange under way, the one that has been so for
// longest first. Where there is room for no more connections, that one is ended and a new one takes
// its place. A connection that was just accepted, that is in its handshake or whose request's head
// has not come yet is one of them: it has nothing under way that could be lost.
//
// Each connection is left alone for a moment. The moment is longer for one that was never served:
// its handshake may have to wait for the processor on either side, and to end it throws away what
// it has cost so far. One that was served has had its turn. Of both kinds the one whose moment is
// over for longest is ended. One whose client has just said something is not: it waits to be read.
//
// Each call but add_waiter() takes a constant time, however many connections there are. One thread;
// outlives its places.
class IdleList {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // For how long one is left alone: it is about to say something.
  struct Moments {
    std::chrono::milliseconds never_served{1000};
    std::chrono::milliseconds served{500};
  };

  // A connection's place in the list, from its accept to its end. Idle at first.
  class Place {
   public:
    // `connection` is cancelled to end the connection; it may be replaced for a time (EndedBy).
    // `descriptor` is its socket, which is only asked whether it has bytes; -1: it is not asked.
    Place(IdleList& list, Cancellable& connection, int descriptor = -1) noexcept;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();

    // Nothing is under way from now on. Said again, it begins anew: the connection got on.
    void idle() noexcept;
    void busy() noexcept;

   private:
    friend class IdleList;
    [[nodiscard]] bool speaks() const noexcept;

    IdleList& list_;
    Cancellable* end_;
    const int descriptor_;
    Place* older_ = nullptr;
    Place* newer_ = nullptr;
    TimePoint since_{};
    bool listed_ = false;
    bool served_ = false;
    bool evicted_ = false;  // it ends, and is not asked again
  };

  // While it lives, the connection is ended by cancelling another thing than before. Null: no
  // place.
  class EndedBy {
   public:
    EndedBy(Place* place, Cancellable& end) noexcept;
    EndedBy(const EndedBy&) = delete;
    EndedBy& operator=(const EndedBy&) = delete;
    ~EndedBy();

   private:
    Place* place_;
    Cancellable* before_ = nullptr;
  };

  // While it lives, the connection has something under way. Null: no place.
  class Busy {
   public:
    explicit Busy(Place* place) noexcept;
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy();

   private:
    Place* place_;
  };

  IdleList() noexcept : IdleList(Moments()) {}
  explicit IdleList(Moments moments) noexcept;
  IdleList(const IdleList&) = delete;
  IdleList& operator=(const IdleList&) = delete;

  // Ends a connection, which takes a few turns of the loop. Zero: one ends. Another time: when the
  // first may be ended. Nothing: none is idle.
  [[nodiscard]] std::optional<std::chrono::milliseconds> evict_oldest(TimePoint now) noexcept;

  // Set (later) whenever a connection becomes idle.
  void add_waiter(Event& event) { waiters_.push_back(&event); }
  void remove_waiter(Event& event) noexcept { waiters_.remove(&event); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Those that were told to end and have not ended yet.
  [[nodiscard]] std::size_t ending() const noexcept { return ending_; }

 private:
  // Those of one kind.
  struct Row {
    std::chrono::milliseconds moment;
    Place* oldest = nullptr;
    Place* newest = nullptr;
  };

  [[nodiscard]] Row& row_of(const Place& place) noexcept {
    return place.served_ ? served_ : never_served_;
  }
  // The first whose moment is over, or will be.
  [[nodiscard]] Place* next_to_go() const noexcept;
  [[nodiscard]] TimePoint moment_over(const Place& place) const noexcept;
  void link(Place& place, TimePoint since) noexcept;
  void unlink(Place& place) noexcept;

  Row never_served_;
  Row served_;
  std::size_t size_ = 0;
  std::size_t ending_ = 0;
  std::list<Event*> waiters_;  // a few: the doors
};

}  // namespace bottle
