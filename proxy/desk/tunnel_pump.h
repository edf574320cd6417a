#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/awaitable.h"
#include "proxy/base/bytes.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/memory_account.h"
#include "proxy/base/turn_budget.h"
#include "proxy/flow/splice_gate.h"
#include "proxy/http/session.h"

namespace bottle {

// Bytes on their way between two sockets: all tunnels of one worker share them. Filled and emptied
// within one turn, never held across a wait.
struct TunnelBuffer {
  static constexpr std::size_t kSize = 128 * 1024;  // larger ones leave the processor's cache
  std::vector<char> bytes = std::vector<char>(kSize);
};

// Why a tunnel ended.
enum class TunnelEnd : std::uint8_t {
  BothEnded,    // each side sent its FIN
  ClientReset,  // also: it took no more
  OriginReset,
  Idle,
  Memory,  // its connection held the most when memory was short
  Budget,
  Draining,
  Cancelled,
};

struct TunnelTimes {
  std::chrono::milliseconds idle;
  std::chrono::milliseconds drain_idle{1'000};  // a worker that drains waits for a pause, no longer
};

// Carries bytes both ways between a client and an origin until both have ended, unread. A FIN
// passes on as a FIN and the other direction goes on; a reset passes on as a reset. Bytes that
// one side does not take are kept (TunnelBuffer::kSize at most, each way), and the other side is
// not read on.
// Everything passed in outlives run().
class TunnelPump final : private Cancellable {
 public:
  // `account`: the connection's; null: its memory is not counted.
  TunnelPump(asio::ip::tcp::socket& client, asio::ip::tcp::socket& origin, SplicedTunnel& tunnel,
             TunnelBuffer& buffer, TimerWheel& wheel, DrainSignal& drain, TunnelTimes times,
             std::shared_ptr<MemoryAccount> account = nullptr);
  TunnelPump(const TunnelPump&) = delete;
  TunnelPump& operator=(const TunnelPump&) = delete;

  // `first` goes to the origin before what the client's socket brings. Both sockets are closed
  // when it returns.
  awaitable<TunnelEnd> run(Bytes first);

 private:
  struct Side {
    asio::ip::tcp::socket& from;
    asio::ip::tcp::socket& to;
    TunnelBook::Direction direction;
    TunnelEnd from_reset;
    TunnelEnd to_reset;
    Bytes pending{};  // read, and not yet taken by `to`
    TurnBudget turn{};
  };

  class Shed final : public Cancellable {
   public:
    explicit Shed(TunnelPump& pump) noexcept : pump_(pump) {}
    void cancel() noexcept override { pump_.stop(TunnelEnd::Memory); }

   private:
    TunnelPump& pump_;
  };

  void cancel() noexcept override;  // the idle deadline's
  awaitable<void> carry(Side& side);
  awaitable<void> carry_on(Side& side);
  awaitable<bool> flush(Side& side);
  // Reads once and writes what came as far as it goes. False: the direction has ended.
  bool move_some(Side& side, bool& may_have_more);
  bool send(Side& side, ByteView data);
  awaitable<void> watch_drain();
  void progress() noexcept { idle_.arm(draining_ ? times_.drain_idle : times_.idle); }
  void stop(TunnelEnd why) noexcept;

  asio::ip::tcp::socket& client_;
  asio::ip::tcp::socket& origin_;
  SplicedTunnel& tunnel_;
  TunnelBuffer& buffer_;
  DrainSignal& drain_;
  Event drain_begins_;
  Deadline idle_;
  TunnelTimes times_;
  const std::shared_ptr<MemoryAccount> account_;
  Shed shed_{*this};
  Side up_;
  Side down_;
  bool draining_ = false;
  bool stopped_ = false;
  TunnelEnd end_ = TunnelEnd::BothEnded;
};

}  // namespace bottle
