#pragma once

#include <memory>
#include <vector>

#include "proxy/places.h"
#include "proxy/worker.h"

namespace bottle {

// The workers and the process's signals. SIGTERM and SIGINT drain: no new connections, what was
// begun may finish; the second one, or the end of the drain, stops. The exit goes last, when no
// worker has a client any more. Made and run by main.
class Server {
 public:
  Server(const Shared& shared, const Places& places);
  ~Server();

  // Until all workers have ended. False if something was still under way when it was stopped.
  [[nodiscard]] bool run();

 private:
  const Shared& shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bottle
