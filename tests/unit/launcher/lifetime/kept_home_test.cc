#include "launcher/lifetime/kept_home.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "launcher/lifetime/runtime_dir.h"
#include "launcher/plan/home_folder.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Kind = PlannedMount::Kind;

class Homes : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "homes-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / "project");
    fs::create_directories(root_ / "state");
  }
  void TearDown() override { fs::remove_all(root_); }

  Plan plan_of(const std::string& id = "0a1b", const std::string& bottle = "default") const {
    BottleSpec spec{.name = bottle};
    spec.home = HomeKind::kKept;
    Plan plan;
    plan.id = id;
    plan.bottle = bottle;
    plan.workspace = fs::canonical(root_ / "project");
    plan.state_base = root_ / "state";
    EXPECT_TRUE(plan_home(spec, plan));
    return plan;
  }
  static void make(const fs::path& file) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "x";
  }

  fs::path root_;
};

TEST_F(Homes, AProjectHasOneAndBottlesOfOtherNamesHaveOthers) {
  const auto plan = plan_of();
  EXPECT_THAT(plan.home.filename().string(), testing::StartsWith("project-"));
  EXPECT_EQ(plan_of().home, plan.home);
  EXPECT_NE(plan_of("0a1b", "work").home, plan.home);
  auto moved = plan_of();
  moved.manifest = root_ / "elsewhere/bottle.json";
  EXPECT_EQ(home_key(moved).project.filename(), "elsewhere");
}

TEST_F(Homes, TheStateMustNotLieInTheWorkspace) {
  BottleSpec spec{};
  spec.home = HomeKind::kKept;
  Plan plan;
  plan.workspace = root_;
  plan.state_base = root_ / "state";
  const auto planned = plan_home(spec, plan);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error().message, HasSubstr("in the workspace"));
}

TEST_F(Homes, OneBottleAtATimeHasIt) {
  const auto plan = plan_of("aaaa");
  {
    const auto first = KeptHome::take(plan);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_TRUE(first->is_new());
    const auto second = KeptHome::take(plan_of("bbbb"));
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("bottle aaaa has"));
    const auto homes = known_homes(plan.state_base);
    ASSERT_EQ(homes.size(), 1U);
    EXPECT_EQ(homes[0].user, "aaaa");
    EXPECT_FALSE(remove_home(homes[0]));
    EXPECT_TRUE(KeptHome::take(plan_of("cccc", "work")));
  }
  const auto later = KeptHome::take(plan_of("bbbb"));
  ASSERT_TRUE(later);
  EXPECT_FALSE(later->is_new());
}

TEST_F(Homes, OnlyItsOwnerCanUseIt) {
  const auto plan = plan_of();
  ASSERT_TRUE(KeptHome::take(plan));
  struct stat info{};
  for (const auto& folder : {plan.home.parent_path(), plan.home, plan.home / kHomeName}) {
    ASSERT_EQ(::lstat(folder.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0700U);
  }
  fs::rename(plan.home, root_ / "moved");
  fs::create_directory_symlink(root_ / "moved", plan.home);
  EXPECT_FALSE(KeptHome::take(plan));
}

TEST_F(Homes, AnotherProjectsFolderIsRefused) {
  const auto plan = plan_of();
  ASSERT_TRUE(KeptHome::take(plan));
  auto other = plan;
  other.workspace = root_ / "other";
  const auto taken = KeptHome::take(other);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("is the home of"));
}

TEST_F(Homes, MountPointsAreMadeAndNoLinkIsFollowed) {
  auto plan = plan_of();
  make(root_ / "file");
  plan.mounts = {{Kind::kHome, "", "/home/agent"},
                 {Kind::kOwned, "nssdb", "/home/agent/.pki/nssdb"},
                 {Kind::kReadOnly, (root_ / "file").string(), "/home/agent/a/b"},
                 {Kind::kWritable, (root_ / "project").string(), "/home/agent/p"},
                 {Kind::kReadOnly, (root_ / "file").string(), "/home/agent/p/inside"}};
  ASSERT_TRUE(KeptHome::take(plan));
  const auto home = plan.home / kHomeName;
  EXPECT_TRUE(fs::is_directory(home / ".pki/nssdb"));
  EXPECT_TRUE(fs::is_regular_file(home / "a/b"));
  EXPECT_TRUE(fs::is_empty(home / "p"));

  fs::create_directory(root_ / "host");
  for (const char* name : {".pki", "a"}) {
    fs::remove_all(home / name);
    fs::create_directory_symlink(root_ / "host", home / name);
    const auto taken = KeptHome::take(plan);
    ASSERT_FALSE(taken);
    EXPECT_THAT(taken.error().message, HasSubstr((home / name).string() + " is a link"));
    fs::remove(home / name);
  }
  fs::create_symlink(root_ / "host/made", home / "a-link");
  plan.mounts.back().at = "/home/agent/a-link";
  EXPECT_FALSE(KeptHome::take(plan));
  EXPECT_TRUE(fs::is_empty(root_ / "host"));
}

TEST_F(Homes, RemovingFollowsNoLinkAndMindsNoMode) {
  const auto plan = plan_of();
  ASSERT_TRUE(KeptHome::take(plan));
  const auto home = plan.home / kHomeName;
  make(root_ / "host/kept");
  fs::create_directory_symlink(root_ / "host", home / "link");
  fs::create_symlink(root_ / "host/kept", home / "file-link");
  make(home / "cache/mod/file");
  ASSERT_EQ(::mkfifo((home / "cache/pipe").c_str(), 0600), 0);
  fs::create_directory_symlink(root_ / "host", home / "cache/mod/link");
  ::chmod((home / "cache/mod").c_str(), 0);
  ::chmod((home / "cache").c_str(), 0555);
  const auto homes = known_homes(plan.state_base);
  ASSERT_EQ(homes.size(), 1U);
  const auto removed = remove_home(homes[0]);
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_FALSE(fs::exists(plan.home));
  EXPECT_TRUE(fs::exists(root_ / "host/kept"));
  EXPECT_TRUE(known_homes(plan.state_base).empty());
}

TEST_F(Homes, NoDepthIsTooDeepToRemove) {
  const auto plan = plan_of();
  ASSERT_TRUE(KeptHome::take(plan));
  Fd at(::open((plan.home / kHomeName).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 1500; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), "deeper", 0700), 0);
    at = Fd(::openat(at.get(), "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  EXPECT_FALSE(size_of_tree(plan.home, std::chrono::seconds(5)).whole);
  const auto removed = remove_home(known_homes(plan.state_base).at(0));
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_FALSE(fs::exists(plan.home));
}

TEST_F(Homes, ALargeOneIsToldOfAtTheNextStart) {
  const auto plan = plan_of();
  {
    const auto home = KeptHome::take(plan);
    ASSERT_TRUE(home);
    const Fd file(::open((plan.home / kHomeName / "big").c_str(), O_WRONLY | O_CREAT, 0600));
    if (::fallocate(file.get(), 0, 0, static_cast<off_t>(kLargeHome)) != 0) {
      GTEST_SKIP() << "no room for a file of 2 GiB";
    }
    home->note_size();
    EXPECT_EQ(home->large(), "");
  }
  const auto next = KeptHome::take(plan);
  ASSERT_TRUE(next);
  EXPECT_THAT(next->large(), HasSubstr("2.0 GiB"));
}

TEST_F(Homes, PruningOldStatesLeavesHomesAlone) {
  const auto plan = plan_of();
  ASSERT_TRUE(KeptHome::take(plan));
  fs::last_write_time(plan.home.parent_path(), fs::file_time_type::min());
  for (std::size_t i = 0; i < kKeptStates + 2; ++i) {
    ASSERT_TRUE(make_state_dir(plan.state_base, "id" + std::to_string(i), plan.runtime_base));
  }
  EXPECT_TRUE(fs::exists(plan.home));
}

TEST(SizeWords, AreShort) {
  EXPECT_EQ(size_words({.bytes = 0}), "0 KiB");
  EXPECT_EQ(size_words({.bytes = 3ULL * 1024 * 1024 + 200'000}), "3.2 MiB");
  EXPECT_EQ(size_words({.bytes = 20'000'000'000, .whole = false}), "at least 19 GiB");
}

}  // namespace
}  // namespace bottle::launcher
