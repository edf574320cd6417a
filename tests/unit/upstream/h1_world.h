#pragma once

#include <utility>

#include "proxy/upstream/h1_client.h"
#include "proxy/upstream/origin_upstream.h"
#include "tests/support/scripted_peer.h"

namespace bottle::test {

// h1_client against scripted origins, through OriginUpstream with plain http, its thinnest caller.
struct H1World : PipeWorld {
  explicit H1World(H1ClientLimits limits = {}, PoolLimits pool_limits = {})
      : PipeWorld(pool_limits), upstream(io.get_executor(), wheel, dialer, pool, limits) {}
  Outcome ask(Request request, Ask how = {}) {
    return PipeWorld::ask(upstream, std::move(request), std::move(how));
  }
  OriginUpstream upstream;
};

}  // namespace bottle::test
