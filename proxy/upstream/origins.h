#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/task_group.h"
#include "proxy/upstream/h2_client.h"
#include "proxy/upstream/origin_upstream.h"

// Private to origin_upstream.cc and origin_tunnels.cc.
namespace bottle {

// The knowledge about origins, and the shared connections to them.
class OriginUpstream::Origins {
 public:
  Origins(Executor executor, TimerWheel& wheel, Dialer& dialer, Pool& pool, H1ClientLimits h1,
          H2ClientLimits h2, OriginLimits limits)
      : executor_(executor),
        wheel_(wheel),
        dialer_(dialer),
        pool_(pool),
        h1_(h1),
        h2_(h2),
        limits_(limits),
        runs_(std::move(executor), TaskGroup::Children::Independent) {}

  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage& passage);
  awaitable<void> close();

 private:
  // One shared connection. It counts among those in use while an exchange is on it, and among
  // the idle ones while none is.
  struct Shared final : public H2Client::Owner, public Cancellable {
    Shared(Origins& origins_in, std::string key_in, std::unique_ptr<ByteStream> stream)
        : origins(origins_in),
          key(std::move(key_in)),
          spare(origins_in.wheel_, *this),
          client(std::move(stream), origins.executor_, origins.wheel_, origins.h2_, this) {}
    void exchange_ended() noexcept override { origins.exchange_ended(*this); }
    // It was idle, and its slot is needed, or it was one too many.
    void cancel() noexcept override { client.drain(); }

    Origins& origins;
    const std::string key;
    Lease lease;
    std::optional<Parking> parking;
    Deadline spare;   // of an idle one beside another idle one
    H2Client client;  // goes first
  };
  struct Waiter {
    explicit Waiter(Executor executor) : done(std::move(executor)) {}
    Event done;
    bool told = false;
    std::optional<Failure> failure;
  };
  struct Origin {
    std::list<Shared> shared;
    bool dialling = false;
    std::list<Waiter*> waiters;  // for the dial that is under way
    FairQueue queue;             // for a free stream
    bool granted = false;        // the one whose turn it is has not looked yet
  };

  class Dial;
  struct LeavesDial;
  struct PassesTurnOn;

  // How a request goes: on a shared connection, or on a lease of its own.
  struct Connection {
    H2Client* shared = nullptr;
    H2Client::Hold hold{};  // while it is not known yet whether it will do
    Lease lease;
  };

  awaitable<Result<Connection>> any_connection(const std::string& key, Pool::Want want, Turn turn,
                                               Exchange& exchange, bool tunnel);
  awaitable<Result<Connection>> find_connection(const std::string& key, Pool::Want want, Turn turn,
                                                Exchange& exchange);
  awaitable<Result<Connection>> find_tunnel_connection(const std::string& key, Turn turn,
                                                       Exchange& exchange);
  awaitable<Result<Connection>> shared_tunnel_connection(const std::string& key, Turn turn,
                                                         Exchange& exchange);
  awaitable<Result<Connection>> own_connection(const std::string& key, Pool::Want want, Turn turn,
                                               Exchange& exchange);
  awaitable<std::optional<Failure>> wait_for_dial(const std::string& key);
  awaitable<std::optional<Failure>> wait_for_stream(const std::string& key, Turn turn,
                                                    Clock::time_point until);
  void dial_ended(const std::string& key, const std::optional<Failure>& failure) noexcept;
  H2Client& share(const std::string& key, std::unique_ptr<ByteStream> stream, Lease lease);
  awaitable<void> run(std::list<Shared>::iterator shared);
  void exchange_ended(Shared& shared) noexcept;
  void next_turn(const std::string& key) noexcept;
  void forget_if_empty(const std::string& key) noexcept;
  enum class Need : unsigned char { InUse, Idle };
  [[nodiscard]] Shared* with_capacity(const std::string& key, Need need);
  [[nodiscard]] bool speaks_h1(const std::string& key, Scheme scheme) const;
  void learn(const std::string& key, Version version);

  Executor executor_;
  TimerWheel& wheel_;
  Dialer& dialer_;
  Pool& pool_;
  const H1ClientLimits h1_;
  const H2ClientLimits h2_;
  const OriginLimits limits_;
  std::unordered_map<std::string, Origin> origins_;  // with a shared connection or a dial
  std::unordered_map<std::string, Version> protocols_;
  std::unordered_set<std::string> h2_only_;  // origins that take tunnels, and no HTTP/1.1
  TaskGroup runs_;
  bool closed_ = false;
};

}  // namespace bottle
