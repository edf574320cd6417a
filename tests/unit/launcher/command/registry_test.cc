#include "launcher/lifetime/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class Registry : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "registry-XXXXXX";
    base_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(base_); }

  static Plan plan(const std::string& id) {
    Plan out;
    out.id = id;
    out.backend = "local";
    out.bottle = "default";
    out.command = {"sh", "-c", "echo the-secret-value and the-secret-value"};
    out.secrets.push_back({"TOKEN", Secret("the-secret-value"), {}});
    out.environment["TOKEN"] = Secret("the-secret-value");
    out.environment["LINES"] = std::string("one\ntwo=three");
    out.directory = "/project";
    out.audit = "/state/audit.jsonl";
    return out;
  }

  fs::path base_;
};

TEST_F(Registry, APublishedBottleIsFoundByItsFirstLetters) {
  const auto runtime = RuntimeDir::create(base_, "0a1b2c");
  ASSERT_TRUE(runtime);
  const auto registration = Registration::publish(*runtime, plan("0a1b2c"));
  ASSERT_TRUE(registration);
  const auto found = find_bottle(base_, "0a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, "0a1b2c");
  EXPECT_EQ(found->workspace, "/project");
  EXPECT_EQ(found->launcher.pid, ::getpid());
  EXPECT_THAT(found->command, ElementsAre("sh", "-c", "echo *** and ***"));
  const auto environment = environment_of(*found);
  ASSERT_TRUE(environment);
  EXPECT_EQ(environment->at("TOKEN"), "the-secret-value");
  EXPECT_EQ(environment->at("LINES"), "one\ntwo=three");
  std::ifstream in(runtime->path() / "record.json");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, testing::Not(HasSubstr("the-secret-value")));
}

TEST_F(Registry, AnUnclearIdNamesThoseThatRun) {
  const auto one = RuntimeDir::create(base_, "aa11");
  const auto two = RuntimeDir::create(base_, "aa22");
  ASSERT_TRUE(one && two);
  const auto first = Registration::publish(*one, plan("aa11"));
  const auto second = Registration::publish(*two, plan("aa22"));
  ASSERT_TRUE(first && second);
  for (const char* id : {"aa", "bb", ""}) {
    const auto found = find_bottle(base_, id);
    ASSERT_FALSE(found) << id;
    EXPECT_EQ(found.error().code, ExitCode::kUsage);
    EXPECT_THAT(found.error().hint, HasSubstr("aa11, aa22"));
  }
  EXPECT_THAT(find_bottle(base_ / "absent", "aa").error().hint, HasSubstr("bottle start"));
}

TEST_F(Registry, WhatIsReapedIsAskedForFirst) {
  for (const char* id : {"keep", "gone"}) {
    auto runtime = RuntimeDir::create(base_, id);
    ASSERT_TRUE(runtime);
    ASSERT_TRUE(Registration::publish(*runtime, plan(id)));
    // As a kill would leave it: the directory without its lease.
    fs::copy(runtime->path(), base_ / (std::string(id) + ".copy"));
  }
  for (const char* id : {"keep", "gone"})
    fs::rename(base_ / (std::string(id) + ".copy"), base_ / id);
  fs::create_directory(base_ / "no-record");
  std::vector<std::string> asked;
  const auto went = reap_bottles(base_, [&asked](const BottleRecord& record) {
    asked.push_back(record.id);
    return record.id == "gone";
  });
  EXPECT_EQ(went, 2U);
  EXPECT_THAT(asked, testing::UnorderedElementsAre("keep", "gone"));
  EXPECT_TRUE(fs::exists(base_ / "keep"));
  EXPECT_FALSE(fs::exists(base_ / "gone"));
  EXPECT_FALSE(fs::exists(base_ / "no-record"));
}

TEST_F(Registry, ARecordOfAnotherDirectoryIsNone) {
  const auto runtime = RuntimeDir::create(base_, "mine");
  ASSERT_TRUE(runtime);
  ASSERT_TRUE(Registration::publish(*runtime, plan("other")));
  EXPECT_TRUE(living_bottles(base_).empty());
}

TEST_F(Registry, ABottleWithManyPathsThatAreLongInJsonIsFound) {
  const auto runtime = RuntimeDir::create(base_, "mine");
  ASSERT_TRUE(runtime);
  Plan many = plan("mine");
  for (int i = 0; i < 256; ++i) {
    many.held.never_there.push_back(base_ / (std::string(200, '\1') + std::to_string(i)));
  }
  ASSERT_TRUE(Registration::publish(*runtime, many));
  ASSERT_GT(fs::file_size(base_ / "mine/record.json"), 256U * 1024);
  const auto living = living_bottles(base_);
  ASSERT_EQ(living.size(), 1U);
  EXPECT_EQ(living.front().never_there.size(), 256U);
}

TEST(Record, SurvivesItsText) {
  BottleRecord record{.id = "1", .backend = "local", .command = {"a", "\xff"}};
  record.keeper = {7, 9};
  record.never_there = {"/a/.git/commondir"};
  const auto back = read_record(record_text(record));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->keeper.pid, 7);
  EXPECT_EQ(back->keeper.start, 9U);
  EXPECT_THAT(back->never_there, ElementsAre(fs::path("/a/.git/commondir")));
  EXPECT_THAT(back->command, ElementsAre("a", "\xef\xbf\xbd"));
  for (const char* text : {"", "{}", "[]", "null", R"({"id": 1})"}) EXPECT_FALSE(read_record(text));
}

TEST(ProcessMark, TellsAProcessFromTheNextWithItsNumber) {
  auto mark = mark_of(::getpid());
  ASSERT_TRUE(mark);
  EXPECT_TRUE(open_process(*mark));
  mark->start += 1;
  EXPECT_FALSE(open_process(*mark));
  EXPECT_FALSE(mark_of(-1));
  EXPECT_FALSE(open_process({}));
}

}  // namespace
}  // namespace bottle::launcher
