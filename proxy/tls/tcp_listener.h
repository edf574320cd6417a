#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <optional>

#include "proxy/base/awaitable.h"

namespace bottle {

// A listening socket, as one worker has it. Owned by the server of its clients.
class TcpListener {
 public:
  // Takes over `descriptor`, which listens.
  TcpListener(const Executor& executor, int descriptor);

  // The next client. Nothing once the listener is closed or the task is cancelled. Without a
  // descriptor left for the client, it tries again in a moment.
  [[nodiscard]] awaitable<std::optional<asio::ip::tcp::socket>> accept();
  // Until a client waits to be accepted; another worker may take it first. False once the listener
  // is closed or the task is cancelled.
  [[nodiscard]] awaitable<bool> client_waits();
  // Ends an accept() or a client_waits() that waits.
  void close() noexcept;

 private:
  asio::ip::tcp::acceptor acceptor_;
};

}  // namespace bottle
