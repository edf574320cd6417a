#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>

#include "proxy/base/idle_list.h"
#include "proxy/base/memory_account.h"
#include "proxy/config/config.h"
#include "proxy/desk/splice.h"
#include "proxy/flow/live_policy.h"
#include "proxy/flow/proxy_handler.h"
#include "proxy/http/session.h"
#include "proxy/tls/tls_acceptor.h"

namespace bottle {

// Everything that a worker's client connections need; the worker owns all of it and outlives them.
struct ConnectionServices {
  Executor executor;
  const Config& config;
  const LivePolicy& policy;
  TimerWheel& wheel;
  DrainSignal& drain;
  TlsAcceptor& acceptor;
  ProxyHandler& handler;
  Splicer& splicer;
  const Doorkeeper* doorkeeper;  // of ListenKind::Proxy; null: no authentication
  IdleList& idle;                // the connections that have nothing under way
  MemoryBudget& memory;
};

// The kind of server that a client thinks it connected to.
enum class ListenKind : std::uint8_t {
  Proxy,  // a proxy: CONNECT or absolute-form names the destination
  Tls,    // port 443 of their destination: the ClientHello names it
  Http,   // port 80 of their destination: each request's Host names it
};

// One client connection from accept to close: the desk (CONNECT or absolute-form; for clients that
// know of no proxy the name they give), the cloakroom (TLS with a leaf for the destination), then a
// session. Ends when the connection is over; cancelling the task ends it at once, and so
// may the list of idle ones while it has nothing under way. Nothing is dialled here.
awaitable<void> serve_connection(asio::ip::tcp::socket socket, ListenKind kind,
                                 const ConnectionServices& services);

}  // namespace bottle
