#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "proxy/base/awaitable.h"
#include "proxy/base/event.h"

namespace bottle {

// The handshakes of one worker compute one at a time, and between two of them the worker does
// everything else that is due: a step costs up to a millisecond, and a thousand hellos that came at
// once would hold up every exchange for a second. A handshake that waits for its peer has no turn,
// so slow peers hold up no other. One thread; outlives the handshakes.
class HandshakeTurns {
 public:
  // So long a line is served in order. Of a longer one the newest goes first: the others may have
  // waited in vain already, and in order all of them would be late. Each waits within its own
  // deadline.
  static constexpr std::size_t kMaxInOrder = 128;

  // A handshake's place in the line. Lives as long as the handshake.
  class Turn {
   public:
    explicit Turn(HandshakeTurns& turns);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

    // Until it is this handshake's turn, which it then has to end. False: leave() came, or the task
    // was cancelled; it has no turn then.
    awaitable<bool> begin();
    void end() noexcept;
    // Ends a begin() that waits.
    void leave() noexcept { called_.cancel(); }

   private:
    friend class HandshakeTurns;
    HandshakeTurns& turns_;
    Event called_;
    Turn* before_ = nullptr;
    Turn* behind_ = nullptr;
    bool waits_ = false;
    bool has_it_ = false;
  };

  explicit HandshakeTurns(Executor executor)
      : executor_(std::move(executor)), self_(std::make_shared<HandshakeTurns*>(this)) {}
  ~HandshakeTurns() { *self_ = nullptr; }
  HandshakeTurns(const HandshakeTurns&) = delete;
  HandshakeTurns& operator=(const HandshakeTurns&) = delete;

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

 private:
  void join(Turn& turn) noexcept;
  void quit(Turn& turn) noexcept;
  void call_next() noexcept;

  Executor executor_;
  std::shared_ptr<HandshakeTurns*> self_;  // a call that is on its way finds out that we are gone
  Turn* first_ = nullptr;
  Turn* last_ = nullptr;
  std::size_t waiting_ = 0;
  bool taken_ = false;  // one computes, or the worker does something else first
};

}  // namespace bottle
