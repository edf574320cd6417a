#pragma once

#include <string>

#include "proxy/base/deadline.h"
#include "proxy/upstream/name_lookup.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

// The names that this machine knows: /etc/hosts, then the name servers and the search list of
// /etc/resolv.conf, for A and AAAA, in the order of RFC 6724. Not what only a module of
// nsswitch.conf knows. Nothing blocks but the reading of these small files. A look-up has sockets
// of its own, so a name that is slow hinders no other, and what is cancelled is gone. One thread.
class SystemNames final : public NameLookup {
 public:
  // `servers`: "ADDR:PORT,…" instead of those of resolv.conf; for tests. Empty: those.
  explicit SystemNames(TimerWheel& wheel, ResolverLimits limits = {}, std::string servers = {});
  awaitable<LookupAnswer> look_up(std::string name) override;

 private:
  TimerWheel& wheel_;
  const ResolverLimits limits_;
  const std::string servers_;
};

}  // namespace bottle
