// The repository of a workspace: which one is believed to be it, and what git is told.

#include "launcher/plan/git_workspace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "launcher/plan/git_settings.h"
#include "launcher/process/command_output.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = PlannedMount::Kind;

class Git : public testing::Test {
 protected:
  void SetUp() override {
    git_ = find_program("git", "/usr/local/bin:/usr/bin:/bin").value_or("");
    if (git_.empty()) GTEST_SKIP() << "git is missing";
    std::string pattern = "/tmp/bottle-git-XXXXXX";
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    around_.home = root_ / "home";
    fs::create_directory(around_.home);
    run({"init", "-q", (root_ / "main").string()});
    write(root_ / "main/sub/file", "text\n");
    run_in("main", {"add", "."});
    run_in("main", {"commit", "-q", "-m", "first"});
    run_in("main", {"worktree", "add", "-q", (root_ / "linked").string()});
  }
  void TearDown() override {
    if (!root_.empty()) fs::remove_all(root_);
  }

  void run(std::vector<std::string> words) const {
    words.insert(words.begin(), git_);
    const auto said =
        output_of(words, std::chrono::seconds(20),
                  {"HOME=" + around_.home.string(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b.c",
                   "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b.c", "GIT_CONFIG_NOSYSTEM=1"});
    ASSERT_EQ(said.status, 0) << said.text;
  }
  void run_in(const char* directory, std::vector<std::string> words) const {
    words.insert(words.begin(), {"-C", (root_ / directory).string()});
    run(std::move(words));
  }
  static void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  GitPlan find(const char* workspace) const { return find_git(root_ / workspace, around_); }
  static bool has(const GitPlan& plan, Kind kind, const fs::path& path) {
    return std::any_of(plan.mounts.begin(), plan.mounts.end(), [&](const PlannedMount& mount) {
      return mount.kind == kind && mount.source == path && mount.at == path;
    });
  }

  std::string git_;
  fs::path root_;
  Surroundings around_;
};

TEST_F(Git, ALinkedWorktreeHasItsRepositoryWithoutWhatRunsPrograms) {
  const auto plan = find("linked");
  const auto common = root_ / "main/.git";
  const auto own = common / "worktrees/linked";
  EXPECT_THAT(plan.notes, IsEmpty());
  EXPECT_EQ(plan.top, root_ / "linked");
  for (const auto& path : {common, own}) EXPECT_TRUE(has(plan, Kind::kWritable, path)) << path;
  for (const auto& path : {common / "config", common / "hooks", common / "worktrees",
                           own / "commondir", own / "gitdir", root_ / "linked/.git"}) {
    EXPECT_TRUE(has(plan, Kind::kReadOnly, path)) << path;
  }
  EXPECT_THAT(plan.never_there, ElementsAre(common / "commondir"));
  // A subfolder of it.
  EXPECT_EQ(find("linked/sub").mounts.size(), plan.mounts.size());
}

TEST_F(Git, ASubfolderHasTheRepositoryAboveAndIsToldOfTheRest) {
  const auto plan = find("main/sub");
  EXPECT_TRUE(has(plan, Kind::kWritable, root_ / "main/.git"));
  EXPECT_TRUE(has(plan, Kind::kReadOnly, root_ / "main/.git/config"));
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_THAT(plan.notes[0], HasSubstr("looks deleted"));
  // The usual case needs nothing, nor does a folder without a repository.
  EXPECT_THAT(find("main").mounts, IsEmpty());
  fs::create_directories(around_.home / "project");
  run({"init", "-q", around_.home.string()});
  const auto in_home = find("home/project");
  EXPECT_THAT(in_home.mounts, IsEmpty());
  EXPECT_THAT(in_home.notes, IsEmpty());
}

TEST_F(Git, WhatIsMissingAndWouldBeReadIsMadeForTheRun) {
  fs::remove_all(root_ / "main/.git/hooks");
  run_in("main", {"config", "extensions.worktreeConfig", "true"});
  Plan plan;
  plan.git = find("linked");
  const auto common = root_ / "main/.git";
  EXPECT_THAT(plan.git.made, ElementsAre(common / "hooks", common / "config.worktree",
                                         common / "worktrees/linked/config.worktree"));
  {
    const GitGuard guard(plan);
    for (const auto& path : plan.git.made) EXPECT_TRUE(fs::exists(path)) << path;
    EXPECT_THAT(guard.removed(), IsEmpty());
    write(common / "commondir", "/elsewhere\n");
    EXPECT_THAT(guard.removed(), ElementsAre(common / "commondir"));
  }
  for (const auto& path : plan.git.made) EXPECT_FALSE(fs::exists(path)) << path;
  EXPECT_FALSE(fs::exists(common / "commondir"));
}

// A downloaded project can hold any .git; only the repository itself is believed.
TEST_F(Git, AFolderThatNamesARepositoryIsNotBelieved) {
  run({"init", "-q", (root_ / "secret").string()});
  run_in("secret", {"commit", "-q", "--allow-empty", "-m", "first"});
  run_in("secret", {"worktree", "add", "-q", (root_ / "theirs").string()});
  const auto bad = root_ / "bad";
  fs::create_directory(bad);
  const auto refused = [&](const std::string& what) {
    const auto plan = find("bad");
    EXPECT_THAT(plan.mounts, IsEmpty()) << what;
    EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("git will not work here"))) << what;
    fs::remove_all(bad / ".git");
  };
  const std::string secret = (root_ / "secret/.git").string();
  for (const std::string& text :
       {std::string("gitdir: /\n"), std::string("gitdir: /etc\n"), "gitdir: " + secret + "\n",
        "gitdir: " + secret + "/worktrees/theirs\n", std::string("gitdir: ../secret/.git\n"),
        "gitdir: " + around_.home.string() + "\n", std::string("gitdir: nowhere\n"),
        std::string("gitdir: \n"), std::string(), std::string("gitdir: ../secret/.git\n\n/etc"),
        "gitdir: " + std::string(5000, 'a') + "\n", secret + "\n"}) {
    write(bad / ".git", text);
    refused(text.substr(0, 100));
  }
  fs::create_symlink(secret, bad / ".git");
  refused("a link to a repository");
  fs::create_symlink(root_ / "theirs/.git", bad / ".git");
  refused("a link to a worktree's file");
  ASSERT_EQ(::mkfifo((bad / ".git").c_str(), 0600), 0);
  refused("a pipe");
  // The way back from inside the folder proves nothing, and nothing outside is mounted for it.
  write(bad / "fake/gitdir", (bad / ".git").string() + "\n");
  write(bad / "fake/commondir", secret + "\n");
  write(bad / ".git", "gitdir: fake\n");
  EXPECT_THAT(find("bad").mounts, IsEmpty());
}

TEST_F(Git, ARepositoryThatCannotBeGuardedIsNotMounted) {
  const auto common = root_ / "main/.git";
  const auto refused = [&](const std::string& why) {
    const auto plan = find("linked");
    EXPECT_THAT(plan.mounts, IsEmpty()) << why;
    EXPECT_THAT(plan.notes, ElementsAre(HasSubstr(why)));
  };
  fs::rename(common / "hooks", root_ / "hooks");
  fs::create_directory_symlink(root_ / "hooks", common / "hooks");
  refused("its hooks are not a directory");
  fs::remove(common / "hooks");
  fs::rename(common / "config", root_ / "config");
  fs::create_symlink(root_ / "config", common / "config");
  refused("its config is not a file");
  fs::remove(common / "config");
  fs::rename(root_ / "config", common / "config");
  write(common / "commondir", "../../elsewhere\n");
  refused("belongs to another one");
  fs::remove(common / "commondir");
  run_in("main", {"config", "extensions.worktreeConfig", "true"});
  fs::create_symlink("/tmp/nothing", common / "worktrees/linked/config.worktree");
  refused("config.worktree is not a file");
  fs::remove(common / "worktrees/linked/config.worktree");
  fs::rename(root_ / "linked", root_ / "moved");
  EXPECT_THAT(find("moved").notes, ElementsAre(HasSubstr("back")));
}

TEST_F(Git, AKeptOutTokenIsThePasswordForItsHosts) {
  const auto kept = [](std::string name, std::vector<std::string> hosts,
                       std::vector<std::string> in) {
    return KnownSecret{.name = std::move(name),
                       .value = Secret("the-value"),
                       .hosts = std::move(hosts),
                       .placeholder = Secret("the-placeholder"),
                       .in = std::move(in)};
  };
  const std::string text = git_credential_text(
      {kept("TOKEN", {"git.example", "*.wild.example"}, {"header"}),
       kept("QUERY", {"query.example"}, {"query"}),
       KnownSecret{.name = "INSIDE", .value = Secret("the-value"), .hosts = {"inside.example"}}});
  EXPECT_THAT(text, Not(HasSubstr("the-")));
  write(root_ / "config", text);
  const auto filled = [&](const std::string& host) {
    return output_of(
               {"/bin/sh", "-c",
                "printf 'protocol=https\\nhost=" + host + "\\n\\n' | \"$GIT\" credential fill"},
               std::chrono::seconds(20),
               {"GIT=" + git_, "GIT_CONFIG_SYSTEM=" + (root_ / "config").string(),
                "HOME=/nonexistent", "GIT_TERMINAL_PROMPT=0", "TOKEN=a $b `c`\"d", "LC_ALL=C"})
        .text;
  };
  EXPECT_THAT(filled("git.example"), testing::AllOf(HasSubstr("username=x-access-token\n"),
                                                    HasSubstr("password=a $b `c`\"d\n")));
  for (const std::string host :
       {"query.example", "a.wild.example", "inside.example", "other.example"}) {
    EXPECT_THAT(filled(host), Not(HasSubstr("password="))) << host;
  }
}

TEST_F(Git, TheConfigurationIsWhatGitReads) {
  GitFacts facts{.name = "A \"B\" \\ C\n[core]", .email = "a;b#c@example.com", .remotes = {}};
  facts.remotes = {"git@deep.corp.example:team/x.git", "https://plain.example/x"};
  GitPlan git;
  git.top = "/project/a \"b\"";
  write(root_ / "config", git_config_text(facts,
                                          {"github.com", "gitlab.example:443", "api.example:8443",
                                           "web.example:80", "*.corp.example"},
                                          git));
  const auto value = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all{git_};
    all.insert(all.end(), words.begin(), words.end());
    return output_of(all, std::chrono::seconds(20),
                     {"GIT_CONFIG_SYSTEM=" + (root_ / "config").string(), "HOME=/nonexistent"})
        .text;
  };
  EXPECT_EQ(value({"config", "user.name"}), "A \"B\" \\ C[core]\n");
  EXPECT_EQ(value({"config", "user.email"}), "a;b#c@example.com\n");
  EXPECT_EQ(value({"config", "safe.directory"}), "/project/a \"b\"\n");
  const auto url = [&](const std::string& from) { return value({"ls-remote", "--get-url", from}); };
  for (const std::string form : {"git@github.com:a/b.git", "ssh://git@github.com/a/b.git",
                                 "ssh://git@github.com:22/a/b.git", "ssh://github.com/a/b.git"}) {
    EXPECT_EQ(url(form), "https://github.com/a/b.git\n") << form;
  }
  EXPECT_EQ(url("git@gitlab.example:a"), "https://gitlab.example/a\n");
  EXPECT_EQ(url("git@deep.corp.example:a"), "https://deep.corp.example/a\n");
  for (const std::string form : {"git@api.example:a", "git@web.example:a", "git@other.example:a"}) {
    EXPECT_EQ(url(form), form + "\n");
  }
}

// As `git config -z --show-scope` prints it.
std::string printed(const std::vector<std::string>& pieces) {
  std::string out;
  for (const auto& piece : pieces) out.append(piece).push_back('\0');
  return out;
}

TEST(GitSettings, WhatWillNotWorkIsSaid) {
  const auto facts =
      git_facts(printed({"global", "user.name\nOld", "local", "user.name\nA", "local",
                         "user.email\na@b.c", "local", "remote.origin.url\ngit@github.com:a/b.git",
                         "local", "remote.up.url\nssh://x@gitlab.example:2222/a", "local",
                         "remote.there.url\nhttps://ok.example/a", "local",
                         "remote.disk.url\n/srv/a.git", "local", "commit.gpgsign\ntrue"}));
  EXPECT_EQ(facts.name, "A");
  EXPECT_EQ(facts.email, "a@b.c");
  EXPECT_EQ(facts.remotes.size(), 4U);
  EXPECT_THAT(git_notes(facts, {"ok.example"}),
              ElementsAre(HasSubstr("github.com is not allowed; it works by https, not by ssh"),
                          HasSubstr("gitlab.example is not allowed"), HasSubstr("gpgsign")));
  EXPECT_THAT(git_notes(facts, {"*"}), ElementsAre(HasSubstr("gpgsign")));
  // Signing by the person's own settings: those are not in the bottle.
  EXPECT_FALSE(git_facts(printed({"global", "commit.gpgsign\ntrue"})).signs);
  EXPECT_TRUE(git_facts("garbage").remotes.empty());
}

}  // namespace
}  // namespace bottle::launcher
