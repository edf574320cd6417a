#include "proxy/base/task_group.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "proxy/base/deadline.h"
#include "proxy/base/run_loop.h"
#include "tests/support/run.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

awaitable<void> wait_and_log(Event& event, Log& log, std::string name) {
  const bool happened = co_await event.wait();
  log.push_back(name + (happened ? " set" : " cancelled"));
}

awaitable<void> sleep_and_log(Log& log, std::chrono::milliseconds time) {
  const bool slept = co_await sleep_for(time);
  log.emplace_back(slept ? "slept" : "sleep cancelled");
}

TEST(Event, RemembersASetBeforeTheWait) {
  asio::io_context io;
  Event event(io.get_executor());
  Log log;
  event.set();
  event.set();
  test::run(io, wait_and_log(event, log, "a"));
  EXPECT_EQ(log, (Log{"a set"}));
  EXPECT_FALSE(event.is_set());
}

TEST(Event, SetRunsTheWaiterAtOnceAndSetLaterDoesNot) {
  asio::io_context io;
  Event now(io.get_executor());
  Event later(io.get_executor());
  TaskGroup tasks(io.get_executor());
  Log log;
  tasks.spawn(wait_and_log(now, log, "now"));
  tasks.spawn(wait_and_log(later, log, "later"));
  io.poll();
  now.set();
  EXPECT_EQ(log, (Log{"now set"}));
  later.set_later();
  later.set_later();
  EXPECT_EQ(log.size(), 1U);
  io.restart();
  io.run();
  EXPECT_EQ(log, (Log{"now set", "later set"}));
  EXPECT_FALSE(later.is_set());
}

TEST(Event, ASetThatMeetsACancelledWaiterIsKept) {
  asio::io_context io;
  Event event(io.get_executor());
  TaskGroup tasks(io.get_executor());
  Log log;
  tasks.spawn(wait_and_log(event, log, "a"));
  io.poll();
  event.cancel();
  event.set();
  io.restart();
  io.run();
  EXPECT_EQ(log, (Log{"a cancelled"}));
  EXPECT_TRUE(event.is_set());
}

awaitable<void> cancel_all(TaskGroup& tasks) {
  tasks.cancel();
  co_await tasks.join();
}

TEST(TaskGroup, CancelEndsEveryKindOfWait) {
  asio::io_context io;
  Event event(io.get_executor());
  TaskGroup tasks(io.get_executor());
  Log log;
  tasks.spawn(wait_and_log(event, log, "a"));
  tasks.spawn(sleep_and_log(log, 1h));
  io.poll();
  EXPECT_EQ(tasks.size(), 2U);
  test::run(io, cancel_all(tasks));
  EXPECT_TRUE(tasks.empty());
  EXPECT_EQ(log.size(), 2U);
  for (const std::string& line : log) EXPECT_NE(line.find("cancelled"), std::string::npos);
}

awaitable<void> stubborn(Event& gate, Log& log) {
  const bool first = co_await gate.wait();
  log.emplace_back(first ? "set" : "cancelled");
  const bool second = co_await gate.wait();  // must not block: the task is cancelled
  log.emplace_back(second ? "set" : "cancelled again");
}

TEST(TaskGroup, ACancelledTaskCannotBlockAgain) {
  asio::io_context io;
  Event gate(io.get_executor());
  TaskGroup tasks(io.get_executor());
  Log log;
  tasks.spawn(stubborn(gate, log));
  io.poll();
  test::run(io, cancel_all(tasks));
  EXPECT_EQ(log, (Log{"cancelled", "cancelled again"}));
}

awaitable<void> owner(TaskGroup& children, Event& event, Log& log) {
  children.spawn(wait_and_log(event, log, "child"));
  co_await children.join();
  log.emplace_back("joined");
}

TEST(TaskGroup, CancelledOwnerCancelsItsChildrenAndStillJoins) {
  asio::io_context io;
  Event event(io.get_executor());
  TaskGroup inner(io.get_executor());
  TaskGroup outer(io.get_executor());
  Log log;
  outer.spawn(owner(inner, event, log));
  io.poll();
  test::run(io, cancel_all(outer));
  EXPECT_EQ(log, (Log{"child cancelled", "joined"}));
}

std::string crash;  // NOLINT: the hook is a plain function

awaitable<void> thrower() {
  co_await sleep_for(0ms);
  throw std::runtime_error("boom");
}

TEST(TaskGroup, AnExceptionIsReportedAndCancelsTheGroup) {
  asio::io_context io;
  Event event(io.get_executor());
  TaskGroup tasks(io.get_executor());
  Log log;
  TaskGroup::on_crash([](const char* what) { crash = what; });
  tasks.spawn(wait_and_log(event, log, "a"));
  tasks.spawn(thrower());
  io.run();
  TaskGroup::on_crash(nullptr);
  EXPECT_EQ(crash, "boom");
  EXPECT_EQ(log, (Log{"a cancelled"}));
  EXPECT_TRUE(tasks.empty());
}

// The owner may be about to start another part when the first one fails.
TEST(TaskGroup, StartsNoPartOfWhatHasFailed) {
  asio::io_context io;
  Event event(io.get_executor());
  TaskGroup tasks(io.get_executor());
  Log log;
  tasks.spawn(wait_and_log(event, log, "a"));
  tasks.spawn(thrower());
  io.run();
  EXPECT_THROW(tasks.spawn(wait_and_log(event, log, "b")), std::bad_alloc);
  test::run(io, tasks.join());
  tasks.spawn(wait_and_log(event, log, "c"));
  event.set();
  io.restart();
  io.run();
  EXPECT_EQ(log, (Log{"a cancelled", "c set"}));
}

class Probe final : public Cancellable {
 public:
  void cancel() noexcept override { at = Clock::now(); }
  Clock::time_point at{};
};

TEST(TaskGroup, AnExceptionEndsWhatItsOwnerWaitsFor) {
  asio::io_context io;
  TaskGroup tasks(io.get_executor(), TaskGroup::Children::Independent);
  Probe probe;
  tasks.ends_on_failure(probe);
  tasks.spawn(thrower());
  io.run();
  EXPECT_NE(probe.at, Clock::time_point{});
}

TEST(RunLoop, GoesOnAfterAHandlerThrew) {
  asio::io_context io;
  crash.clear();
  TaskGroup::on_crash([](const char* what) { crash += what; });
  int handled = 0;
  for (int i = 0; i < 3; ++i) {
    asio::post(io, [&handled] {
      ++handled;
      throw std::runtime_error("boom");
    });
  }
  run_loop(io);
  TaskGroup::on_crash(nullptr);
  EXPECT_EQ(handled, 3);
  EXPECT_EQ(crash, "left a handler: boom (1 since the last line)");  // one line a second
}

TEST(Deadline, FiresOnceAndNeverEarly) {
  asio::io_context io;
  TimerWheel wheel(io.get_executor());
  Probe probe;
  const auto start = Clock::now();
  Deadline deadline(wheel, probe, 40ms);
  io.run();
  EXPECT_TRUE(deadline.fired());
  EXPECT_GE(probe.at - start, 40ms);
  EXPECT_EQ(wheel.armed(), 0U);
}

TEST(Deadline, ArmingAgainMovesItBothWays) {
  asio::io_context io;
  TimerWheel wheel(io.get_executor());
  Probe probe;
  const auto start = Clock::now();
  Deadline deadline(wheel, probe, 1h);
  deadline.arm(20ms);
  deadline.arm(60ms);
  io.run();
  EXPECT_TRUE(deadline.fired());
  EXPECT_GE(probe.at - start, 60ms);
  EXPECT_LT(probe.at - start, 30s);
}

TEST(Deadline, DisarmedNeverFiresAndTheTimerSleeps) {
  asio::io_context io;
  TimerWheel wheel(io.get_executor());
  Probe probe;
  {
    Deadline deadline(wheel, probe, 30ms);
    deadline.disarm();
    io.run();
    EXPECT_FALSE(deadline.fired());
    deadline.arm(20ms);
  }
  io.restart();
  io.run();
  EXPECT_EQ(probe.at, Clock::time_point{});
}

TEST(Deadline, ManyAtOnceAllFire) {
  asio::io_context io;
  TimerWheel wheel(io.get_executor());
  Probe probe;
  std::vector<std::unique_ptr<Deadline>> deadlines;
  for (int i = 0; i < 500; ++i) {
    deadlines.push_back(
        std::make_unique<Deadline>(wheel, probe, std::chrono::milliseconds(1 + i % 97)));
  }
  io.run();
  for (const auto& d : deadlines) EXPECT_TRUE(d->fired());
}

}  // namespace
}  // namespace bottle
