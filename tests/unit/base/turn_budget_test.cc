#include "proxy/base/turn_budget.h"

#include <gtest/gtest.h>

#include "proxy/base/task_group.h"
#include "tests/support/run.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;

TEST(TurnBudget, IsSpentByBytesFramesOrTime) {
  TurnBudget turn;
  EXPECT_FALSE(turn.spent());
  turn.spend_bytes(TurnBudget::kBytes - 1);
  EXPECT_FALSE(turn.spent());
  turn.spend_bytes(1);
  EXPECT_TRUE(turn.spent());
  turn.renew();
  EXPECT_FALSE(turn.spent());
  turn.spend_frames(TurnBudget::kFrames - 1);
  EXPECT_FALSE(turn.spent());
  turn.spend_frames(1);
  EXPECT_TRUE(turn.spent());
  turn.renew();
  turn.spend_time(199us);
  EXPECT_FALSE(turn.spent());
  turn.spend_time(1us);
  EXPECT_TRUE(turn.spent());
}

awaitable<void> worker(std::string& log, char name) {
  TurnBudget turn;
  for (int i = 0; i < 3; ++i) {
    log.push_back(name);
    turn.spend_bytes(TurnBudget::kBytes);
    if (turn.spent()) co_await turn.give_way();
  }
}

awaitable<void> both(std::string& log) {
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup tasks(executor);
  tasks.spawn(worker(log, 'a'));
  tasks.spawn(worker(log, 'b'));
  co_await tasks.join();
}

TEST(TurnBudget, GivingWayIsTakingTurns) {
  asio::io_context io{1};
  std::string log;
  test::run(io, both(log));
  EXPECT_EQ(log, "ababab");
}

}  // namespace
}  // namespace bottle
