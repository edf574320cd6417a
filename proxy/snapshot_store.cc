#include "proxy/snapshot_store.h"

#include <boost/asio/post.hpp>
#include <cstddef>
#include <memory>

namespace bottle {

void SnapshotStore::change(Snapshot next, std::function<void(bool)> done) {
  struct Wait {
    std::size_t left;
    bool all = true;
    std::function<void(bool)> done;
  };
  now_ = std::move(next);
  const auto wait = std::make_shared<Wait>(Wait{.left = workers_.size(), .done = std::move(done)});
  for (const Worker& worker : workers_) {
    worker(now_, [&io = io_, wait](bool taken) {
      boost::asio::post(io, [wait, taken] {
        wait->all = wait->all && taken;
        if (--wait->left == 0) wait->done(wait->all);
      });
    });
  }
}

}  // namespace bottle
