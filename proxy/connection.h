#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "proxy/config.h"
#include "proxy/flow/policy.h"
#include "proxy/flow/proxy_handler.h"
#include "proxy/http/session.h"
#include "proxy/tls/tls_acceptor.h"

namespace bottle {

// What every client connection of a worker needs; the worker owns all of it and outlives them.
struct ConnectionParts {
  Executor executor;
  const Config& config;
  const Policy& policy;
  TimerWheel& wheel;
  DrainSignal& drain;
  TlsAcceptor& acceptor;
  ProxyHandler& handler;
};

// One client connection from accept to close: the desk (CONNECT or absolute-form), the cloakroom
// (TLS with a leaf for the destination), then a session. Ends when the connection is over;
// cancelling the task ends it at once. Nothing is dialled here.
awaitable<void> serve_connection(asio::ip::tcp::socket socket, const ConnectionParts& parts);

}  // namespace bottle
