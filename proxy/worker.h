#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "proxy/guard/secret_scanner.h"
#include "proxy/shared.h"
#include "proxy/snapshot.h"

namespace bottle {

// The sockets of one worker (descriptors), which takes them over.
struct WorkerSockets {
  int front = -1;
  std::vector<int> tls;   // where clients find port 443 of every host
  std::vector<int> http;  // ... and port 80
  // One worker alone has these.
  std::vector<int> exit;
  std::optional<int> exit_names;
  std::optional<int> names;
};

// One thread with its own loop, timers, caches and pools. Nothing mutable is shared with another.
// Made and ended by Server.
class Worker {
 public:
  // `max_connections`: of all its sockets but the exit's together.
  Worker(const Shared& shared, const Snapshot& snapshot, unsigned index, WorkerSockets sockets,
         std::size_t max_connections);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Both are called on the worker's thread: `front_ended` when it has no client left and takes no
  // more, `ended` when its loop is over.
  void start(std::function<void()> front_ended, std::function<void()> ended);
  // All that begins from now on goes by `next`; `taken` is called on the worker's thread once that
  // holds, with false if memory was short: then it goes on with what it had. Any thread. A worker
  // that has ended calls nothing.
  void take(Snapshot next, std::function<void(bool)> taken);
  // No new connections or requests; what was begun may finish. An exit goes on. Any thread.
  void drain();
  // No worker has a client any more: an exit ends, too. Any thread; once.
  void fronts_have_ended();
  // FreeMemory::renew_thread_cache(), on its thread. Any thread.
  void renew_thread_cache();
  // Ends everything that is left. Any thread, any number of times.
  void stop();
  void join();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

}  // namespace bottle
