#include "launcher/lifetime/learned_hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace bottle::launcher {
namespace {

using testing::HasSubstr;

class LearnedHosts : public testing::Test {
 protected:
  LearnedHosts() {
    std::string pattern = testing::TempDir() + "learned-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    audit_ = root_ / "audit.jsonl";
  }
  ~LearnedHosts() override { std::filesystem::remove_all(root_); }

  void line(const std::string& host, int port, const std::string& verdict = "allowed",
            bool learned = true) const {
    std::ofstream(audit_, std::ios::app)
        << R"({"time":"2026-11-30T10:00:00.000Z","part":"exchanges","kind":"exchange","host":")"
        << host << R"(","port":)" << port << R"(,"verdict":")" << verdict << '"'
        << (learned ? R"(,"learned":true)" : "") << "}\n";
  }
  Learned learned(bool bypass = true) const {
    Learned out{.manifest = "/p/bottle.json", .bottle = "default"};
    learn_since(begin_, bypass, out);
    return out;
  }

  std::filesystem::path root_;
  std::filesystem::path audit_;
  AuditMark begin_ = AuditMark::of(audit_);
};

TEST_F(LearnedHosts, AreThoseThatAnswered) {
  begin_ = AuditMark::of(audit_);
  for (int i = 0; i < 3; ++i) line("pypi.org", 443);
  line("a.test", 80);
  line("b.test", 8443, "cut");
  line("b.test", 8443);
  line("2001:db8::1", 8443);
  line("failed.test", 443, "failed");
  line("refused.test", 443, "refused");
  line("listed.test", 443, "allowed", false);
  line("no host\\u001b[2J", 443);
  const Learned out = learned();
  ASSERT_EQ(out.hosts.size(), 4U);
  EXPECT_EQ(out.hosts[0].host, "pypi.org");
  EXPECT_EQ(out.hosts[0].requests, 3U);
  EXPECT_EQ(out.hosts[0].route, "scan-requests");
  EXPECT_EQ(out.hosts[1].host, "b.test:8443");
  EXPECT_EQ(out.hosts[1].requests, 2U);
  EXPECT_EQ(out.hosts[1].route, "");
  EXPECT_EQ(out.hosts[2].host, "[2001:db8::1]:8443");
  EXPECT_EQ(out.hosts[3].host, "a.test");
  EXPECT_EQ(learned(false).hosts[0].route, "") << "nothing can bypass the scanner";
}

TEST_F(LearnedHosts, EarlierLinesDoNotCount) {
  line("before.test", 443);
  begin_ = AuditMark::of(audit_);
  line("after.test", 443);
  ASSERT_EQ(learned().hosts.size(), 1U);
  EXPECT_EQ(learned().hosts[0].host, "after.test");
}

TEST_F(LearnedHosts, TheListIsBounded) {
  begin_ = AuditMark::of(audit_);
  for (int i = 0; i < 300; ++i) line("host" + std::to_string(i) + ".test", 443);
  EXPECT_EQ(learned().hosts.size(), kMostLearned);
  EXPECT_EQ(learned().others, 100U);
}

TEST_F(LearnedHosts, AreReadAsTheyWereWritten) {
  Learned out{.manifest = "/p/bottle.json", .bottle = "work"};
  out.hosts = {{.host = "pypi.org", .route = "scan-requests", .requests = 3},
               {.host = "a.test:81", .requests = 1}};
  out.others = 7;
  const auto file = learned_file(root_);
  ASSERT_TRUE(write_learned(file, out));
  const auto read = read_learned(file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->manifest, "/p/bottle.json");
  EXPECT_EQ(read->bottle, "work");
  ASSERT_EQ(read->hosts.size(), 2U);
  EXPECT_EQ(read->hosts[0].route, "scan-requests");
  EXPECT_EQ(read->hosts[1].host, "a.test:81");
  EXPECT_EQ(read->hosts[1].requests, 1U);
  EXPECT_EQ(read->others, 7U);
  std::ofstream(file) << "{";
  EXPECT_THAT(read_learned(file).error().message, HasSubstr("not what bottle wrote"));
  EXPECT_THAT(read_learned(root_ / "none").error().message, HasSubstr("not there"));
}

}  // namespace
}  // namespace bottle::launcher
