// git in a bottle whose repository lies outside of the workspace.

#include "tests/unit/launcher/backend/local/local_bottle.h"

namespace bottle::launcher {
namespace {

class LocalGit : public LocalBackend {
 protected:
  void SetUp() override {
    LocalBackend::SetUp();
    if (IsSkipped()) return;
    if (!find_program("git", "/usr/bin:/bin")) GTEST_SKIP() << "git is missing";
    std::ofstream(root_ / "home/.gitconfig") << "[user]\n\tname = Pat Example\n\temail = p@e.x\n";
    // The project is the linked worktree.
    fs::remove(root_ / "project");
    host(
        "git init -q main && cd main && git commit -q --allow-empty -m first && "
        "mkdir sub && echo a > sub/a && echo b > b && git add . && git commit -q -m second && "
        "git worktree add -q ../project");
  }

  void host(const std::string& script) const {
    const std::string words = "cd '" + root_.string() + "' && export HOME=$PWD/home && " + script;
    ASSERT_EQ(std::system(words.c_str()), 0) << script;
  }
};

TEST_F(LocalGit, ALinkedWorktreeWorks) {
  const auto run = shell(
      "set -e; git status --short; echo new > new; git add new; git commit -q -m third; "
      "git log --format='%an <%ae> %s' -1; git checkout -q -b topic; git branch -D project; "
      "git stash list; echo more >> new; git stash -q; git stash pop -q; git commit -qam fourth; "
      "git rebase -q HEAD~1; git gc -q; git log --oneline | wc -l");
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("Pat Example <p@e.x> third\n"));
  EXPECT_THAT(run.out, HasSubstr("4\n"));
  EXPECT_THAT(run.err, Not(HasSubstr("note: git")));
  host("cd project && test $(git log --oneline topic | wc -l) = 4 && git fsck --strict");
}

TEST_F(LocalGit, WhatGitRunsCannotBeChangedFromInside) {
  const std::string common = (root_ / "main/.git").string();
  const auto run = shell(
      "c=" + common +
      "; n=$c/worktrees/project; "
      "for f in $c/config $c/hooks/pre-commit $n/commondir $n/gitdir .git; do "
      "(echo x > $f) 2>/dev/null && echo wrote $f; (rm -f $f && mv new $f) 2>/dev/null && echo "
      "replaced $f; done; (mv $c/hooks $c/h || mv $c/worktrees $c/w || mv $n $c/worktrees/x || "
      "mkdir $c/worktrees/y || rm .git) 2>/dev/null && echo moved; "
      "git config core.fsmonitor /bin/false 2>/dev/null && echo configured; "
      "git config --worktree core.fsmonitor /bin/false 2>/dev/null && echo configured; "
      "echo /elsewhere > $c/commondir; true");
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("commondir was made while the bottle ran, and is removed"));
  host("cd main && git status --short && cd ../project && git status --short");
}

TEST_F(LocalGit, ASubfolderWorksAndIsToldWhatDoesNot) {
  fs::remove_all(root_ / "main/.git/worktrees");
  fs::remove_all(root_ / "project");
  fs::remove_all(root_ / "main/.git/hooks");
  fs::create_directory_symlink("main/sub", root_ / "project");
  const auto run = shell(
      "set -e; echo c > c; git add .; git commit -q -m third; git log -1 --stat; "
      "mkdir ../.git/hooks/x 2>/dev/null && echo hooks; true");
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("sub/c | 1 +\n 1 file changed, 1 insertion(+)\n"));
  EXPECT_THAT(run.out, Not(HasSubstr("hooks")));
  EXPECT_THAT(run.err, HasSubstr("looks deleted there"));
  EXPECT_FALSE(fs::exists(root_ / "main/.git/hooks"));  // it was made for the run alone
  host("cd main && test -z \"$(git status --short)\"");
}

TEST_F(LocalGit, AFolderThatNamesAnothersRepositoryGetsNothingOfIt) {
  fs::remove_all(root_ / "project");
  fs::create_directory(root_ / "project");
  std::ofstream(root_ / "project/.git") << "gitdir: " << (root_ / "main/.git").string() << "\n";
  const auto run = shell("ls " + (root_ / "main").string() + " 2>/dev/null; git log; true");
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("git will not work here"));
}

}  // namespace
}  // namespace bottle::launcher
