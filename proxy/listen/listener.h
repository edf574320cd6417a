#pragma once

#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/contract/error.h"

namespace bottle {

// One listening socket, a descriptor of it for each worker: an idle one takes the next client.
struct Listeners {
  std::vector<int> descriptors;  // the caller closes them, or hands each to a worker
  std::string host;              // where they listen, for the ready line
  std::uint16_t port = 0;
};

// Binds and listens, or takes over the descriptor that was handed in (and closes the original). Not
// SO_REUSEPORT: its queues keep clients waiting behind one busy worker, and let another program of
// the same user take a share of the port. Fails with Internal, saying what is in the way.
[[nodiscard]] Expected<Listeners> open_listeners(const Listen& listen, unsigned workers);

// A bound UDP socket for DNS questions.
struct NameSocket {
  int descriptor = -1;  // the caller closes it, or hands it on
  std::string host;     // for the ready line
  std::uint16_t port = 0;
};

// Binds, or takes over as above: a datagram socket that is bound and not connected.
[[nodiscard]] Expected<NameSocket> open_name_socket(const Listen& listen);

// How many client connections there may be, all workers together: the configured number, and never
// more than 40 % of the process's descriptors (each may need a second one upstream).
[[nodiscard]] std::size_t connection_budget(std::size_t configured);
// How many tunnels of the route splice there may be: the configured number, and never more than
// another 10 %.
[[nodiscard]] std::size_t tunnel_budget(std::size_t configured);
// How many connections to origins there may be, in use and idle, in each of `pools`: together no
// more than another 40 %.
[[nodiscard]] std::size_t origin_budget(std::size_t pools);

}  // namespace bottle
