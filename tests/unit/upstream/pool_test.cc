#include "proxy/upstream/pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <vector>

#include "proxy/base/task_group.h"
#include "tests/support/memory_pipe.h"
#include "tests/support/run_until.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;

struct World {
  explicit World(PoolLimits limits) : wheel(io.get_executor()), pool(wheel, limits) {}
  ~World() { pool.close(); }

  std::unique_ptr<ByteStream> connection() {
    pipes.emplace_back(io.get_executor());
    return pipes.back().take_a();
  }
  ByteStream& peer(std::size_t index) { return pipes[index].b(); }

  asio::io_context io{1};
  TimerWheel wheel;
  std::deque<test::MemoryPipe> pipes;
  Pool pool;
};

awaitable<void> take(Pool& pool, std::string key, std::vector<Lease>& out,
                     std::vector<Failure>& failures) {
  auto lease = co_await pool.lease(std::move(key));
  if (lease) {
    out.push_back(std::move(*lease));
  } else {
    failures.push_back(lease.error());
  }
}

struct Taken {
  std::vector<Lease> leases;
  std::vector<Failure> failures;
};

Lease take_now(World& world, const std::string& key) {
  Taken taken;
  test::run_until_done(world.io, take(world.pool, key, taken.leases, taken.failures));
  EXPECT_EQ(taken.leases.size(), 1U);
  return std::move(taken.leases.at(0));
}

void park(World& world, const std::string& key) {
  Lease lease = take_now(world, key);
  if (!lease.connected()) lease.attach(world.connection());
  lease.give_back();
}

TEST(Pool, GivesTheConnectionUsedLastAndOnlyForItsKey) {
  World world{PoolLimits{}};
  Lease one = take_now(world, "a");
  Lease two = take_now(world, "a");
  EXPECT_FALSE(one.connected());
  one.attach(world.connection());
  two.attach(world.connection());
  ByteStream* const last = &two.stream();
  one.give_back();
  two.give_back();
  EXPECT_EQ(world.pool.idle(), 2U);
  EXPECT_EQ(world.pool.in_flight(), 0U);

  const Lease other = take_now(world, "b");
  EXPECT_FALSE(other.connected());
  Lease reused = take_now(world, "a");
  ASSERT_TRUE(reused.connected());
  EXPECT_TRUE(reused.reused());
  EXPECT_EQ(&reused.stream(), last);
}

awaitable<void> write(ByteStream& stream, std::string text) {
  const IoResult wrote = co_await stream.write_all(text);
  EXPECT_TRUE(wrote.ok());
}

TEST(Pool, DropsWhatBecameReadableBeforeOrWhileIdle) {
  World world{PoolLimits{}};
  park(world, "a");
  test::run_until_done(world.io, write(world.peer(0), "surplus"));
  EXPECT_FALSE(take_now(world, "a").connected());
  EXPECT_EQ(world.pool.idle(), 0U);

  Lease lease = take_now(world, "a");
  lease.attach(world.connection());
  world.peer(1).close();
  lease.give_back();
  EXPECT_EQ(world.pool.idle(), 0U);
}

TEST(Pool, ALeaseThatIsNotGivenBackClosesItsConnectionAndFreesItsSlot) {
  World world{PoolLimits{}};
  {
    Lease lease = take_now(world, "a");
    lease.attach(world.connection());
    EXPECT_EQ(world.pool.in_flight(), 1U);
  }
  EXPECT_EQ(world.pool.in_flight(), 0U);
  EXPECT_TRUE(world.peer(0).readable_now());  // it has seen the close
}

TEST(Pool, KeepsAtMostSoManyIdleConnections) {
  PoolLimits limits;
  limits.idle_per_key = 2;
  limits.idle_total = 3;
  World world{limits};
  std::vector<Lease> leases;
  for (const char* key : {"a", "a", "a", "b", "b"}) {
    leases.push_back(take_now(world, key));
    leases.back().attach(world.connection());
  }
  for (Lease& lease : leases) lease.give_back();
  EXPECT_EQ(world.pool.idle(), 3U);
  EXPECT_TRUE(world.peer(0).readable_now());  // one key's oldest
  EXPECT_TRUE(world.peer(1).readable_now());  // the oldest of all
  EXPECT_FALSE(world.peer(2).readable_now());
}

TEST(Pool, IdleConnectionsAreClosedAtTheirAge) {
  PoolLimits limits;
  limits.idle = 40ms;
  World world{limits};
  park(world, "a");
  EXPECT_EQ(world.pool.idle(), 1U);
  world.io.restart();
  world.io.run();  // until the sweep's timer is gone
  EXPECT_EQ(world.pool.idle(), 0U);
  EXPECT_TRUE(world.peer(0).readable_now());
}

TEST(Pool, TheOneWhoWaitsLongestGetsTheSlot) {
  PoolLimits limits = PoolLimits::for_scanner(1);
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  Taken first;
  Taken second;
  Lease lease = take_now(world, "a");
  tasks.spawn(take(world.pool, "a", first.leases, first.failures));
  tasks.spawn(take(world.pool, "a", second.leases, second.failures));
  world.io.restart();
  world.io.poll();
  EXPECT_EQ(world.pool.waiting(), 2U);
  lease = Lease();
  world.io.restart();
  world.io.poll();
  EXPECT_EQ(first.leases.size(), 1U);
  EXPECT_TRUE(second.leases.empty());
  EXPECT_EQ(world.pool.in_flight(), 1U);
  first.leases.clear();
  world.io.restart();
  world.io.poll();
  EXPECT_EQ(second.leases.size(), 1U);
}

TEST(Pool, WaitingIsBoundedInTimeAndNumber) {
  PoolLimits limits = PoolLimits::for_scanner(1);
  limits.queue = 1;
  limits.queue_wait = 30ms;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  const Lease lease = take_now(world, "a");
  Taken waits;
  Taken refused;
  tasks.spawn(take(world.pool, "a", waits.leases, waits.failures));
  tasks.spawn(take(world.pool, "a", refused.leases, refused.failures));
  world.io.restart();
  world.io.poll();
  ASSERT_EQ(refused.failures.size(), 1U);
  EXPECT_EQ(refused.failures[0].code, Code::Overloaded);
  EXPECT_EQ(refused.failures[0].reason, "queue_full");
  world.io.restart();
  world.io.run();
  ASSERT_EQ(waits.failures.size(), 1U);
  EXPECT_EQ(waits.failures[0].code, Code::Overloaded);
  EXPECT_EQ(waits.failures[0].reason, "queue_timeout");
  EXPECT_EQ(world.pool.waiting(), 0U);
}

awaitable<void> take_for(Pool& pool, std::uint64_t client, std::size_t bytes,
                         std::vector<std::uint64_t>& order, std::vector<Failure>& failures) {
  const Turn turn{{client, 0}, bytes};
  auto lease = co_await pool.lease("a", Pool::Want::AnyConnection, turn);
  if (lease) {
    order.push_back(client);
  } else {
    failures.push_back(lease.error());
  }
}

// Tasks that are spawned outside the loop begin here too.
void run_what_is_due(World& world) {
  world.io.restart();
  world.io.poll();
}

TEST(Pool, ClientsTakeTurnsWhereTheyWait) {
  World world{PoolLimits::for_scanner(1)};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Failure> failures;
  Lease lease = take_now(world, "a");
  for (const std::uint64_t client : {1U, 1U, 1U, 1U, 2U, 3U, 2U}) {
    tasks.spawn(take_for(world.pool, client, 0, order, failures));
  }
  run_what_is_due(world);
  lease = Lease();
  run_what_is_due(world);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 3, 1, 2, 1, 1}));
  EXPECT_TRUE(failures.empty());
}

TEST(Pool, ClientsTakeTurnsForThePlacesOfAllKeysToo) {
  PoolLimits limits;
  limits.in_flight = 1;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Failure> failures;
  Lease lease = take_now(world, "b");
  for (const std::uint64_t client : {1U, 1U, 1U, 2U}) {
    tasks.spawn(take_for(world.pool, client, 0, order, failures));
  }
  run_what_is_due(world);
  lease = Lease();
  run_what_is_due(world);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 1, 1}));
}

// Holds what it got until the vector goes.
awaitable<void> hold_for(Pool& pool, Party party, std::vector<std::uint64_t>& order,
                         std::vector<Lease>& held) {
  const Turn turn{party, 0};
  auto lease = co_await pool.lease("a", Pool::Want::AnyConnection, turn);
  if (!lease) co_return;
  order.push_back(party.client);
  held.push_back(std::move(*lease));
}

TEST(Pool, AGreedyClientAndAGreedyDestinationLeavePlaces) {
  PoolLimits limits;
  limits.in_flight = 30;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Lease> held;
  for (int i = 0; i < 40; ++i) tasks.spawn(hold_for(world.pool, {1, 0}, order, held));
  run_what_is_due(world);
  EXPECT_EQ(world.pool.in_flight(), 20U) << "one client";
  for (std::uint64_t client = 100; client < 140; ++client) {
    tasks.spawn(hold_for(world.pool, {client, 7}, order, held));
  }
  run_what_is_due(world);
  EXPECT_EQ(world.pool.in_flight(), 27U) << "many clients, one destination";
  EXPECT_EQ(world.pool.waiting(), 53U);
  tasks.spawn(hold_for(world.pool, {2, 8}, order, held));
  run_what_is_due(world);
  EXPECT_EQ(order.back(), 2U) << "one that holds nothing need not wait";
  EXPECT_EQ(world.pool.in_flight(), 28U);
  tasks.cancel();
  run_what_is_due(world);
  held.clear();
  run_what_is_due(world);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

TEST(Pool, WhatBecomesFreeGoesToThoseWhoMayHaveIt) {
  PoolLimits limits;
  limits.in_flight = 6;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Lease> held;
  std::vector<Lease> other;
  for (std::uint64_t id = 2; id < 5; ++id) {
    tasks.spawn(hold_for(world.pool, {id, id}, order, other));
  }
  for (int i = 0; i < 9; ++i) tasks.spawn(hold_for(world.pool, {1, 1}, order, held));
  run_what_is_due(world);
  EXPECT_EQ(other.size(), 3U);
  EXPECT_EQ(held.size(), 2U) << "twice the one that is left";
  other.clear();
  run_what_is_due(world);
  EXPECT_EQ(held.size(), 4U) << "of six: each that becomes free raises its share";
  tasks.cancel();
  run_what_is_due(world);
}

TEST(Pool, AClientOfABusyDestinationGetsItsTurn) {
  PoolLimits limits;
  limits.in_flight = 4;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Lease> held;
  for (int i = 0; i < 10; ++i) tasks.spawn(hold_for(world.pool, {1, 7}, order, held));
  run_what_is_due(world);
  EXPECT_EQ(held.size(), 3U);
  tasks.spawn(hold_for(world.pool, {2, 7}, order, held));
  run_what_is_due(world);
  EXPECT_EQ(held.size(), 3U) << "the destination has its share";
  for (int freed = 0; freed < 2; ++freed) {
    held.erase(held.begin());
    run_what_is_due(world);
  }
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 1, 1, 1, 2}));
  tasks.cancel();
  run_what_is_due(world);
}

TEST(Pool, OneDestinationMayHaveAllSlotsOfItsKey) {
  PoolLimits limits;
  limits.in_flight_per_key = 6;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Lease> held;
  for (std::uint64_t id = 1; id < 9; ++id) {
    tasks.spawn(hold_for(world.pool, {id, 7}, order, held));
  }
  run_what_is_due(world);
  EXPECT_EQ(held.size(), 6U);
  tasks.cancel();
  run_what_is_due(world);
}

// A scanner's pool: those who wait for their share must not hold what others need.
TEST(Pool, OneDestinationLeavesSlotsOfAKeyThatIsForMany) {
  PoolLimits limits;
  limits.in_flight_per_key = 12;
  limits.in_flight = 12;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Lease> held;
  for (std::uint64_t id = 1; id < 30; ++id) {
    tasks.spawn(hold_for(world.pool, {id, 7}, order, held));
  }
  run_what_is_due(world);
  EXPECT_EQ(held.size(), 8U) << "twice what is left";
  tasks.spawn(hold_for(world.pool, {100, 8}, order, held));
  run_what_is_due(world);
  EXPECT_EQ(order.back(), 100U) << "another destination need not wait";
  tasks.cancel();
  run_what_is_due(world);
}

TEST(Pool, DestinationsTakeTurnsHoweverManyClientsWaitForOne) {
  World world{PoolLimits::for_scanner(1)};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Lease> held;
  Lease lease = take_now(world, "a");
  for (std::uint64_t client = 100; client < 600; ++client) {
    tasks.spawn(hold_for(world.pool, {client, 7}, order, held));
  }
  tasks.spawn(hold_for(world.pool, {1, 8}, order, held));
  run_what_is_due(world);
  lease = Lease();
  run_what_is_due(world);
  held.clear();
  run_what_is_due(world);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{100, 1}));
  tasks.cancel();
  run_what_is_due(world);
}

TEST(Pool, ALongQueueOfThoseWhoHaveTheirShareOnlyDelays) {
  PoolLimits limits;
  limits.in_flight = 3;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Lease> held;
  for (int i = 0; i < 2; ++i) tasks.spawn(hold_for(world.pool, {1, 1}, order, held));
  std::vector<Lease> own;
  own.push_back(take_now(world, "b"));
  // Far more than are looked at for one slot, none of which may have one as long as those two last.
  for (std::uint64_t client = 100; client < 100 + 3 * FairQueue::kLooked; ++client) {
    tasks.spawn(hold_for(world.pool, {client, 1}, order, held));
  }
  tasks.spawn(hold_for(world.pool, {2, 2}, order, held));
  run_what_is_due(world);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 1}));
  own.clear();
  run_what_is_due(world);
  EXPECT_EQ(order.back(), 2U);
  tasks.cancel();
  run_what_is_due(world);
}

TEST(Pool, WhatWaitsIsBoundedInBytes) {
  PoolLimits limits = PoolLimits::for_scanner(1);
  limits.queue_bytes = 1000;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::uint64_t> order;
  std::vector<Failure> failures;
  Lease lease = take_now(world, "a");
  tasks.spawn(take_for(world.pool, 1, 600, order, failures));
  tasks.spawn(take_for(world.pool, 2, 401, order, failures));
  run_what_is_due(world);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].reason, "queue_full");
  tasks.spawn(take_for(world.pool, 3, 400, order, failures));
  run_what_is_due(world);
  EXPECT_EQ(world.pool.waiting(), 2U);
  lease = Lease();
  run_what_is_due(world);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 3}));
  lease = take_now(world, "a");
  tasks.spawn(take_for(world.pool, 2, 1000, order, failures));  // nothing waits any more
  run_what_is_due(world);
  EXPECT_EQ(world.pool.waiting(), 1U);
  lease = Lease();
  run_what_is_due(world);
  EXPECT_EQ(failures.size(), 1U);
}

struct SharedConnection final : Cancellable {
  void cancel() noexcept override { ++ended; }
  int ended = 0;
};

TEST(Pool, AParkedConnectionIsAnIdleOneAndGoesWhenOthersNeedItsPlace) {
  PoolLimits limits;
  limits.idle_total = 2;
  World world{limits};
  SharedConnection first;
  SharedConnection second;
  {
    const Parking one(world.pool, "a", first);
    const Parking two(world.pool, "b", second);
    EXPECT_EQ(world.pool.idle(), 2U);
    park(world, "c");
    EXPECT_EQ(first.ended, 1);
    EXPECT_EQ(second.ended, 0);
    EXPECT_EQ(world.pool.idle(), 2U);
  }
  EXPECT_EQ(world.pool.idle(), 1U);
}

TEST(Pool, AParkedConnectionEndsAtItsAgeAndIsNobodysLease) {
  PoolLimits limits;
  limits.idle = 40ms;
  World world{limits};
  SharedConnection shared;
  const Parking parking(world.pool, "a", shared);
  EXPECT_FALSE(take_now(world, "a").connected());
  world.io.restart();
  world.io.run();
  EXPECT_EQ(shared.ended, 1);
  EXPECT_EQ(world.pool.idle(), 0U);
}

TEST(PoolLimits, AreWithinTheDescriptors) {
  for (const std::size_t descriptors : {1U, 10U, 400U, 4096U}) {
    const PoolLimits limits = PoolLimits().within(descriptors);
    EXPECT_LE(limits.in_flight + limits.idle_total, descriptors);
    EXPECT_GE(limits.in_flight, 1U);
  }
  EXPECT_EQ(PoolLimits().within(4096).in_flight, PoolLimits().in_flight);
}

TEST(Pool, ACancelledWaiterTakesNoSlot) {
  World world{PoolLimits::for_scanner(1)};
  TaskGroup tasks(world.io.get_executor());
  Taken waits;
  Lease lease = take_now(world, "a");
  tasks.spawn(take(world.pool, "a", waits.leases, waits.failures));
  world.io.restart();
  world.io.poll();
  ASSERT_EQ(world.pool.waiting(), 1U);
  test::cancel_tasks(world.io, tasks);
  ASSERT_EQ(waits.failures.size(), 1U);
  EXPECT_EQ(waits.failures[0].code, Code::Cancelled);
  EXPECT_EQ(world.pool.waiting(), 0U);
  lease = Lease();
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

TEST(Pool, ASlotThatMeetsACancelIsNotLost) {
  for (const bool cancel_first : {true, false}) {
    World world{PoolLimits::for_scanner(1)};
    TaskGroup tasks(world.io.get_executor());
    Taken waits;
    Lease lease = take_now(world, "a");
    tasks.spawn(take(world.pool, "a", waits.leases, waits.failures));
    world.io.restart();
    world.io.poll();
    asio::post(world.io, [&] {
      if (cancel_first) tasks.cancel();
      lease = Lease();
      if (!cancel_first) tasks.cancel();
    });
    world.io.restart();
    world.io.poll();
    EXPECT_EQ(waits.leases.size() + waits.failures.size(), 1U);
    waits.leases.clear();
    EXPECT_EQ(world.pool.in_flight(), 0U);
    EXPECT_EQ(world.pool.waiting(), 0U);
  }
}

TEST(Pool, ASaturatedKeyDoesNotHoldUpOthers) {
  PoolLimits limits;
  limits.in_flight_per_key = 1;
  World world{limits};
  TaskGroup tasks(world.io.get_executor());
  Lease lease = take_now(world, "a");
  Taken waits;
  tasks.spawn(take(world.pool, "a", waits.leases, waits.failures));
  EXPECT_FALSE(take_now(world, "b").connected());
  lease = Lease();
  world.io.restart();
  world.io.poll();
  EXPECT_EQ(waits.leases.size(), 1U);
}

TEST(Pool, AfterCloseNothingIsKept) {
  World world{PoolLimits{}};
  park(world, "a");
  Lease lease = take_now(world, "b");
  lease.attach(world.connection());
  world.pool.close();
  EXPECT_EQ(world.pool.idle(), 0U);
  lease.give_back();
  EXPECT_EQ(world.pool.idle(), 0U);
}

}  // namespace
}  // namespace bottle
