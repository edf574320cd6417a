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
  struct Found {
    fs::path top{};
    std::vector<PlannedMount> mounts{};
    std::vector<PlannedMount> outside{};  // of the workspace
    std::vector<fs::path> made{};
    std::vector<fs::path> never_there{};
    std::vector<std::string> notes{};
  };
  Found find(const char* workspace, const ProtectEntry& protect = {}) const {
    HeldFiles held(root_ / workspace);
    const GitPlan git = find_git(around_, protect, held);
    const HeldPlan plan = held.plan();
    Found out{.top = git.top, .mounts = plan.mounts, .made = plan.made};
    std::copy_if(plan.mounts.begin(), plan.mounts.end(), std::back_inserter(out.outside),
                 [&](const auto& mount) { return !is_below(mount.at, root_ / workspace); });
    out.never_there = plan.never_there;
    out.notes = git.notes;
    return out;
  }
  static bool has(const Found& plan, Kind kind, const fs::path& path) {
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
  // The usual case needs nothing of outside, nor does a folder without a repository.
  EXPECT_THAT(find("main").outside, IsEmpty());
  fs::create_directories(around_.home / "project");
  run({"init", "-q", around_.home.string()});
  const auto in_home = find("home/project");
  EXPECT_THAT(in_home.mounts, IsEmpty());
  EXPECT_THAT(in_home.notes, IsEmpty());
}

TEST_F(Git, WhatIsMissingAndWouldBeReadIsMadeForTheRun) {
  fs::remove_all(root_ / "main/.git/hooks");
  run_in("main", {"config", "extensions.worktreeConfig", "true"});
  const auto plan = find("linked");
  const auto common = root_ / "main/.git";
  EXPECT_THAT(plan.made, ElementsAre(common / "hooks", common / "config.worktree",
                                     common / "worktrees/linked/config.worktree"));
}

TEST_F(Git, ARepositoryInTheWorkspaceIsGuardedWithItsParts) {
  write(root_ / "lib/file", "text\n");
  run({"init", "-q", (root_ / "lib").string()});
  run_in("lib", {"add", "."});
  run_in("lib", {"commit", "-q", "-m", "first"});
  run_in("main", {"-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
                  (root_ / "lib").string(), "a/b/lib"});
  run({"init", "-q", (root_ / "main/one/two").string()});
  run_in("main", {"worktree", "add", "-q", "-b", "more", (root_ / "main/trees/more").string()});
  const auto git = root_ / "main/.git";
  auto plan = find("main");
  EXPECT_THAT(plan.notes, IsEmpty());
  for (const auto& path : {git / "config", git / "hooks", git / "modules/a/b/lib/config",
                           git / "modules/a/b/lib/hooks", root_ / "main/a/b/lib/.git",
                           root_ / "main/one/two/.git/config", root_ / "main/trees/more/.git",
                           git / "worktrees/more/commondir", git / "worktrees/linked/gitdir"}) {
    EXPECT_TRUE(has(plan, Kind::kReadOnly, path)) << path;
  }
  for (const auto& path : {git, git / "modules", git / "modules/a/b", git / "modules/a/b/lib",
                           root_ / "main/a", root_ / "main/a/b/lib", git / "worktrees/more"}) {
    EXPECT_TRUE(has(plan, Kind::kWritable, path)) << path;
  }
  EXPECT_THAT(plan.never_there,
              testing::UnorderedElementsAre(git / "commondir", git / "modules/a/b/lib/commondir",
                                            root_ / "main/one/two/.git/commondir"));
  fs::remove_all(git / "hooks");
  EXPECT_THAT(find("main").made, ElementsAre(git / "hooks"));
  // The manifest frees some.
  plan = find("main", {.freed = {".git/hooks"}});
  EXPECT_TRUE(has(plan, Kind::kReadOnly, git / "config"));
  EXPECT_FALSE(has(plan, Kind::kReadOnly, git / "modules/a/b/lib/hooks"));
  EXPECT_FALSE(has(find("linked", {.freed = {".git"}}), Kind::kReadOnly, git / "config"));
  // A link can be replaced; what it means is kept.
  fs::create_directory(root_ / "main/my-hooks");
  fs::create_directory_symlink("../my-hooks", git / "hooks");
  plan = find("main");
  EXPECT_TRUE(has(plan, Kind::kReadOnly, root_ / "main/my-hooks"));
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("hooks is a link, which the agent can replace")));
}

TEST_F(Git, MoreRepositoriesThanCanBeGuardedAreReadOnlyTogether) {
  for (int i = 0; i < 120; ++i) {
    const auto one = root_ / "main/.git/modules" / std::to_string(i);
    fs::create_directories(one / "objects");
    write(one / "HEAD", "ref: refs/heads/main\n");
    write(one / "config", "");
  }
  const auto plan = find("main");
  EXPECT_TRUE(has(plan, Kind::kReadOnly, root_ / "main/.git/modules"));
  EXPECT_THAT(plan.notes, testing::Contains(HasSubstr("more repositories than can be guarded")));
  EXPECT_LT(plan.mounts.size(), 1000U);
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
    EXPECT_THAT(plan.outside, IsEmpty()) << what;
    EXPECT_THAT(plan.notes, testing::Contains(HasSubstr("git will not work here"))) << what;
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
  EXPECT_THAT(find("bad").outside, IsEmpty());
}

TEST_F(Git, ARepositoryThatCannotBeGuardedIsNotMounted) {
  const auto common = root_ / "main/.git";
  const auto refused = [&](const std::string& why) {
    const auto plan = find("linked");
    EXPECT_THAT(plan.outside, IsEmpty()) << why;
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
  facts.person = {{"color.diff.meta", "yellow \"bold\""},
                  {"pull.rebase", "true"},
                  {"alias.x", "!sh"},
                  {"core.pager", "sh"},
                  {"merge.conflictstyle", "diff3\n[core]"},
                  {"color.a\n[core]b.c", "x"}};
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
  EXPECT_EQ(value({"config", "color.diff.meta"}), "yellow \"bold\"\n");
  EXPECT_EQ(value({"config", "pull.rebase"}), "true\n");
  EXPECT_EQ(value({"config", "--system", "--get-regexp", "alias|core|merge|cred"}), "");
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

// As `git config -z --show-scope --show-origin` prints it: scopes and entries.
std::string printed(const std::vector<std::string>& pieces) {
  std::string out;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    out.append(pieces[i]).push_back('\0');
    if (i % 2 == 1) continue;
    out.append(pieces[i] == "local" ? "file:.git/config" : "file:/h/.gitconfig").push_back('\0');
  }
  return out;
}

TEST(GitSettings, WhatWillNotWorkIsSaid) {
  const auto facts =
      git_facts(printed({"global", "user.name\nOld", "local", "user.name\nA", "local",
                         "user.email\na@b.c", "local", "remote.origin.url\ngit@github.com:a/b.git",
                         "local", "remote.up.url\nssh://x@gitlab.example:2222/a", "local",
                         "remote.there.url\nhttps://ok.example/a", "local",
                         "remote.disk.url\n/srv/a.git", "local", "commit.gpgsign\ntrue"}),
                /*work_tree=*/"/w");
  EXPECT_EQ(facts.name, "A");
  EXPECT_EQ(facts.email, "a@b.c");
  EXPECT_EQ(facts.remotes.size(), 4U);
  EXPECT_THAT(git_notes(facts, {"ok.example"}),
              ElementsAre(HasSubstr("github.com is not allowed; it works by https, not by ssh"),
                          HasSubstr("gitlab.example is not allowed")));
  EXPECT_THAT(git_notes(facts, {"*"}), ElementsAre());
  EXPECT_THAT(person_notes(facts), ElementsAre());
  EXPECT_THAT(person_notes({.name = "A"}), ElementsAre(HasSubstr("your git has no user.email,")));
  EXPECT_THAT(person_notes({}), ElementsAre(HasSubstr("no user.name and user.email,")));
  EXPECT_TRUE(facts.sign.repository_signs);
  const auto paths =
      git_facts(printed({"global", "core.hookspath\n/h/hooks", "local", "core.hookspath\n.husky/_",
                         "local", "include.path\n../.gitconfig", "global",
                         "includeif.gitdir:~/x/.path\nother"}),
                "/w")
          .paths;
  EXPECT_THAT(paths.hooks, ElementsAre("/w/.husky/_"));
  EXPECT_THAT(paths.settings, ElementsAre("/w/.gitconfig", "/h/other"));
  const auto person =
      git_facts(printed({"system", "pull.rebase\nfalse",   "global", "pull.rebase\nmerges",
                         "local",  "push.default\nx",      "global", "color.ui",
                         "global", "alias.co\ncheckout",   "global", "core.pager\nless",
                         "global", "credential.helper\nx", "global", "url.x.insteadof\ny",
                         "global", "gpg.program\nx",       "global", "commit.template\n/x",
                         "global", "colors.x\ny",          "global", "merge.tool\nx"}),
                "/w")
          .person;
  EXPECT_THAT(person, ElementsAre(testing::Pair("color.ui", "true"),
                                  testing::Pair("pull.rebase", "merges")));
  EXPECT_TRUE(git_facts("garbage", "/w").remotes.empty());
}

}  // namespace
}  // namespace bottle::launcher
