#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "launcher/backend/backend.h"
#include "launcher/lifetime/host_ports.h"
#include "launcher/lifetime/registry.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Opens streams to ports of one bottle, from the bottle's own network.
class PortDialer {
 public:
  virtual ~PortDialer() = default;
  // A socket that does not block and may still be connecting. Empty: the port takes no connection.
  // `attempt` counts from 0 to attempts() - 1: ways that are tried one after the other.
  virtual Fd dial(std::uint16_t port, unsigned attempt) = 0;
  virtual unsigned attempts() const = 0;
  // Called after connections have ended.
  virtual void tidy() {}
};

// Connections that are carried at a time. Further ones wait in the kernel.
inline constexpr std::size_t kMaxForwarded = 64;

// A connection whose client has ended its side ends after so long without a byte: a server that
// never closes would hold it for ever.
inline constexpr std::chrono::milliseconds kLeftLimit{60'000};

// Carries connections until `ended` can be read (0), or a signal that ends programs comes, which is
// returned. `signals` may be null.
int forward_ports(std::vector<HostPort>& ports, PortDialer& dialer, int ended, SignalWatch* signals,
                  std::chrono::milliseconds left_limit = kLeftLimit);

// A child that does it for a bottle's launcher, and ends with that.
Expected<Child> start_forwarding(std::vector<HostPort>& ports, BottleControl& control,
                                 const BottleRecord& bottle);

}  // namespace bottle::launcher
