#include "launcher/plan/git_sign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "launcher/plan/git_settings.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class GitSign : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-sign-XXXXXX";
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    around_.home = root_;
    for (const char* name : {"ssh-keygen", "gpg", "mine"}) {
      std::ofstream(root_ / name) << "#!/bin/sh\n";
      fs::permissions(root_ / name, fs::perms::owner_all);
    }
    std::ofstream(root_ / "key.pub") << "ssh-ed25519 AAAA\n";
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path root_;
  Surroundings around_;
};

TEST_F(GitSign, OnlyThePersonNamesKeysAndPrograms) {
  SignFacts facts;
  for (const auto& [key, value] :
       {std::pair{"gpg.format", "ssh"}, std::pair{"user.signingkey", "stranger"},
        std::pair{"gpg.ssh.program", "./evil"}, std::pair{"tag.gpgsign", "true"}}) {
    note_sign_setting(facts, key, value, /*of_person=*/false, /*of_repository=*/true);
  }
  EXPECT_THAT(facts.programs, IsEmpty());
  EXPECT_EQ(facts.format + facts.key, "");
  EXPECT_FALSE(facts.tags);
  note_sign_setting(facts, "commit.gpgsign", "true", false, true);
  EXPECT_TRUE(facts.repository_signs);
  note_sign_setting(facts, "commit.gpgsign", "No", false, true);
  EXPECT_FALSE(facts.repository_signs);
}

TEST_F(GitSign, TheKeysOfSshAndOfGpg) {
  SignFacts facts{.format = "ssh", .key = "~/key.pub"};
  auto sign = plan_sign(facts, around_, root_.string());
  ASSERT_TRUE(sign) << sign.error().message;
  EXPECT_EQ(sign->program, root_ / "ssh-keygen");
  EXPECT_EQ(sign->key, root_ / "key.pub");
  EXPECT_EQ(sign->public_key, "");
  for (const std::string key : {"key::ssh-ed25519 AAAA", "ssh-ed25519 AAAA"}) {
    facts.key = key;
    sign = plan_sign(facts, around_, root_.string());
    ASSERT_TRUE(sign);
    EXPECT_EQ(sign->public_key, "ssh-ed25519 AAAA");
  }
  facts.programs["gpg.ssh.program"] = "~/mine";
  EXPECT_EQ(plan_sign(facts, around_, root_.string())->program, root_ / "mine");
  facts = {.key = "ABCD"};
  sign = plan_sign(facts, around_, root_.string());
  ASSERT_TRUE(sign);
  EXPECT_FALSE(sign->ssh);
  EXPECT_EQ(sign->program, root_ / "gpg");
}

TEST_F(GitSign, WhatIsMissingIsSaid) {
  const auto why = [this](const SignFacts& facts) {
    const auto sign = plan_sign(facts, around_, root_.string());
    return sign ? "" : sign.error().message + "; " + sign.error().hint;
  };
  EXPECT_THAT(why({.format = "ssh"}), HasSubstr("names no key; set user.signingKey"));
  EXPECT_THAT(why({.format = "ssh", .key = "~/gone"}), HasSubstr("gone (user.signingKey) is not"));
  EXPECT_THAT(why({.format = "x509", .key = "k"}), HasSubstr("gpg.format is x509"));
  EXPECT_THAT(why({.format = "ssh", .key = "key.pub"}), HasSubstr("is a relative path"));
  EXPECT_THAT(why({.format = "ssh", .key = "./key.pub"}), HasSubstr("begins with / or ~/"));
  EXPECT_THAT(why({.key = "A", .programs = {{"gpg.program", "./gpg"}}}),
              HasSubstr("the program ./gpg is a relative path"));
  fs::remove(root_ / "ssh-keygen");
  EXPECT_THAT(why({.format = "ssh", .key = "~/key.pub"}), HasSubstr("openssh-client"));
}

TEST_F(GitSign, GitInTheBottleIsToldOverEveryFile) {
  SignFacts facts{.format = "ssh", .key = "k", .person_signs = true};
  GitPlan git;
  EXPECT_THAT(sign_overrides(facts, git),
              ElementsAre(Pair("commit.gpgsign", "false"), Pair("tag.gpgsign", "false")));
  EXPECT_THAT(sign_notes(facts, git), ElementsAre(HasSubstr("your git configuration wants")));
  EXPECT_EQ(sign_config_text(facts, git), "");
  EXPECT_THAT(sign_notes({.repository_signs = true}, git),
              ElementsAre(HasSubstr("this repository wants")));
  EXPECT_THAT(sign_overrides({}, git), IsEmpty());
  EXPECT_THAT(sign_notes({}, git), IsEmpty());
  git.sign = SignPlan{.program = "/usr/bin/ssh-keygen", .ssh = true, .key = "k"};
  const auto settings = sign_overrides(facts, git);
  EXPECT_THAT(settings, ElementsAre(Pair("gpg.format", "ssh"),
                                    Pair("gpg.ssh.program", std::string(kSignProgram)),
                                    Pair("user.signingkey", std::string(kSignProgram))));
  EXPECT_THAT(sign_config_text(facts, git), HasSubstr("[commit]\n\tgpgSign = true"));
  std::map<std::string, std::variant<std::string, Secret>> env{{"GIT_CONFIG_COUNT", "1"}};
  add_git_overrides(settings, env);
  EXPECT_EQ(std::get<std::string>(env["GIT_CONFIG_COUNT"]), "4");
  EXPECT_EQ(std::get<std::string>(env["GIT_CONFIG_KEY_1"]), "gpg.format");
  EXPECT_EQ(std::get<std::string>(env["GIT_CONFIG_VALUE_3"]), kSignProgram);
  add_git_overrides({}, env);
  EXPECT_EQ(std::get<std::string>(env["GIT_CONFIG_COUNT"]), "4");
}

}  // namespace
}  // namespace bottle::launcher
