#include "proxy/keeper/restart_budget.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = RestartBudget::Clock::time_point;

TEST(RestartBudget, AnEndNowAndThenCostsNothing) {
  RestartBudget budget;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(budget.ended(Time() + i * seconds(7)), milliseconds(0)) << i;
  }
}

TEST(RestartBudget, TheThirdInAMomentWaits) {
  RestartBudget budget;
  EXPECT_EQ(budget.ended(Time()), milliseconds(0));
  EXPECT_EQ(budget.ended(Time() + seconds(4)), milliseconds(0));
  EXPECT_EQ(budget.ended(Time() + seconds(9)), milliseconds(1000));
  // The first one is ten seconds old.
  EXPECT_EQ(budget.ended(Time() + seconds(14)), milliseconds(0));
}

TEST(RestartBudget, TheTenthInAMinuteIsTheLast) {
  RestartBudget budget;
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(budget.ended(Time() + i * seconds(6))) << i;
  EXPECT_FALSE(budget.ended(Time() + seconds(59)));
}

}  // namespace
}  // namespace bottle
