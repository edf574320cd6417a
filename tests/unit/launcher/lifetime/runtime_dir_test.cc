#include "launcher/lifetime/runtime_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(RuntimeDir, ABaseThatOthersCanUseIsRefused) {
  std::string pattern = testing::TempDir() + "base-XXXXXX";
  const fs::path base = ::mkdtemp(pattern.data());
  ::chmod(base.c_str(), 0777);
  const auto shared = RuntimeDir::create(base, "id");
  ASSERT_FALSE(shared);
  EXPECT_THAT(shared.error().message, HasSubstr("only you"));
  ::chmod(base.c_str(), 0700);
  fs::create_directory_symlink(base, base.string() + "-link");
  EXPECT_FALSE(RuntimeDir::create(base.string() + "-link", "id"));
  fs::remove(base.string() + "-link");
  fs::remove_all(base);
}

TEST(StateDir, OldOnesArePruned) {
  std::string pattern = testing::TempDir() + "state-XXXXXX";
  const fs::path base = ::mkdtemp(pattern.data());
  for (std::size_t i = 0; i < kKeptStates + 5; ++i) {
    ASSERT_TRUE(make_state_dir(base, "id" + std::to_string(i), base / "none"));
  }
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(base)) count += entry.is_directory() ? 1 : 0;
  EXPECT_EQ(count, kKeptStates);
  EXPECT_TRUE(fs::exists(base / ("id" + std::to_string(kKeptStates + 4))));
  fs::remove_all(base);
}

TEST(StateDir, ThatOfARunningBottleIsNeverPruned) {
  std::string pattern = testing::TempDir() + "state-XXXXXX";
  const fs::path base = ::mkdtemp(pattern.data());
  const fs::path runtime = base / "run";
  const fs::path state = base / "state";
  const auto running = RuntimeDir::create(runtime, "oldest");
  ASSERT_TRUE(running);
  ASSERT_TRUE(make_state_dir(state, "oldest", runtime));
  fs::last_write_time(state / "oldest", fs::file_time_type::min());
  ASSERT_TRUE(make_state_dir(state, "ended", runtime));
  fs::last_write_time(state / "ended", fs::file_time_type::min() + std::chrono::seconds(1));
  for (std::size_t i = 0; i < kKeptStates; ++i) {
    ASSERT_TRUE(make_state_dir(state, "id" + std::to_string(i), runtime));
  }
  EXPECT_TRUE(fs::exists(state / "oldest"));
  EXPECT_FALSE(fs::exists(state / "ended"));
  fs::remove_all(base);
}

}  // namespace
}  // namespace bottle::launcher
