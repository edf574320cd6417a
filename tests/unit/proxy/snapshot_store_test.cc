#include "proxy/snapshot_store.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace bottle {
namespace {

Snapshot snapshot() {
  SecretSpec spec;
  spec.name = "TOKEN";
  spec.value = "k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5a";
  return Snapshot{
      .secrets = nullptr, .credentials = CredentialSet::make({spec}), .policy = nullptr};
}

// Workers that answer when the test says so.
struct Workers {
  std::vector<Snapshot> got;
  std::vector<std::function<void(bool)>> answers;
  SnapshotStore::Worker one() {
    return [this](Snapshot next, std::function<void(bool)> taken) {
      got.push_back(std::move(next));
      answers.push_back(std::move(taken));
    };
  }
};

TEST(SnapshotStore, DoneWhenEveryWorkerHasIt) {
  boost::asio::io_context io{1};
  Workers workers;
  SnapshotStore store(io, snapshot(), {workers.one(), workers.one(), workers.one()});
  const Snapshot next = snapshot();
  int done = 0;
  bool all = false;
  store.change(next, [&](bool every) {
    ++done;
    all = every;
  });
  EXPECT_EQ(store.now().credentials, next.credentials);
  ASSERT_EQ(workers.got.size(), 3U);
  for (const Snapshot& one : workers.got) EXPECT_EQ(one.credentials, next.credentials);
  workers.answers[2](true);
  workers.answers[0](true);
  io.poll();
  EXPECT_EQ(done, 0);
  workers.answers[1](true);
  EXPECT_EQ(done, 0);  // on the loop alone
  io.restart();
  io.poll();
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(all);
}

TEST(SnapshotStore, AWorkerWithoutMemoryIsTold) {
  boost::asio::io_context io{1};
  Workers workers;
  SnapshotStore store(io, snapshot(), {workers.one(), workers.one()});
  bool all = true;
  store.change(snapshot(), [&all](bool every) { all = every; });
  workers.answers[0](false);
  workers.answers[1](true);
  io.poll();
  EXPECT_FALSE(all);
}

// An exchange that has it keeps it; nothing else does.
TEST(SnapshotStore, AFormerSnapshotGoesWithItsLastUser) {
  boost::asio::io_context io{1};
  SnapshotStore store(io, snapshot(), {[](const Snapshot&, const auto& taken) { taken(true); }});
  std::weak_ptr<const CredentialSet> former = store.now().credentials;
  auto exchange = store.now().credentials;
  store.change(snapshot(), [](bool) {});
  io.poll();
  EXPECT_FALSE(former.expired());
  exchange.reset();
  EXPECT_TRUE(former.expired());
}

}  // namespace
}  // namespace bottle
