#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

constexpr int kWentOn = 33;

TEST(SignalWatch, ASignalThatIsPendingAtItsEndDoesNotEndTheProcess) {
  EXPECT_EXIT(
      {
        {
          const SignalWatch signals;
          for (const int number : {SIGHUP, SIGTERM, SIGINT}) ::kill(::getpid(), number);
        }
        ::_exit(kWentOn);
      },
      testing::ExitedWithCode(kWentOn), "");
}

TEST(SignalWatch, OneThatComesLaterDoes) {
  EXPECT_EXIT(
      {
        {
          const SignalWatch signals;
        }
        ::kill(::getpid(), SIGHUP);
        ::_exit(kWentOn);
      },
      testing::KilledBySignal(SIGHUP), "");
}

TEST(SignalWatch, TheOuterOneKeepsSignalsOffAfterTheInnerOnesEnd) {
  EXPECT_EXIT(
      {
        SignalWatch outer;
        {
          const SignalWatch inner;
        }
        ::kill(::getpid(), SIGHUP);
        ::_exit(outer.next() == SIGHUP ? kWentOn : 1);
      },
      testing::ExitedWithCode(kWentOn), "");
}

}  // namespace
}  // namespace bottle::launcher
