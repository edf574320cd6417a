#include "launcher/lifetime/held_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Guarded : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-guard-XXXXXX";
    plan_.workspace = root_ = fs::canonical(::mkdtemp(pattern.data()));
  }
  void TearDown() override { fs::remove_all(root_); }

  void file(const std::string& name) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << "text\n";
  }
  // The kernel's clock for files ticks every few milliseconds.
  static void next_tick() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
  std::vector<std::string> changed(const HeldGuard& guard) const {
    std::vector<std::string> out;
    for (const auto& path : guard.changed().files) {
      out.push_back(path.lexically_relative(root_).string());
    }
    return out;
  }

  Plan plan_;
  fs::path root_;
};

TEST_F(Guarded, WhatIsMissingIsMadeForTheRun) {
  plan_.held.made = {root_ / "hooks", root_ / "config.worktree"};
  plan_.held.never_there = {root_ / "commondir"};
  {
    const HeldGuard guard(plan_);
    for (const auto& path : plan_.held.made) EXPECT_TRUE(fs::exists(path)) << path;
    EXPECT_THAT(guard.removed(), IsEmpty());
    file("commondir");
    EXPECT_THAT(guard.removed(), ElementsAre(root_ / "commondir"));
    EXPECT_FALSE(fs::exists(root_ / "commondir"));
    fs::create_symlink("nowhere", root_ / "commondir");
    EXPECT_THAT(guard.removed(), ElementsAre(root_ / "commondir"));
  }
  for (const auto& path : plan_.held.made) EXPECT_FALSE(fs::exists(path)) << path;
}

TEST_F(Guarded, AfterAKillWhatWasAbsentIsRemoved) {
  file("had/commondir");
  fs::create_directories(root_ / "repository");
  fs::create_directories(root_ / "linked");
  fs::create_directories(root_ / "away");
  fs::create_directory_symlink("repository", root_ / "alias");
  for (const char* name : {"had", "alias", "linked", "away", "folder", "gone"}) {
    plan_.held.never_there.push_back(root_ / name / "commondir");
  }
  fs::create_directories(root_ / "folder");
  const auto absent = absent_at_start(plan_.held);
  EXPECT_THAT(absent, ElementsAre(root_ / "repository/commondir", root_ / "linked/commondir",
                                  root_ / "away/commondir", root_ / "folder/commondir"));
  EXPECT_THAT(remove_after_kill(absent).removed, IsEmpty());

  file("repository/commondir");
  file("elsewhere/commondir");
  fs::create_symlink("../elsewhere/commondir", root_ / "linked/commondir");
  fs::remove(root_ / "away");
  fs::create_directory_symlink("elsewhere", root_ / "away");
  file("folder/commondir/file");
  const auto done = remove_after_kill(absent);
  EXPECT_THAT(done.removed,
              ElementsAre(root_ / "repository/commondir", root_ / "linked/commondir"));
  EXPECT_THAT(done.kept, ElementsAre(root_ / "away/commondir", root_ / "folder/commondir"));
  EXPECT_FALSE(fs::exists(root_ / "repository/commondir"));
  EXPECT_FALSE(fs::is_symlink(root_ / "linked/commondir"));
  for (const char* name : {"had/commondir", "elsewhere/commondir", "folder/commondir/file"}) {
    EXPECT_TRUE(fs::exists(root_ / name)) << name;
  }
}

TEST_F(Guarded, NewFilesThatToolsReadAreFoundInEachFolder) {
  for (const char* name : {".envrc", "old/.mcp.json", ".git/config", ".git/hooks/pre-push",
                           "old/.vscode/tasks.json", ".git/hooks/a.sample", "watched/x"}) {
    file(name);
  }
  plan_.held.watched = {root_ / "Makefile", root_ / "watched"};
  next_tick();
  const HeldGuard guard(plan_);
  EXPECT_THAT(changed(guard), IsEmpty());
  for (const char* name : {"old/.mcp.json",
                           "a/b/c/.envrc",
                           "a/.claude/settings.json",
                           "a/.claude/other",
                           "a/settings.json",
                           "old/.vscode/new/tasks.json",
                           ".git/hooks/pre-commit",
                           ".git/hooks/b.sample",
                           ".git/objects/config",
                           "node_modules/p/.npmrc",
                           "Makefile",
                           "watched/x",
                           "a/Makefile",
                           "bare/HEAD",
                           "bare/objects/x",
                           "bare/refs/x",
                           "bare/config",
                           "sub/.git",
                           ".git/modules/x/y/HEAD",
                           ".git/modules/x/y/objects/x",
                           ".git/modules/x/y/refs/x",
                           ".git/modules/x/y/config"}) {
    file(name);
  }
  fs::create_symlink("elsewhere", root_ / "old/.claude");
  EXPECT_THAT(changed(guard),
              UnorderedElementsAre("old/.mcp.json", "a/b/c/.envrc", "a/.claude/settings.json",
                                   "old/.vscode/new/tasks.json", ".git/hooks/pre-commit",
                                   "Makefile", "watched/x", "bare/config", "sub/.git",
                                   ".git/modules/x/y/config", "old/.claude"));
}

TEST_F(Guarded, WhatTheManifestFreesIsNotTold) {
  plan_.held.protect.freed = {".git/hooks", ".vscode"};
  const HeldGuard guard(plan_);
  for (const char* name : {".vscode/x", ".git/hooks/pre-commit", ".git/config"}) file(name);
  EXPECT_THAT(changed(guard), ElementsAre(".git/config"));
}

TEST_F(Guarded, ManyAreCounted) {
  const HeldGuard guard(plan_);
  for (int i = 0; i < 50; ++i) file(std::to_string(i) + "/.envrc");
  const auto changed = guard.changed();
  EXPECT_EQ(changed.files.size() + changed.more, 50U);
  EXPECT_LT(changed.files.size(), 20U);
  EXPECT_FALSE(changed.cut);
}

}  // namespace
}  // namespace bottle::launcher
