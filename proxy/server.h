#pragma once

#include <memory>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/contract/error.h"
#include "proxy/guard/pending_secrets.h"
#include "proxy/listen/open_listeners.h"
#include "proxy/worker.h"

namespace bottle {

// The workers and the process's signals. SIGTERM and SIGINT drain: no new connections, what was
// begun may finish; the second one, or the end of the drain, stops. The exit goes last, when no
// worker has a client any more. Made and run by main.
class Server {
 public:
  // All outlive it.
  Server(const Shared& shared, PendingSecrets& secrets, const OpenListeners& listeners);
  ~Server();

  // Until all workers have ended. False if something was still under way when it was stopped. The
  // workers begin when `secrets` are there: until then connections wait where they are accepted.
  // Fails if they cannot be made.
  [[nodiscard]] Expected<bool> run();

 private:
  void make_workers(const SecretSet& secrets);

  const Shared& shared_;
  PendingSecrets& secrets_;
  const OpenListeners& listeners_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bottle
