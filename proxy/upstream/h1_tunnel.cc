#include "proxy/upstream/h1_tunnel.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/deadline.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/byte_queue.h"
#include "proxy/upstream/read_scratch.h"
#include "proxy/upstream/tunnel_idle.h"

namespace bottle {
namespace {

// The tunnel, shared by the one who reads it and the one who writes it; the last to go closes it.
struct Tunnel final : public Cancellable {
  Tunnel(Lease lease_in, std::unique_ptr<BodySource> from_client_in,
         const H1ClientLimits& limits_in, Exchange& exchange_in)
      : lease(std::move(lease_in)),
        from_client(std::move(from_client_in)),
        limits(limits_in),
        exchange(exchange_in),
        write_due(exchange_in.wheel(), *this),
        idle(exchange_in, exchange_in.wheel(), limits_in.tunnel_idle, *this) {}

  void cancel() noexcept override { lease.stream().cancel(); }
  [[nodiscard]] Failure why_ended() const {
    if (failure) return *failure;
    if (idle.over()) {
      return Failure{Code::UpstreamTimeout, "neither side said anything in the tunnel for too long",
                     problem_code::kResponseStalled};
    }
    if (write_due.fired()) {
      return Failure{Code::UpstreamTimeout, "the origin stopped taking what the client says",
                     problem_code::kRequestStalled};
    }
    return Failure{Code::UpstreamTruncated, "the origin's connection broke within the tunnel"};
  }
  void cut(Failure why) noexcept {
    if (!failure) failure = std::move(why);
    lease.stream().close();
  }

  Lease lease;
  std::unique_ptr<BodySource> from_client;
  const H1ClientLimits& limits;
  Exchange& exchange;
  Deadline write_due;
  TunnelIdle idle;
  std::optional<Failure> failure;  // the first counts
  TaskGroup::TaskId sender = 0;
  bool sending = true;
};

// Nothing: the client has ended its side, and the origin was told.
awaitable<std::optional<Failure>> send_all(Tunnel& tunnel) {
  for (;;) {
    auto chunk = co_await tunnel.from_client->read(tunnel.limits.body_piece);
    if (!chunk) co_return chunk.error();
    tunnel.write_due.arm(tunnel.limits.write_stall);
    if (!chunk->data.empty()) {
      const IoResult wrote = co_await tunnel.lease.stream().write_all(chunk->data);
      if (!wrote.ok()) {
        const Failure why = tunnel.why_ended();
        if (!chunk->end) tunnel.from_client->stop(why);
        co_return why;
      }
    }
    if (chunk->end) {
      co_await tunnel.lease.stream().shutdown();
      co_return std::nullopt;
    }
    tunnel.write_due.disarm();
  }
}

awaitable<void> send(std::shared_ptr<Tunnel> tunnel) {
  auto failed = co_await send_all(*tunnel);
  tunnel->write_due.disarm();
  tunnel->sending = false;
  if (failed) tunnel->cut(std::move(*failed));
}

class TunnelBody final : public BodySource {
 public:
  TunnelBody(std::shared_ptr<Tunnel> tunnel, Bytes said) : tunnel_(std::move(tunnel)) {
    said_.push(std::move(said));
  }
  ~TunnelBody() override {
    if (tunnel_) stop(failure_without_fail(Code::Cancelled, "the tunnel was dropped"));
  }

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return !said_.empty(); }
  void stop(Failure why) noexcept override {
    if (!tunnel_) return;
    const std::shared_ptr<Tunnel> tunnel = std::move(tunnel_);
    tunnel->cut(std::move(why));
    if (tunnel->sending) tunnel->exchange.tasks().cancel(tunnel->sender);
  }

 private:
  std::shared_ptr<Tunnel> tunnel_;
  ByteQueue said_;
};

awaitable<Result<Chunk>> TunnelBody::read(std::size_t max) {
  const std::shared_ptr<Tunnel> keep = tunnel_;  // stop() may come while this waits
  Tunnel& tunnel = *keep;
  Chunk chunk;
  if (!said_.empty()) {
    chunk.data = said_.take(max);
    co_return chunk;
  }
  const ByteSpan scratch = upstream_read_scratch(std::min(max, tunnel.limits.read_buffer));
  const IoResult got = co_await tunnel.lease.stream().read_some(scratch);
  if (got.ok()) {
    chunk.data = Bytes(ByteView(scratch.data(), got.n));
    co_return chunk;
  }
  if (got.status == IoStatus::Eof) {
    // The origin has said all; the rest of what the client says has no receiver.
    stop(Failure{Code::Cancelled, "the origin has ended the tunnel"});
    chunk.end = true;
    co_return chunk;
  }
  const Failure why = tunnel.why_ended();
  stop(why);
  co_return why;
}

}  // namespace

std::unique_ptr<BodySource> open_h1_tunnel(Lease lease, Bytes said,
                                           std::unique_ptr<BodySource> from_client,
                                           const H1ClientLimits& limits, Exchange& exchange) {
  auto tunnel =
      std::make_shared<Tunnel>(std::move(lease), std::move(from_client), limits, exchange);
  auto body = std::make_unique<TunnelBody>(tunnel, std::move(said));
  tunnel->sender = exchange.tasks().spawn(send(tunnel));
  return body;
}

}  // namespace bottle
