#include "launcher/process/own_memory.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

TEST(OwnMemory, IsHiddenForAWhileAndNotInChildren) {
  ASSERT_EQ(::prctl(PR_GET_DUMPABLE), 1);
  {
    const HiddenMemory hidden;
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
    auto child = fork_child([] { return ::prctl(PR_GET_DUMPABLE); });
    ASSERT_TRUE(child);
    ASSERT_TRUE(child->wait(std::chrono::seconds(10)));
    EXPECT_EQ(child->exit_status(), 1);
  }
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 1);
}

}  // namespace
}  // namespace bottle::launcher
