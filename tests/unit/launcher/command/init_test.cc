#include "launcher/command/init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

class InitFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "init-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / ".cargo");
  }
  void TearDown() override { fs::remove_all(root_); }

  // No other client is in its PATH.
  std::vector<InitFacts::Registry> registries() const {
    Surroundings around{
        .directory = root_, .home = root_, .env = {{"PATH", (root_ / "bin").string()}}};
    std::ostringstream out;
    const Context context{.around = around, .backends = {}, .out = out, .err = out};
    return ask_clients({}, context).registries;
  }

  fs::path root_;
};

TEST_F(InitFiles, RegistryOfCargoIsFound) {
  std::ofstream(root_ / ".cargo/config.toml") << "index = \"sparse+https://crates.test/index/\"\n";
  const auto found = registries();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].client, "cargo");
  EXPECT_THAT(found[0].hosts, testing::ElementsAre("crates.test"));
}

TEST_F(InitFiles, PipeInPlaceOfAConfigurationIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((root_ / ".cargo/config.toml").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", root_ / ".cargo/config");
  EXPECT_THAT(registries(), testing::IsEmpty());
}

}  // namespace
}  // namespace bottle::launcher
