#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "proxy/base/deadline.h"
#include "proxy/guard/address_guard.h"
#include "proxy/upstream/way.h"

namespace bottle {

struct TunnelWayLimits {
  std::chrono::milliseconds answer{30'000};  // it resolves and connects first
  std::size_t head_bytes = 16 * 1024;
};

// The kind of proxy that gives the tunnels. It decides which failures a refusal becomes.
enum class TunnelGiver : std::uint8_t {
  Scanner,  // pipelock, whose host policy holds for the tunnel
  Parent,   // the proxy of the network that this machine is in
};

// Through another proxy's CONNECT, with the destination's name: that proxy resolves it, so no
// address guard sees the address. Addresses that are written out are vetted here, and so are names
// that lead inwards by their form (private_by_form()). Its arguments outlive it.
class TunnelWay final : public Way {
 public:
  struct Giver {
    TunnelGiver kind = TunnelGiver::Parent;
    std::string name;           // HOST:PORT, for messages
    std::string authorization;  // of Proxy-Authorization; empty: none
  };
  // `hop` leads to the giver. `guard` null: the giver has one of its own (Scanner).
  TunnelWay(TimerWheel& wheel, Way& hop, Giver giver, const AddressGuard* guard,
            TunnelWayLimits limits = {})
      : wheel_(wheel), hop_(hop), giver_(std::move(giver)), guard_(guard), limits_(limits) {}

  // Besides Way's: ConnectFailed with the reasons parent_auth (407), parent_refused (another
  // status), parent_unreachable, parent_broken (no HTTP); UpstreamTimeout parent_timeout;
  // UpstreamDenied, ConnectFailed origin_unreachable, ScannerUnavailable of the scanner's.
  awaitable<Result<asio::ip::tcp::socket>> open(const Destination& destination,
                                                std::uint64_t client) override;

 private:
  [[nodiscard]] Result<void> vet(const Destination& destination) const;
  [[nodiscard]] Failure unreachable(const Failure& why) const;
  [[nodiscard]] Failure broken(const std::string& what) const;
  [[nodiscard]] Failure refused(int status, const std::string& words,
                                const Destination& destination) const;

  TimerWheel& wheel_;
  Way& hop_;
  const Giver giver_;
  const AddressGuard* const guard_;
  const TunnelWayLimits limits_;
};

// True for names that lead inwards wherever they are resolved: one label, and those below
// localhost, local (RFC 6762), internal, home.arpa (RFC 8375).
[[nodiscard]] bool private_by_form(const Destination& destination);

}  // namespace bottle
