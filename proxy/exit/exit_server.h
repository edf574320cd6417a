#pragma once

#include <memory>
#include <vector>

#include "proxy/base/awaitable.h"
#include "proxy/exit/exit_services.h"

namespace bottle {

// The scanner-facing half: takes connections on its listeners (TLS with the bottle's leaves, or
// plain h1, told apart by the first byte), lets out the requests whose ticket, head and body are
// those of a live exchange, over `origins`, and tells the ledger what really came back. Every
// refusal leaves an audit line with by "exit". Lives on one worker's loop.
class ExitServer {
 public:
  // Takes over the listening sockets (descriptors).
  ExitServer(ExitServices services, std::vector<int> listeners);
  ExitServer(const ExitServer&) = delete;
  ExitServer& operator=(const ExitServer&) = delete;
  ~ExitServer();

  // Until stop(); returns when no connection and no exchange is left. Spawned once by the worker.
  awaitable<void> run();
  // No more connections; ends those that are there. From the loop's thread. The worker calls it
  // when every front has ended.
  void stop() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bottle
