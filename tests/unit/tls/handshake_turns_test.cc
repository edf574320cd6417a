#include "proxy/tls/handshake_turns.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <list>
#include <memory>
#include <vector>

#include "proxy/base/task_group.h"

namespace bottle {
namespace {

class Turns : public ::testing::Test {
 protected:
  awaitable<void> shake(int number) {
    HandshakeTurns::Turn turn(*turns);
    places.push_back(&turn);
    const bool mine = co_await turn.begin();
    if (mine) {
      order.push_back(number);
      turn.end();
    } else {
      left.push_back(number);
    }
  }
  void settle() {
    io.restart();
    while (io.poll() > 0) {
    }
  }

  asio::io_context io{1};
  std::unique_ptr<HandshakeTurns> turns = std::make_unique<HandshakeTurns>(io.get_executor());
  TaskGroup tasks{io.get_executor(), TaskGroup::Children::Independent};
  std::vector<HandshakeTurns::Turn*> places;
  std::vector<int> order;
  std::vector<int> left;
};

// [T59]
TEST_F(Turns, TheWorkerDoesSomethingElseBetweenTwo) {
  tasks.spawn(shake(1));
  tasks.spawn(shake(2));
  tasks.spawn(shake(3));
  io.restart();
  std::vector<std::size_t> computed;
  while (io.poll_one() > 0) computed.push_back(order.size());
  // In no turn of the loop did two of them compute.
  for (std::size_t i = 1; i < computed.size(); ++i) EXPECT_LE(computed[i], computed[i - 1] + 1);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_GE(computed.size(), 5U) << "a turn for each that was called, and one before each call";
}

TEST_F(Turns, OneThatLeavesTheLineHoldsUpNobody) {
  tasks.spawn(shake(1));
  tasks.spawn(shake(2));
  tasks.spawn(shake(3));
  io.restart();
  while (places.size() < 3 && io.poll_one() > 0) {
  }
  if (places.size() == 3) places[1]->leave();
  settle();
  EXPECT_EQ(left, std::vector<int>{2});
  EXPECT_EQ(order, (std::vector<int>{1, 3}));
  EXPECT_EQ(turns->waiting(), 0U);
  EXPECT_TRUE(tasks.empty());
}

TEST_F(Turns, CancelledTasksLeaveTheLine) {
  for (int i = 0; i < 20; ++i) tasks.spawn(shake(i));
  asio::post(io, [this] { tasks.cancel(); });
  settle();
  EXPECT_TRUE(tasks.empty());
  EXPECT_EQ(turns->waiting(), 0U);
  tasks.spawn(shake(100));
  settle();
  EXPECT_EQ(order.back(), 100) << "the turn was given back";
}

TEST_F(Turns, InALongLineTheNewestGoesFirst) {
  constexpr int kAll = static_cast<int>(HandshakeTurns::kMaxInOrder) + 11;
  for (int i = 0; i < kAll; ++i) tasks.spawn(shake(i));
  settle();
  ASSERT_EQ(order.size(), static_cast<std::size_t>(kAll));
  // The first began at once; ten too many were in line.
  EXPECT_EQ(order[1], kAll - 1);
  EXPECT_EQ(order[10], kAll - 10);
  EXPECT_EQ(order[11], 1) << "from here on in order";
  EXPECT_EQ(order.back(), kAll - 11);
}

TEST_F(Turns, MayGoWhileACallIsOnItsWay) {
  tasks.spawn(shake(1));
  io.restart();
  while (order.empty() && io.poll_one() > 0) {
  }
  turns.reset();
  settle();
  EXPECT_EQ(order, std::vector<int>{1});
}

}  // namespace
}  // namespace bottle
