// Control groups in a directory that only looks like the kernel's: mkdir makes no files in it, so
// the code's own writes make them.
#include "launcher/backend/local/control_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "launcher/process/process.h"

namespace bottle::launcher::local {
namespace {

namespace fs = std::filesystem;

class ControlGroup : public testing::Test {
 protected:
  ControlGroup() {
    std::string pattern = testing::TempDir() + "groups-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~ControlGroup() override { fs::remove_all(root_); }

  void group(const std::string& path, const std::string& has, const std::string& hands_on) const {
    fs::create_directories(root_ / path);
    std::ofstream(root_ / path / "cgroup.controllers") << has << "\n";
    std::ofstream(root_ / path / "cgroup.subtree_control") << hands_on << "\n";
    std::ofstream(root_ / path / "cgroup.procs");
  }
  std::string content(const std::string& path) const {
    std::ifstream in(root_ / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void proc(const std::string& cgroup, const std::string& mountinfo) const {
    fs::create_directories(root_ / "proc/self");
    std::ofstream(root_ / "proc/self/cgroup") << cgroup;
    std::ofstream(root_ / "proc/self/mountinfo") << mountinfo;
  }

  fs::path root_;
  ResourceLimits all_{.memory = 1U << 30U, .cpus = 150, .pids = 100};
};

TEST_F(ControlGroup, TheTreeIsFoundWhereItIsMounted) {
  const std::string mounts =
      "24 1 0:22 / /proc rw - proc proc rw\n"
      "31 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
  proc("0::/user.slice/user-1000.slice/session-1.scope\n", mounts);
  const auto tree = group_tree(root_ / "proc");
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->mount, "/sys/fs/cgroup");
  EXPECT_EQ(tree->own, "/user.slice/user-1000.slice/session-1.scope");
  // Its place is outside of what this namespace sees, it is another version, or it is absent.
  proc("0::/../other\n", mounts);
  EXPECT_FALSE(group_tree(root_ / "proc"));
  proc("4:memory:/x\n", mounts);
  EXPECT_FALSE(group_tree(root_ / "proc"));
  proc("0::/x\n", "24 1 0:22 / /proc rw - proc proc rw\n");
  EXPECT_FALSE(group_tree(root_ / "proc"));
  proc("0::/x\n", "31 24 0:27 /part /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  EXPECT_FALSE(group_tree(root_ / "proc"));
}

TEST_F(ControlGroup, TheOneThatKeepsToMoreIsTaken) {
  group("parent", "cpu memory pids", "memory pids");
  group("parent/own", "memory pids", "");
  const auto beside = find_group_place({root_, "/parent/own"}, all_);
  ASSERT_TRUE(beside);
  EXPECT_EQ(beside->parent, root_ / "parent");
  EXPECT_EQ(words_of(beside->kept), "1 GiB of memory, 100 processes");
  group("parent/own", "cpu memory pids", "cpu memory pids");
  const auto below = find_group_place({root_, "/parent/own"}, all_);
  ASSERT_TRUE(below);
  EXPECT_EQ(below->parent, root_ / "parent/own");
  EXPECT_EQ(words_of(below->kept), words_of(all_));
  // A delegated one is asked to hand on what it has.
  group("delegated", "pids", "");
  EXPECT_FALSE(find_group_place({root_ / "delegated", "/"}, all_));
  EXPECT_EQ(content("delegated/cgroup.subtree_control").substr(0, 5), "+pids");
}

TEST_F(ControlGroup, WithoutControllersOrRightsThereIsNone) {
  group("parent/own", "", "");
  group("parent", "", "");
  EXPECT_FALSE(find_group_place({root_, "/parent/own"}, all_));
  EXPECT_FALSE(find_group_place({root_, "/absent"}, all_));
  group("parent", "cpu memory pids", "cpu memory pids");
  EXPECT_FALSE(find_group_place({root_, "/parent/own"}, ResourceLimits{}));
}

TEST_F(ControlGroup, ItsFilesHaveTheLimitsAndTheProcess) {
  fs::create_directories(root_ / "parent");
  const auto made = root_ / "parent/bottle-1";
  ASSERT_TRUE(make_group(made, all_, 1234));
  EXPECT_EQ(content("parent/bottle-1/memory.max"), "1073741824");
  EXPECT_EQ(content("parent/bottle-1/cpu.max"), "150000 100000");
  EXPECT_EQ(content("parent/bottle-1/pids.max"), "100");
  EXPECT_EQ(content("parent/bottle-1/cgroup.procs"), "1234");
  // One that is there is another bottle's.
  EXPECT_FALSE(make_group(made, all_, 1235));
  EXPECT_EQ(content("parent/bottle-1/cgroup.procs"), "1234");
  for (const auto& entry : fs::directory_iterator(made)) fs::remove(entry.path());
  EXPECT_TRUE(remove_group(made));
  EXPECT_FALSE(fs::exists(made));
  EXPECT_TRUE(remove_group(made));
}

// The kernel's own, where this user may make one: without limits, since its controllers may be
// another version's.
TEST(KernelsGroup, IsRemovedWithTheProcessesInIt) {
  const auto tree = group_tree();
  if (!tree) GTEST_SKIP() << "no cgroup v2 here";
  const auto group =
      tree->mount / tree->own.relative_path() / ("bottle-test-" + std::to_string(::getpid()));
  auto child = fork_child([] {
    for (;;) ::pause();
    return 0;
  });
  ASSERT_TRUE(child);
  if (!make_group(group, {}, child->pid())) GTEST_SKIP() << "no group can be made in " << group;
  std::ifstream in("/proc/" + std::to_string(child->pid()) + "/cgroup");
  const std::string groups{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(groups, testing::HasSubstr(group.filename().string()));
  EXPECT_TRUE(remove_group(group));
  EXPECT_FALSE(fs::exists(group));
  ASSERT_TRUE(child->wait(std::chrono::seconds(5)));
  EXPECT_EQ(child->exit_status(), 128 + SIGKILL);
}

}  // namespace
}  // namespace bottle::launcher::local
