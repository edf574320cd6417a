#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <utility>
#include <vector>

#include "proxy/snapshot.h"

namespace bottle {

// Holds the snapshot that is in force, and hands a new one to every worker. On main's thread, on
// whose loop the workers' acknowledgements arrive.
class SnapshotStore {
 public:
  // Hands it to one worker, which calls `taken`, on any thread, once it holds there (true), or
  // cannot (false: out of memory).
  using Worker = std::function<void(Snapshot, std::function<void(bool)> taken)>;
  SnapshotStore(boost::asio::io_context& io, Snapshot first, std::vector<Worker> workers)
      : io_(io), now_(std::move(first)), workers_(std::move(workers)) {}
  SnapshotStore(const SnapshotStore&) = delete;
  SnapshotStore& operator=(const SnapshotStore&) = delete;

  [[nodiscard]] const Snapshot& now() const noexcept { return now_; }
  // `done` is called on the loop when all workers have answered: true if it holds in each. Not
  // called any more once a worker has ended. Changes reach every worker in their order.
  void change(Snapshot next, std::function<void(bool)> done);

 private:
  boost::asio::io_context& io_;
  Snapshot now_;
  const std::vector<Worker> workers_;
};

}  // namespace bottle
