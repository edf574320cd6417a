#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/base/byte_stream.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/failure.h"
#include "proxy/base/memory_account.h"
#include "proxy/base/turn_budget.h"

namespace bottle {

// Receives the engine's events: called whenever there may be some.
class H2Listener {
 public:
  virtual void dispatch() = 0;

 protected:
  ~H2Listener() = default;
};

struct H2WireLimits {
  std::chrono::milliseconds write_stall{60'000};  // the peer takes nothing of what is pending
  std::chrono::milliseconds close{1'000};         // for the last words and the closing alert
  std::size_t read_buffer = 16 * 1024;
  std::size_t write_buffer = 64 * 1024;
};

// A read fills it and its bytes are fed in the same turn, or kept apart, so one a thread is enough
// and an idle connection holds none.
// It never grows: reads that wait hold a part of it.
inline ByteSpan h2_read_scratch(std::size_t size) {
  static thread_local std::vector<char> scratch(64 * 1024);
  return ByteSpan(scratch).first(std::min(size, scratch.size()));
}

// An HTTP/2 engine on a connection: the read loop and the write loop, the same for both roles.
// Reading never pauses for bodies (windows bound them), only for a peer that leaves our control
// frames unread; but it gives way (TurnBudget), within what one read brought too: frames can cost
// much more than their bytes. Writing gathers: whatever became due in one turn of the loop is one
// write. Its arguments outlive it.
template <class Engine>
class H2Wire {
 public:
  H2Wire(ByteStream& stream, Engine& engine, H2Listener& listener, const Executor& executor,
         TimerWheel& wheel, const H2WireLimits& limits)
      : stream_(stream),
        engine_(engine),
        listener_(listener),
        wheel_(wheel),
        limits_(limits),
        write_event_(executor),
        uncongested_(executor),
        last_words_(wheel, stream),
        due_(wheel, due_alarm_) {}
  H2Wire(const H2Wire&) = delete;
  H2Wire& operator=(const H2Wire&) = delete;

  // Bytes that it writes are counted to that account; null: to none.
  void count_for(std::shared_ptr<MemoryAccount> account) { memory_ = std::move(account); }
  // The engine may have something to send.
  void wake() { write_event_.set_later(); }
  void wake_if_wanted() {
    if (engine_.wants_write()) wake();
  }
  // True once the peer has said anything.
  [[nodiscard]] bool heard() const noexcept { return heard_; }

  // Until the connection ends, the task is cancelled, or nothing more is to be read. A Failure if
  // the peer broke the protocol.
  awaitable<std::optional<Failure>> read();
  // Until finish() and all is written, the engine is done, or the connection breaks. Closes it.
  awaitable<void> write();
  // Writes what the engine still has to say, for a short while, then closes the connection.
  void finish() {
    if (closed_) return;
    finishing_ = true;
    last_words_.arm(limits_.close);
    wake();
  }

 private:
  // Wakes the writer when the engine is due to do something by itself.
  class DueAlarm final : public Cancellable {
   public:
    explicit DueAlarm(H2Wire& wire) noexcept : wire_(wire) {}
    void cancel() noexcept override { wire_.wake(); }

   private:
    H2Wire& wire_;
  };

  awaitable<std::optional<Failure>> feed(ByteView bytes);
  awaitable<bool> write_out();
  void set_due();

  ByteStream& stream_;
  Engine& engine_;
  H2Listener& listener_;
  TimerWheel& wheel_;
  const H2WireLimits limits_;
  Event write_event_;
  Event uncongested_;
  Deadline last_words_;
  DueAlarm due_alarm_{*this};
  Deadline due_;
  TurnBudget turn_;
  std::unique_ptr<char[]> write_buffer_;  // only while there is something to write
  std::shared_ptr<MemoryAccount> memory_;
  bool heard_ = false;
  bool broken_ = false;  // nothing can be sent any more
  bool finishing_ = false;
  bool closed_ = false;
};

template <class Engine>
awaitable<std::optional<Failure>> H2Wire<Engine>::read() {
  for (;;) {
    while (engine_.congested() && !closed_) {
      const bool better = co_await uncongested_.wait();
      if (!better) co_return std::nullopt;
    }
    const ByteSpan scratch = h2_read_scratch(limits_.read_buffer);
    const IoResult got = co_await stream_.read_some(scratch);
    if (!got.ok()) {
      broken_ = got.status != IoStatus::Eof;
      co_return std::nullopt;
    }
    heard_ = true;
    const std::optional<Failure> broken = co_await feed(ByteView(scratch.data(), got.n));
    if (broken) co_return broken;
    if (engine_.done()) co_return std::nullopt;
  }
}

template <class Engine>
awaitable<std::optional<Failure>> H2Wire<Engine>::feed(ByteView bytes) {
  Bytes rest;  // of what came, once the others had a turn: the scratch is theirs too
  while (!bytes.empty()) {
    const auto begun = wheel_.now();
    const auto fed = engine_.receive_some(bytes, begun);
    listener_.dispatch();
    wake_if_wanted();
    if (!fed) co_return fed.error();
    if (engine_.done()) break;
    turn_.spend_time(wheel_.now() - begun);
    // The stream counts the bytes.
    if (!turn_.spent()) continue;
    if (rest.empty()) {
      rest = bytes;
      bytes = rest;
    }
    co_await turn_.give_way();
  }
  co_return std::nullopt;
}

template <class Engine>
void H2Wire<Engine>::set_due() {
  const auto when = engine_.due();
  if (!when) return;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*when - wheel_.now());
  due_.arm(std::max(left, std::chrono::milliseconds(0)));
}

template <class Engine>
awaitable<void> H2Wire<Engine>::write() {
  bool in_order = true;
  std::exception_ptr failed;
  try {
    while (in_order) {
      in_order = co_await write_event_.wait();
      if (in_order) in_order = co_await write_out();
      if (finishing_ || engine_.done()) break;
    }
  } catch (...) {
    failed = std::current_exception();  // out of memory: nothing more can be said
    broken_ = true;
  }
  if (in_order && !broken_) {
    last_words_.arm(limits_.close);
    co_await stream_.shutdown();
  }
  last_words_.disarm();
  due_.disarm();
  closed_ = true;
  stream_.close();
  uncongested_.set_later();
  if (failed) std::rethrow_exception(failed);
}

template <class Engine>
awaitable<bool> H2Wire<Engine>::write_out() {
  Deadline stall(wheel_, stream_);
  // The buffer, and what it holds as TLS records that the socket does not take yet.
  const MemoryHold held(memory_, 2 * limits_.write_buffer);
  if (!write_buffer_) write_buffer_ = std::make_unique_for_overwrite<char[]>(limits_.write_buffer);
  for (;;) {
    const ByteSpan space(write_buffer_.get(), limits_.write_buffer);
    const std::size_t n = engine_.fill(space, wheel_.now());
    listener_.dispatch();
    if (n == 0) break;
    stall.arm(limits_.write_stall);
    const IoResult put = co_await stream_.write_all(ByteView(write_buffer_.get(), n));
    if (!put.ok()) co_return false;
    if (!engine_.congested()) uncongested_.set_later();
  }
  write_buffer_.reset();
  set_due();
  co_return true;
}

}  // namespace bottle
