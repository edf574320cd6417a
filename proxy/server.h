#pragma once

#include <memory>
#include <vector>

#include "proxy/listener.h"
#include "proxy/worker.h"

namespace bottle {

// The workers and the process's signals. SIGTERM and SIGINT drain: no new connections, what was
// begun may finish; the second one, or the end of the drain, stops. Made and run by main.
class Server {
 public:
  Server(const Shared& shared, Listeners listeners);
  ~Server();

  // Until all workers have ended. False if something was still under way when it was stopped.
  [[nodiscard]] bool run();

 private:
  const Shared& shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bottle
