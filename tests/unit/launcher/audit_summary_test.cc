#include "launcher/audit_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace bottle::launcher {
namespace {

using testing::HasSubstr;
using testing::Not;

class AuditSummary : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-audit-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path file() const { return directory_ / "audit.jsonl"; }
  void add(const std::string& verdict, const std::string& host, const std::string& reason) const {
    std::ofstream(file(), std::ios::app) << R"({"verdict":")" << verdict << R"(","host":)" << host
                                         << R"(,"reason":")" << reason << "\"}\n";
  }

 private:
  std::filesystem::path directory_;
};

TEST_F(AuditSummary, HostsAndReasonsAreCountedMostFrequentFirst) {
  add("allowed", R"("good.test")", "");
  add("refused", R"("a.test")", "secret_in_body");
  for (int i = 0; i < 3; ++i) add("refused", R"("b.test")", "host_not_allowed");
  add("refused", "null", "own_address");
  std::ofstream(file(), std::ios::app) << "not json\n[]\n{}\n";
  const auto refusals = refusals_in(file(), 0);
  EXPECT_EQ(refusals.count, 5U);
  EXPECT_EQ(refusals.others, 0U);
  EXPECT_EQ(refusal_lines(refusals),
            "bottle:   3 x b.test: host_not_allowed\n"
            "bottle:   1 x (no host): own_address\n"
            "bottle:   1 x a.test: secret_in_body\n"
            "bottle: hint: if the agent should reach a host, name it with --allow HOST or in the "
            "manifest's \"allow\"\n");
}

TEST_F(AuditSummary, LinesOfEarlierBottlesDoNotCount) {
  add("refused", R"("before.test")", "host_not_allowed");
  const auto begin = std::filesystem::file_size(file());
  EXPECT_EQ(refusals_in(file(), begin).count, 0U);
  add("refused", R"("now.test")", "denied");
  const auto refusals = refusals_in(file(), begin);
  EXPECT_EQ(refusals.count, 1U);
  EXPECT_THAT(refusal_lines(refusals), Not(HasSubstr("before.test")));
  EXPECT_THAT(refusal_lines(refusals), Not(HasSubstr("hint")));
  EXPECT_EQ(refusals_in(file(), begin + 100'000).count, 0U);
  EXPECT_EQ(refusals_in(file().string() + ".absent", 0).count, 0U);
}

TEST_F(AuditSummary, AnAgentCannotFillOrSteerTheTerminal) {
  add("refused", R"("a\u001b[2Jb\u00e9.test")", "host_not_allowed");
  for (int i = 0; i < 1500; ++i) {
    add("refused", "\"h" + std::to_string(i) + ".test\"", "host_not_allowed");
  }
  const auto refusals = refusals_in(file(), 0);
  EXPECT_EQ(refusals.count, 1501U);
  EXPECT_EQ(refusals.most.size(), 8U);
  EXPECT_EQ(refusals.others, 1493U);
  const auto lines = refusal_lines(refusals);
  EXPECT_THAT(lines, HasSubstr("a?[2Jb??.test"));
  EXPECT_THAT(lines, HasSubstr("bottle:   1493 more\n"));
}

}  // namespace
}  // namespace bottle::launcher
