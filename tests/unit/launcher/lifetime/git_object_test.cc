#include "launcher/lifetime/git_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bottle::launcher {
namespace {

using testing::HasSubstr;

const std::string kId(40, 'a');
const std::string kPerson = "A Person <a@example.com> 1700000000 +0100\n";
const std::string kCommit = "tree " + kId + "\nparent " + std::string(40, 'b') + "\nauthor " +
                            kPerson + "committer B <b@example.com> 1700000000 -0730\n";
const std::string kTag = "object " + kId + "\ntype commit\ntag v1\ntagger " + kPerson;

TEST(GitObject, CommitsAndTagsAreRead) {
  const auto commit = read_git_object(kCommit + "\nWhat it does\n\nand why\n");
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_EQ(commit->id, kId);
  EXPECT_EQ(commit->parents.size(), 1U);
  EXPECT_EQ(commit->author, "A Person <a@example.com>");
  EXPECT_EQ(commit->person, "B <b@example.com>");
  EXPECT_EQ(commit->subject, "What it does");
  EXPECT_EQ(words_of(*commit),
            "commit \"What it does\" by A Person <a@example.com>, committed by B <b@example.com>");
  const auto tag = read_git_object(kTag + "\nwords\n");
  ASSERT_TRUE(tag) << tag.error().message;
  EXPECT_EQ(words_of(*tag), "tag v1 of aaaaaaaaaaaa by A Person <a@example.com>");
  // As merges of tags, other encodings, empty messages and SHA-256 have it.
  for (const std::string& text :
       {kCommit + "encoding ISO-8859-1\n\nx\n", kCommit + "\n", kTag + "\n",
        kCommit + "mergetag object " + kId + "\n type commit\n \n words\n\nx\n",
        "tree " + std::string(64, '0') + "\nauthor " + kPerson + "committer " + kPerson + "\n"}) {
    EXPECT_TRUE(read_git_object(text)) << text;
  }
}

// A signature on one of these could pass for something else than a commit or a tag.
TEST(GitObject, NothingElseIsTaken) {
  for (const std::string& text :
       {std::string(), std::string("certificate version 0.1\npusher x\n\n"), "\n" + kCommit + "\n",
        kCommit, "tree " + kId + "\n\nwords\n", "tree " + std::string(39, 'a') + "\n" + kCommit,
        "tree " + kId + "\nauthor nobody\ncommitter " + kPerson + "\nx",
        "tree " + kId + "\nauthor " + kPerson + "\nx", kCommit + "no-name\n\nx",
        kCommit + "gpgsig old\n\nx", kCommit + "\nx" + std::string(1, '\0'),
        "object " + kId + "\ntype file\ntag v1\ntagger " + kPerson + "\n",
        "object " + kId + "\ntype commit\ntagger " + kPerson + "\n",
        kCommit + "\n" + std::string(kMaxGitObject, 'x')}) {
    EXPECT_FALSE(read_git_object(text)) << text.substr(0, 200);
  }
}

TEST(GitObject, WordsAreForATerminal) {
  const auto commit = read_git_object("tree " + kId + "\nauthor \033[2J <a@b> 1 +0000\ncommitter " +
                                      kPerson + "\n\033]0;x\a" + std::string(500, 'y') + "\n");
  ASSERT_TRUE(commit);
  const auto words = words_of(*commit);
  EXPECT_THAT(words, HasSubstr("?]0;x?yyy"));
  EXPECT_EQ(words.find('\033'), std::string::npos);
  EXPECT_LT(words.size(), 250U);
}

}  // namespace
}  // namespace bottle::launcher
