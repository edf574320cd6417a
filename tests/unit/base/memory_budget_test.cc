#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <list>
#include <thread>
#include <vector>

#include "proxy/base/memory_account.h"

namespace bottle {
namespace {

constexpr std::size_t kLimit = 1000;

struct Ending final : Cancellable {
  void cancel() noexcept override { ++told; }
  int told = 0;
};

class MemoryBudgets : public ::testing::Test {
 protected:
  struct Connection {
    Connection(MemoryBudget& budget, Executor executor, std::size_t bytes)
        : account(MemoryAccount::open(budget, std::move(executor))),
          ended_by(account.get(), ending),
          hold(account, bytes) {}
    std::shared_ptr<MemoryAccount> account;
    Ending ending;
    MemoryAccount::EndedBy ended_by;
    MemoryHold hold;
  };

  Connection& open(std::size_t bytes) {
    return connections.emplace_back(budget, io.get_executor(), bytes);
  }
  void run() {
    io.restart();
    io.poll();
  }

  boost::asio::io_context io;
  MemoryBudget budget{kLimit};
  std::list<Connection> connections;
};

TEST_F(MemoryBudgets, HoldsAddUpAndGoBack) {
  Connection& one = open(300);
  Connection& other = open(100);
  EXPECT_EQ(budget.taken(), 400U);
  one.hold.set(50);
  other.hold.add(7);
  EXPECT_EQ(one.account->held(), 50U);
  EXPECT_EQ(budget.taken(), 157U);
  MemoryHold moved = std::move(other.hold);
  EXPECT_EQ(other.hold.bytes(), 0U);
  moved = MemoryHold(one.account, 20);
  EXPECT_EQ(other.account->held(), 0U);
  EXPECT_EQ(one.account->held(), 70U);
  moved = MemoryHold();
  connections.clear();
  EXPECT_EQ(budget.taken(), 0U);
}

TEST_F(MemoryBudgets, NewWorkIsRefusedFromFourFifthsOn) {
  Connection& one = open(799);
  EXPECT_FALSE(budget.refuses());
  EXPECT_TRUE(one.account->has_room(1));
  one.hold.set(800);
  EXPECT_TRUE(budget.refuses());
  EXPECT_FALSE(one.account->has_room(1));
  run();
  EXPECT_EQ(one.ending.told, 0);
}

TEST_F(MemoryBudgets, TheLargestConnectionIsEndedLater) {
  Connection& small = open(100);
  Connection& large = open(500);
  Connection& middle = open(349);
  run();
  EXPECT_EQ(large.ending.told, 0);
  small.hold.add(1);
  EXPECT_EQ(large.ending.told, 0) << "who takes may be anywhere";
  run();
  EXPECT_EQ(large.ending.told, 1);
  EXPECT_EQ(small.ending.told + middle.ending.told, 0);
}

TEST_F(MemoryBudgets, ItWaitsForTheEndOfOneBeforeItEndsAnother) {
  open(300);
  Connection& large = open(649);
  Connection& small = open(1);
  small.hold.add(100);
  run();
  EXPECT_EQ(large.ending.told, 1);
  EXPECT_EQ(connections.front().ending.told, 0);
  // More than what it gives back: the next one.
  small.hold.set(649 + 300);
  run();
  EXPECT_EQ(large.ending.told, 1);
  EXPECT_EQ(small.ending.told, 1) << "it is the largest now";
}

TEST_F(MemoryBudgets, AConnectionThatHasEndedCannotBeEnded) {
  Connection& large = open(700);
  open(100);
  auto kept = large.account;
  const MemoryHold outlives(kept, 50);
  connections.pop_front();
  EXPECT_EQ(budget.taken(), 150U);
  connections.back().hold.set(900);
  run();
  EXPECT_EQ(connections.back().ending.told, 1);
}

TEST_F(MemoryBudgets, TheOneToldLastIsCancelled) {
  Connection& one = open(0);
  Ending session;
  {
    const MemoryAccount::EndedBy ended_by(one.account.get(), session);
    one.hold.set(950);
    run();
    EXPECT_EQ(session.told, 1);
  }
  EXPECT_EQ(one.ending.told, 0);
}

TEST_F(MemoryBudgets, ItIsToldOnceASecond) {
  int lines = 0;
  budget.tell([&lines](std::size_t held, std::size_t taken) {
    ++lines;
    EXPECT_EQ(held, 600U);
    EXPECT_EQ(taken, 1200U);
  });
  open(600);
  open(600);
  EXPECT_EQ(lines, 1);
  open(600);
  EXPECT_EQ(lines, 1);
}

TEST_F(MemoryBudgets, SharedAmountsTakeNoneOfTheLastTwentieth) {
  EXPECT_TRUE(budget.take_if_left(949));
  EXPECT_FALSE(budget.take_if_left(1));
  EXPECT_EQ(budget.taken(), 949U);
  budget.give_back(949);
}

TEST_F(MemoryBudgets, OnlyWhatGrowsIsBoundedForAConnection) {
  MemoryBudget large(1024 * MemoryBudget::kOfConnection);
  const auto account = MemoryAccount::open(large, io.get_executor());
  const MemoryHold fixed(account, 2 * MemoryBudget::kOfConnection, MemoryHold::Kind::Fixed);
  MemoryHold grows(account, MemoryBudget::kOfConnection);
  EXPECT_FALSE(account->full());
  EXPECT_FALSE(grows.has_room(1));
  grows.add(1);
  EXPECT_TRUE(account->full());
  grows.set(MemoryBudget::kOfConnection - 1);
  EXPECT_TRUE(grows.has_room(1));
}

TEST_F(MemoryBudgets, WithoutAnAccountNothingIsCounted) {
  MemoryHold none;
  none.add(10);
  EXPECT_TRUE(none.has_room(1 << 30));
  EXPECT_EQ(budget.taken(), 0U);
}

TEST_F(MemoryBudgets, ThreadsTakeAndGiveBack) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      const auto account = MemoryAccount::open(budget, io.get_executor());
      MemoryHold hold(account);
      for (std::size_t k = 0; k < 20'000; ++k) hold.set(k % 700);
    });
  }
  for (std::thread& thread : threads) thread.join();
  run();
  EXPECT_EQ(budget.taken(), 0U);
}

}  // namespace
}  // namespace bottle
