#include "proxy/ways_out.h"

#include <utility>

namespace bottle {

WaysOut::WaysOut(const Shared& shared, TimerWheel& wheel, Resolver& resolver)
    : direct_(wheel, resolver, shared.addresses, shared.config.dial) {
  const Config& config = shared.config;
  if (shared.parent != nullptr) {
    const ParentProxy& parent = *shared.parent;
    parent_hop_ = std::make_unique<FixedWay>(wheel, resolver, parent.place, config.dial);
    through_parent_ =
        std::make_unique<TunnelWay>(wheel, *parent_hop_,
                                    TunnelWay::Giver{.kind = TunnelGiver::Parent,
                                                     .name = parent.place.host_port(),
                                                     .authorization = parent.authorization},
                                    &shared.addresses);
    parent_ = std::make_unique<ParentWay>(direct_, *through_parent_, parent.without);
  }
  if (config.upstream != UpstreamKind::Pipelock) return;
  auto scanner = parse_host(config.pipelock_host, config.pipelock_port);
  if (config.pipelock_sockets_fd) {
    broker_ =
        std::make_unique<SocketBroker>(wheel, *config.pipelock_sockets_fd, config.dial.connect);
  }
  TunnelWay::Giver giver{
      .kind = TunnelGiver::Scanner, .name = scanner->host_port(), .authorization = {}};
  scanner_ =
      std::make_unique<FixedWay>(wheel, resolver, std::move(*scanner), config.dial, broker_.get());
  if (config.has_exit()) return;
  through_scanner_ = std::make_unique<TunnelWay>(wheel, *scanner_, std::move(giver), nullptr);
}

}  // namespace bottle
