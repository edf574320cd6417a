#include "launcher/plan/held_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "launcher/plan/held_names.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Held : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-held-XXXXXX";
    root_ = fs::canonical(::mkdtemp(pattern.data()));
  }
  void TearDown() override { fs::remove_all(root_); }

  void file(const std::string& name) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << "text\n";
  }
  // "w" or "r" and the path below the root, in the order of the mounts.
  std::vector<std::string> mounts(const HeldFiles& held) const {
    std::vector<std::string> out;
    for (const auto& mount : held.plan().mounts) {
      const bool writable = mount.kind == PlannedMount::Kind::kWritable;
      out.push_back((writable ? "w " : "r ") +
                    fs::path(mount.at).lexically_relative(root_).string());
    }
    return out;
  }

  fs::path root_;
};

TEST_F(Held, EachFolderAboveIsHeldInPlace) {
  HeldFiles held(root_);
  held.keep(root_ / "a/b/file");
  held.keep(root_ / "a/z");
  held.keep(root_ / "top");
  EXPECT_THAT(mounts(held), ElementsAre("w a", "w a/b", "r a/b/file", "r a/z", "r top"));
}

TEST_F(Held, NothingInAReadOnlyFolderIsWritable) {
  HeldFiles held(root_);
  held.keep(root_ / "a/b/c/file");
  held.keep(root_ / "a");
  EXPECT_THAT(mounts(held), ElementsAre("r a", "r a/b/c/file"));
}

TEST_F(Held, OutsideOfWhatTheAgentMayChangeNoFolderIsShown) {
  HeldFiles held(root_ / "workspace");
  held.keep(root_ / "other/file");
  held.open(root_ / "repository");
  held.keep(root_ / "repository/parts/file");
  EXPECT_THAT(mounts(held), ElementsAre("r other/file", "w repository", "w repository/parts",
                                        "r repository/parts/file"));
}

TEST_F(Held, ALinkIsFollowedOnlyWithinTheWorkspace) {
  file("real/settings.json");
  fs::create_directory_symlink("real", root_ / ".claude");
  fs::create_symlink("/etc/passwd", root_ / ".envrc");
  fs::create_symlink("nowhere", root_ / ".npmrc");
  HeldFiles held(root_);
  EXPECT_THAT(held.keep_named(root_ / ".claude/settings.json"),
              ElementsAre(HasSubstr(".claude is a link")));
  EXPECT_THAT(held.keep_named(root_ / ".envrc"), ElementsAre(HasSubstr(".envrc is a link")));
  EXPECT_THAT(held.keep_named(root_ / ".npmrc"), ElementsAre(HasSubstr(".npmrc is a link")));
  EXPECT_THAT(held.keep_named(root_ / ".vscode"), IsEmpty());
  EXPECT_THAT(mounts(held), ElementsAre("w real", "r real/settings.json"));
}

TEST_F(Held, AnotherNameOfAFileIsSaid) {
  file(".envrc");
  fs::create_hard_link(root_ / ".envrc", root_ / "other");
  HeldFiles held(root_);
  EXPECT_THAT(held.keep_named(root_ / ".envrc"), ElementsAre(HasSubstr("has another name")));
}

TEST_F(Held, NamesAreProtectedAddedAndFreed) {
  for (const char* name : {".vscode/tasks.json", ".envrc", ".claude/settings.json", "Makefile",
                           "hooks/pre-commit", ".gitshared", ".claude/other"}) {
    file(name);
  }
  HeldFiles held(root_);
  const auto notes =
      hold_names({.added = {"Makefile", "later"}, .freed = {".vscode"}},
                 {.hooks = {root_ / "hooks", "/outside"}, .settings = {root_ / ".gitshared"}},
                 /*has_repository=*/true, held);
  EXPECT_THAT(mounts(held), ElementsAre("w .claude", "r .claude/settings.json", "r .envrc",
                                        "r .gitshared", "r Makefile", "r hooks"));
  EXPECT_THAT(notes, Contains(HasSubstr("read-only in the bottle: .git/config, .git/hooks, hooks, "
                                        ".gitshared, .claude/settings.json, .envrc, Makefile")));
  EXPECT_THAT(notes, Contains(HasSubstr("later does not exist")));
}

}  // namespace
}  // namespace bottle::launcher
