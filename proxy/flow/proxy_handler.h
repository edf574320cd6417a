#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/flow/audit_flush.h"
#include "proxy/flow/audit_sink.h"
#include "proxy/flow/guard.h"
#include "proxy/flow/held_requests.h"
#include "proxy/flow/live_policy.h"
#include "proxy/flow/websocket_tunnel.h"
#include "proxy/guard/host_watch.h"
#include "proxy/http/handler.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

enum class UpstreamKind : std::uint8_t { Pipelock, Direct };

// Customs and ferry of one worker (docs/life-of-a-request.md): policy, guard, upstream, and the
// audit line at the end. Everything it is given outlives it. One thread; `audit` and
// `host_watch` are shared with others.
class ProxyHandler final : public Handler, private SendWitness {
 public:
  struct Services {
    const LivePolicy& policy;
    Upstream& upstream;
    UpstreamKind kind;
    Guard& guard;
    AuditSink& audit;
    HostWatch& host_watch;
    std::string id_prefix;  // unique to this process and worker
    WebsocketSpace& websockets;
    Upstream* relay = nullptr;     // past the scanner; null: `upstream` goes to origins itself
    bool scans_heads = false;      // the scanner can be asked about a head alone: it has an exit
    HeldRequests* held = nullptr;  // null: a host that is not allowed is refused at once
    const MemoryBudget* memory = nullptr;  // null: it has no bound
    AuditFlush* soon = nullptr;            // ends without a fault, while others are under way
  };
  explicit ProxyHandler(Services services) : services_(std::move(services)) {}

  // A WebSocket may be opened by that route: pipelock has no part in it, or only its head's.
  [[nodiscard]] bool may_open_websocket(Route route) const noexcept;

  std::string next_id() override;
  awaitable<Response> handle(Request request, Exchange& exchange) override;
  Response refuse(const Failure& failure, Exchange& exchange) override;
  void finished(const Exchange& exchange) noexcept override;

  // A connection that ended before any request, for a reason worth a line: refused CONNECT, failed
  // handshake, bytes that are no TLS.
  void refused_connection(const Destination& destination, const Failure& failure, DecidedBy by);
  // The failure itself names the party: a client that left in the handshake did so itself.
  void refused_connection(const Destination& destination, const Failure& failure);

  [[nodiscard]] std::uint64_t exchanges() const noexcept { return count_; }

 private:
  void write_end(const Exchange& exchange);  // throws std::bad_alloc
  // `status`: as in RefusalFacts.
  [[nodiscard]] Response refuse_by(const Failure& failure, Exchange& exchange, DecidedBy by,
                                   int status = 0);
  // The request goes nowhere. The rest of its body is read only for a call's id.
  awaitable<Response> turn_away(Request request, Failure failure, Exchange& exchange, DecidedBy by);
  // No new request is taken, for that cause. Nothing: one is.
  [[nodiscard]] std::optional<Failure> takes_none_now(const Exchange& exchange) const;
  // The policy, the guard and the scanner have passed the head; what follows is the guard's alone.
  awaitable<Response> open_websocket(Request request, Exchange& exchange);
  // Lets the scanner look at a head that goes out past it. Nothing: it passes.
  awaitable<std::optional<Response>> ask_scanner(const RequestHead& head, Exchange& exchange);
  [[nodiscard]] Upstream& past_scanner() const noexcept {
    return services_.relay != nullptr ? *services_.relay : services_.upstream;
  }
  // Pipelock reads the requests that go by that route.
  [[nodiscard]] bool scans(Route route) const noexcept {
    return services_.kind == UpstreamKind::Pipelock && route != Route::Relay;
  }
  // `decision` is a refusal: where a person is asked about the host, the policy's word after that.
  awaitable<Decision> ask(Decision decision, Exchange& exchange);
  // Holds a request that was refused. True: ask the policy again.
  awaitable<bool> hold(const Failure& refusal, Exchange& exchange, Clock::time_point until);
  // The name of a host that a wildcard alone allows, or none does (empty).
  [[nodiscard]] Result<void> look_at_name(Exchange& exchange, std::string_view wildcard);
  Result<void> begins_to_send(const Exchange& exchange) override;
  [[nodiscard]] DecidedBy blame(const Failure& failure, const Exchange* exchange = nullptr) const;

  Services services_;
  std::uint64_t count_ = 0;
  std::uint64_t under_way_ = 0;  // exchanges that have their first line, and not their last
};

}  // namespace bottle
