#pragma once

#include <memory>

#include "proxy/shared.h"
#include "proxy/upstream/dialer.h"
#include "proxy/upstream/parent_way.h"
#include "proxy/upstream/resolver.h"
#include "proxy/upstream/socket_broker.h"
#include "proxy/upstream/tunnel_way.h"

namespace bottle {

// Makes and owns every way that one worker has out of this process: no other place makes one. Its
// arguments outlive it. One thread.
class WaysOut {
 public:
  WaysOut(const Shared& shared, TimerWheel& wheel, Resolver& resolver);
  WaysOut(const WaysOut&) = delete;
  WaysOut& operator=(const WaysOut&) = delete;

  // To origins, for direct mode and for the exit: through the parent proxy, if there is one.
  [[nodiscard]] Way& to_origins() noexcept {
    if (parent_) return *parent_;
    return direct_;
  }
  // For what no scanner reads, the routes relay and splice: to_origins(); through pipelock's
  // CONNECT where pipelock speaks to origins itself, so that its host policy holds.
  [[nodiscard]] Way& unread() noexcept {
    if (through_scanner_) return *through_scanner_;
    return to_origins();
  }
  // To pipelock itself. Null in direct mode.
  [[nodiscard]] FixedWay* scanner() noexcept { return scanner_.get(); }

 private:
  DirectWay direct_;
  std::unique_ptr<FixedWay> parent_hop_;
  std::unique_ptr<TunnelWay> through_parent_;
  std::unique_ptr<ParentWay> parent_;  // null: there is none
  std::unique_ptr<SocketBroker> broker_;
  std::unique_ptr<FixedWay> scanner_;
  std::unique_ptr<TunnelWay> through_scanner_;
};

}  // namespace bottle
