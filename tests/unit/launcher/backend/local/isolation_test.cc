// The parts of the isolation that can be tested without making a bottle.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "launcher/backend/local/added_file.h"
#include "launcher/backend/local/bwrap_arguments.h"
#include "launcher/backend/local/file_tree.h"
#include "launcher/plan/passwd_text.h"
#include "launcher/process/namespaces.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(Namespaces, TheForbiddingSettingIsNamed) {
  struct Case {
    const char* file;
    const char* value;
  };
  for (const Case& c : {Case{"kernel/unprivileged_userns_clone", "0"},
                        Case{"user/max_user_namespaces", "0"}, Case{"user/max_net_namespaces", "0"},
                        Case{"kernel/apparmor_restrict_unprivileged_userns", "1"}}) {
    std::string pattern = testing::TempDir() + "sysctl-XXXXXX";
    const fs::path root = ::mkdtemp(pattern.data());
    const auto file = root / "proc/sys" / c.file;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << c.value << "\n";
    const auto error = explain_namespaces(EPERM, root.string());
    EXPECT_EQ(error.code, ExitCode::kIsolation);
    EXPECT_THAT(error.message, HasSubstr(fs::path(c.file).filename().string()));
    EXPECT_THAT(error.hint, HasSubstr("sudo sysctl"));
    fs::remove_all(root);
  }
  EXPECT_THAT(explain_namespaces(EPERM, "/nonexistent").hint, HasSubstr("inside a container"));
}

TEST(FileTree, PasswdMovesTheUsersHome) {
  EXPECT_EQ(passwd_text("root:x:0:0:root:/root:/bin/bash\nme:x:7:7:Me:/home/me:/bin/zsh\n", 7, 9),
            "me:x:7:9::/home/agent:/bin/bash\nroot:x:0:0:root:/root:/bin/bash\n");
  EXPECT_EQ(passwd_text("", 7, 9), "agent:x:7:9::/home/agent:/bin/sh\n");
  EXPECT_THAT(passwd_text("me:x:7:7:Me:/home/me:/usr/bin/zsh\n", 7, 9),
              HasSubstr("agent:/bin/sh\n"));
}

// A file of the folder that is hidden stays so.
TEST(FileTree, AFileIsAddedToAFolder) {
  using Kind = PlannedMount::Kind;
  std::string pattern = testing::TempDir() + "added-XXXXXX";
  const fs::path root = ::mkdtemp(pattern.data());
  fs::create_directory(root / "sub");
  for (const char* name : {"ours.sh", "secret", "sub/secret"}) std::ofstream(root / name) << "text";
  std::vector<PlannedMount> out{{Kind::kHidden, "file", (root / "secret").string()},
                                {Kind::kHidden, "file", (root / "sub/secret").string()}};
  local::add_file_to(root, "ours.sh", "trust/ours", out);
  std::map<std::string, Kind> last;  // the one that is seen
  for (const auto& mount : out) last[fs::path(mount.at).lexically_relative(root)] = mount.kind;
  EXPECT_THAT(last, testing::UnorderedElementsAre(testing::Pair(".", Kind::kPrivate),
                                                  testing::Pair("sub", Kind::kReadOnly),
                                                  testing::Pair("secret", Kind::kHidden),
                                                  testing::Pair("sub/secret", Kind::kHidden),
                                                  testing::Pair("ours.sh", Kind::kGenerated)));
  fs::remove_all(root);
}

TEST(FileTree, PathsInTheBottleAreFoundOnTheHost) {
  using Kind = PlannedMount::Kind;
  const std::vector<PlannedMount> mounts{{Kind::kReadOnly, "/usr", "/usr"},
                                         {Kind::kSymlink, "usr/bin", "/bin"},
                                         {Kind::kPrivate, "", "/home"},
                                         {Kind::kWritable, "/srv/work", "/home/me/work"}};
  EXPECT_EQ(local::seen_on_host(mounts, "/bin/sh"), "/usr/bin/sh");
  EXPECT_EQ(local::seen_on_host(mounts, "/home/me/work/a/b"), "/srv/work/a/b");
  EXPECT_EQ(local::seen_on_host(mounts, "/home/me/worker"), "");
  EXPECT_EQ(local::seen_on_host(mounts, "/root/x"), "");
}

// Later mounts cover earlier ones, so the order is part of the isolation.
TEST(BwrapArguments, SecretsAreValuesAndTheRootIsSealedLast) {
  Plan plan;
  plan.workspace = "/project";
  plan.directory = plan.workspace / "below";
  plan.mounts = {{PlannedMount::Kind::kReadOnly, "/usr", "/usr"},
                 {PlannedMount::Kind::kHidden, "file", "/etc/shadow"},
                 {PlannedMount::Kind::kGenerated, "hosts", "/etc/hosts"}};
  plan.environment["TOKEN"] = Secret("value");
  const auto args = local::bwrap_arguments(plan, {.runtime = "/run/x", .status_fd = 3});
  EXPECT_THAT(args, testing::IsSupersetOf({"--unshare-user", "--unshare-pid", "--die-with-parent",
                                           "--new-session", "--clearenv"}));
  const auto at = [&args](std::initializer_list<std::string> words) {
    return std::search(args.begin(), args.end(), words.begin(), words.end()) - args.begin();
  };
  const auto end = static_cast<std::ptrdiff_t>(args.size());
  EXPECT_LT(at({"--cap-drop", "ALL"}), end);
  EXPECT_LT(at({"--ro-bind-try", "/proc/sys", "/proc/sys"}), end);
  EXPECT_LT(at({"--ro-bind", "/run/x/empty", "/etc/shadow"}), end);
  EXPECT_LT(at({"--ro-bind", "/run/x/hosts", "/etc/hosts"}), at({"--remount-ro", "/"}));
  EXPECT_LT(at({"--remount-ro", "/"}), at({"--setenv", "TOKEN", "value"}));
  EXPECT_LT(at({"--setenv", "TOKEN", "value"}), end);
  const auto with_terminal =
      local::bwrap_arguments(plan, {.runtime = "/run/x", .status_fd = 3, .terminal = true});
  EXPECT_THAT(with_terminal, testing::Not(testing::Contains("--new-session")));
}

}  // namespace
}  // namespace bottle::launcher
