#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/deadline.h"
#include "proxy/desk/tunnel_pump.h"
#include "proxy/flow/splice_gate.h"
#include "proxy/http/session.h"
#include "proxy/tls/hello_reader.h"
#include "proxy/tls/tcp_stream.h"
#include "proxy/upstream/way.h"

namespace bottle {

struct SpliceBounds {
  std::chrono::milliseconds hello{5'000};     // until the ClientHello is whole
  std::size_t hello_bytes = 16 * 1024;        // post-quantum hellos take 2 KiB
  std::chrono::milliseconds idle{3'600'000};  // TunnelLimits has the reason
};

// The route splice: a client's TLS goes to its destination as it is, and only the ClientHello's
// name is read. One a worker; its arguments outlive it, and it outlives the connections.
class Splicer {
 public:
  Splicer(SpliceGate& gate, Way& way, TimerWheel& wheel, DrainSignal& drain, SpliceBounds limits)
      : gate_(gate), way_(way), wheel_(wheel), drain_(drain), limits_(limits) {}
  Splicer(const Splicer&) = delete;
  Splicer& operator=(const Splicer&) = delete;

  [[nodiscard]] SpliceGate& gate() noexcept { return gate_; }

  // Appends to `early` what comes, until it holds a whole ClientHello or no start of one. NeedMore:
  // the client left, or was slow, or it is too long.
  awaitable<ClientHello> read_hello(TcpStream& stream, Bytes& early);

  // From the client's first bytes to the end of the tunnel. The ClientHello's name must be the
  // destination's. A client that is refused gets an alert, which is all that it can read.
  awaitable<void> serve(TcpStream& stream, Bytes early, Destination destination,
                        std::unique_ptr<SplicedTunnel> tunnel,
                        std::shared_ptr<MemoryAccount> account = nullptr);

  // Refuses in the only way that a client can read that has begun TLS.
  awaitable<void> alert(TcpStream& stream, const Failure& failure);

 private:
  [[nodiscard]] Result<void> check_hello(const ClientHello& hello, const Destination& destination,
                                         std::size_t bytes) const;

  SpliceGate& gate_;
  Way& way_;
  TimerWheel& wheel_;
  DrainSignal& drain_;
  const SpliceBounds limits_;
  TunnelBuffer buffer_;
  // Connections count as clients of the resolver; the upper half of the numbers is theirs.
  std::uint64_t next_client_ = std::uint64_t{1} << 63U;
};

}  // namespace bottle
