#include "launcher/lifetime/known_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "launcher/lifetime/manifest_guard.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

class KnownManifest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "known-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(state());
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path state() const { return root_ / "state/id"; }
  fs::path file() const { return root_ / "bottle.json"; }
  Plan plan() const {
    Plan out;
    out.id = "id";
    out.manifest = file();
    out.workspace = root_;
    out.directory = root_;
    out.state_base = root_ / "state";
    return out;
  }

  fs::path root_;
};

TEST_F(KnownManifest, IsTheTextOfTheStart) {
  std::ofstream(file()) << "{}";
  EXPECT_EQ(known_manifest(state()), std::nullopt);
  copy_manifest(state(), file());
  EXPECT_EQ(known_manifest(state()), "{}");
}

TEST_F(KnownManifest, PipeIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  copy_manifest(state(), file());
  EXPECT_EQ(known_manifest(state()), std::nullopt);
}

TEST_F(KnownManifest, PipeInPlaceOfAManifestIsAChange) {
  std::ofstream(file()) << "{}";
  const ManifestGuard guard(plan());
  EXPECT_THAT(guard.changed(), testing::IsEmpty());
  fs::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  EXPECT_THAT(guard.changed(), testing::ElementsAre(file()));
}

}  // namespace
}  // namespace bottle::launcher
