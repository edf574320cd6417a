#include "proxy/base/deadline.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace bottle {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Notes when it was cancelled.
class Note final : public Cancellable {
 public:
  void cancel() noexcept override {
    at = Clock::now();
    if (then) then();
  }
  std::optional<Clock::time_point> at;
  std::function<void()> then;
};

struct TimerWheelTest : testing::Test {
  asio::io_context io;
  TimerWheel wheel{io.get_executor()};

  void run_until(Clock::time_point end) {
    io.restart();
    io.run_until(end);
  }
};

TEST_F(TimerWheelTest, FiresInTimeAndNeverEarly) {
  Note note;
  const auto begin = Clock::now();
  Deadline deadline(wheel, note, 100ms);
  run_until(begin + 5s);
  ASSERT_TRUE(note.at);
  EXPECT_GE(*note.at - begin, 100ms);
  EXPECT_LT(*note.at - begin, 2s);
  EXPECT_TRUE(deadline.fired());
  EXPECT_EQ(wheel.armed(), 0U);
}

// One that was armed anew stays in its old slot. When that slot comes up, the wheel sleeps until
// the next one that holds something, not until the one that was moved.
TEST_F(TimerWheelTest, OneThatMovesOnDoesNotHoldUpTheOthers) {
  Note moved;
  Note other;
  const auto begin = Clock::now();
  Deadline moving(wheel, moved, 60ms);
  Deadline waiting(wheel, other, 300ms);
  moving.arm(8s);
  run_until(begin + 4s);
  ASSERT_TRUE(other.at) << "still asleep for the one that moved on";
  EXPECT_GE(*other.at - begin, 300ms);
  EXPECT_FALSE(moved.at);
}

// The same for one that is more than a turn of the wheel (16 s) away.
TEST_F(TimerWheelTest, OneBeyondATurnDoesNotHoldUpTheOthers) {
  Note far;
  Note near;
  const auto begin = Clock::now();
  Deadline moving(wheel, far, 40ms);
  moving.arm(60s);
  Deadline waiting(wheel, near, 250ms);
  run_until(begin + 4s);
  ASSERT_TRUE(near.at);
  EXPECT_FALSE(far.at);
}

TEST_F(TimerWheelTest, ManyAtRandomAllFireNeverEarlyInOrderOfTime) {
  constexpr std::size_t kMany = 300;
  std::minstd_rand random(7);
  std::vector<Note> notes(kMany);
  std::vector<std::unique_ptr<Deadline>> deadlines;
  std::vector<Clock::time_point> due;
  for (std::size_t i = 0; i < kMany; ++i) {
    auto& deadline = deadlines.emplace_back(std::make_unique<Deadline>(wheel, notes[i]));
    // Armed twice: later, or sooner.
    deadline->arm(milliseconds(random() % 700));
    const milliseconds after(random() % 700);
    deadline->arm(after);
    due.push_back(Clock::now() + after);
  }
  run_until(Clock::now() + 3s);
  for (std::size_t i = 0; i < kMany; ++i) {
    ASSERT_TRUE(notes[i].at) << i;
    EXPECT_GE(*notes[i].at + 1ms, due[i]) << i;
    for (std::size_t j = 0; j < i; ++j) {
      if (due[j] + 100ms < due[i]) {
        EXPECT_LE(*notes[j].at, *notes[i].at) << j << " " << i;
      }
    }
  }
}

TEST_F(TimerWheelTest, AWaiterMayPutOffAnotherThatIsDueInTheSameTick) {
  Note first;
  Note second;
  Deadline one(wheel, first);
  Deadline two(wheel, second);
  // Whichever runs first puts the other off.
  first.then = [&] { two.arm(10s); };
  second.then = [&] { one.arm(10s); };
  const auto begin = Clock::now();
  one.arm(50ms);
  two.arm(50ms);
  run_until(begin + 2s);
  EXPECT_NE(first.at.has_value(), second.at.has_value());
}

TEST_F(TimerWheelTest, ADisarmedOneDoesNotFireAndMayBeArmedAgain) {
  Note note;
  Deadline deadline(wheel, note, 50ms);
  deadline.disarm();
  run_until(Clock::now() + 150ms);
  EXPECT_FALSE(note.at);
  deadline.arm(50ms);
  run_until(Clock::now() + 3s);
  EXPECT_TRUE(note.at);
}

TEST_F(TimerWheelTest, AWaiterMayDestroyAnotherThatIsDue) {
  Note first;
  Note second;
  auto one = std::make_unique<Deadline>(wheel, first);
  auto two = std::make_unique<Deadline>(wheel, second);
  first.then = [&] { two.reset(); };
  second.then = [&] { one.reset(); };
  one->arm(50ms);
  two->arm(50ms);
  run_until(Clock::now() + 2s);
  EXPECT_NE(first.at.has_value(), second.at.has_value());
  EXPECT_EQ(wheel.armed(), 0U);
}

}  // namespace
}  // namespace bottle
