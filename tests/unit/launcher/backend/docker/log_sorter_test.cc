#include "launcher/backend/docker/log_sorter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/process/sha256.h"
#include "proxy/contract/audit_chain.h"

namespace bottle::launcher::docker {
namespace {

namespace fs = std::filesystem;

class LogSorter : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-sorter-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path audit() const { return root_ / "audit.jsonl"; }
  static std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void sort(const std::string& text, std::uintmax_t most_bytes = kMaxAuditFile) const {
    auto pipe = make_pipe();
    ASSERT_TRUE(pipe);
    auto sorter = sort_log(pipe->read, audit(), root_ / "proxy.log", most_bytes);
    ASSERT_TRUE(sorter);
    pipe->read.reset();
    EXPECT_TRUE(write_all(pipe->write.get(), text));
    pipe->write.reset();
    EXPECT_TRUE(sorter->wait(std::chrono::seconds(20)));
    EXPECT_EQ(sorter->exit_status(), 0);
  }

  fs::path root_;
};

std::string line(const std::string& part, const std::string& host) {
  return R"({"time":"2026-01-01T00:00:00.000Z","part":")" + part + R"(","host":")" + host + "\"}\n";
}

TEST_F(LogSorter, EachPartHasItsFile) {
  const std::string sly = R"({"time":"t","part":"exchanges","host":"\"part\":\"findings\""})"
                          "\n";
  sort("a line of the log\n" + line("exchanges", "a") + line("refusals", "b") +
       line("findings", "c") + sly + "{\"old\":1}\nno end");
  EXPECT_EQ(content(audit()), line("exchanges", "a") + sly + "{\"old\":1}\n");
  EXPECT_EQ(content(audit().string() + ".findings"), line("findings", "c"));
  EXPECT_EQ(content(audit().string() + ".refusals"), line("refusals", "b"));
  EXPECT_EQ(content(root_ / "proxy.log"), "a line of the log\nno end");
}

TEST_F(LogSorter, RotationOfOnePartLeavesTheOthers) {
  std::string text = line("exchanges", "first");
  const std::size_t size = line("refusals", "0").size();
  for (int i = 0; i < 9; ++i) text += line("refusals", std::to_string(i));
  sort(text, size);
  EXPECT_EQ(content(audit()), line("exchanges", "first"));
  const std::string refusals = audit().string() + ".refusals";
  EXPECT_EQ(content(refusals), line("refusals", "8"));
  for (int i = 1; i < kAuditFiles; ++i) {
    EXPECT_EQ(content(refusals + "." + std::to_string(i)), line("refusals", std::to_string(8 - i)));
  }
  EXPECT_FALSE(fs::exists(refusals + "." + std::to_string(kAuditFiles)));
}

// The proxy does not know where files begin: the first line of each one gets the value before it.
TEST_F(LogSorter, ChainGoesOnOverRotation) {
  std::string text;
  std::vector<std::string> lines;
  ChainLink link;
  for (int i = 0; i < 3; ++i) {
    ChainedLine one =
        chain_line(line("exchanges", std::to_string(i)), link, i == 0, &sha256_of_both);
    text += one.text;
    lines.push_back(one.text);
    link = one.link;
  }
  sort(text, lines[0].size());
  EXPECT_EQ(content(audit().string() + ".2"), lines[0]);
  const auto first = chain_parts(std::string_view(lines[0]).substr(0, lines[0].size() - 1));
  const auto second = chain_parts(std::string_view(lines[1]).substr(0, lines[1].size() - 1));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(content(audit().string() + ".1"), with_value_before(lines[1], first->value));
  EXPECT_EQ(content(audit()), with_value_before(lines[2], second->value));
  EXPECT_NE(content(audit()), lines[2]);
}

}  // namespace
}  // namespace bottle::launcher::docker
