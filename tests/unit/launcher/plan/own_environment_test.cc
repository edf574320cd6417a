#include "launcher/plan/own_environment.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace bottle::launcher {
namespace {

std::string environment_block() {
  std::ifstream in("/proc/self/environ");
  return {std::istreambuf_iterator<char>(in), {}};
}

// HOME is in the block that the kernel made; a variable that was set later is elsewhere.
TEST(OwnEnvironment, AWipedVariableIsNotInTheKernelsBlock) {
  const char* const home = std::getenv("HOME");
  if (home == nullptr) GTEST_SKIP() << "HOME is not set";
  const std::string pair = std::string("HOME=") + home;
  ASSERT_NE(environment_block().find(pair), std::string::npos);
  wipe_variable("HOME");
  EXPECT_EQ(environment_block().find(pair), std::string::npos);
  EXPECT_EQ(std::getenv("HOME"), nullptr);
  wipe_variable("HOME");
}

}  // namespace
}  // namespace bottle::launcher
