#include "launcher/demo/demo_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace bottle::launcher {
namespace {

using testing::HasSubstr;
using testing::Not;

// A run in which everything happened, as lines; each test spoils one of them.
class DemoJudgement : public testing::Test {
 protected:
  DemoJudgement() {
    std::string pattern = testing::TempDir() + "audit-XXXXXX";
    const int fd = ::mkstemp(pattern.data());
    EXPECT_GE(fd, 0);
    ::close(fd);
    audit_ = pattern;
    std::ofstream(audit_) << "origin.demo\nnot-on-the-list.demo\n";
    lines_ = {"bottle: backend local (x); scanner guard (y)",
              "bottle: CA sha256 AA:BB",
              "== stream",
              "   10 ms  data: 1  (900 us old)",
              "  310 ms  data: 2  (900 us old)",
              "  612 ms  data: 3  (900 us old)",
              "  915 ms  data: 4  (900 us old)",
              " 1215 ms  data: 5  (900 us old)",
              " 1216 ms  end http_version=2 status=200",
              "== secret",
              "status=403",
              "X-Bottle-Deny: secret",
              "{\"hint\": \"leave it out\"}",
              "== outside",
              "{\"hint\": \"ask\"}",
              "status=403",
              "== direct",
              "exit=7",
              "exit=7",
              "exit=6",
              "== finish",
              "bottle: 2 requests were refused; the audit log is " + audit_};
  }
  ~DemoJudgement() override { std::filesystem::remove(audit_); }

  void change(const std::string& from, const std::string& to) {
    for (auto& line : lines_) {
      if (line == from) {
        line = to;
        return;
      }
    }
    FAIL() << from;
  }

  bool judge(int status = 0) {
    out_.str("");
    DemoJudge judge("the-secret", out_);
    judge.plan_line(plan_);
    for (const auto& line : lines_) judge.line(line);
    return static_cast<bool>(judge.verdict(status));
  }

  std::string audit_;
  std::string plan_ = "    DEMO_TOKEN=***";
  std::vector<std::string> lines_;
  std::ostringstream out_;
};

TEST_F(DemoJudgement, AcceptsARunInWhichEverythingHappened) {
  EXPECT_TRUE(judge()) << out_.str();
  EXPECT_THAT(out_.str(), HasSubstr(audit_));
  EXPECT_THAT(out_.str(), Not(HasSubstr("NO ")));
}

TEST_F(DemoJudgement, SaysTheNumbersThatItCounted) {
  EXPECT_TRUE(judge());
  EXPECT_THAT(out_.str(), HasSubstr("yes  5 events came one by one"));
  EXPECT_THAT(out_.str(), HasSubstr("yes  3 direct connections found no way out"));
  change("  915 ms  data: 4  (900 us old)", "");
  change("exit=6", "");
  EXPECT_FALSE(judge());
  EXPECT_THAT(out_.str(), HasSubstr("NO   4 events came one by one over HTTP/2: instead of 5"));
  EXPECT_THAT(out_.str(), HasSubstr("NO   2 direct connections"));
}

TEST(DemoJudge, ShowsFiveRowsOfThePlan) {
  std::ostringstream out;
  DemoJudge judge("the-secret", out);
  for (const char* line :
       {"bottle 1234", "  backend     local (as asked)", "  manifest    none", "  workspace   /w",
        "  command     bash", "  scanner     guard", "  allow       a.example",
        "  CA          made", "  environment", "    allow=x", "  note        n"}) {
    judge.plan_line(line);
  }
  const auto text = out.str();
  EXPECT_THAT(text, HasSubstr("bottle start --dry-run prints all of it)\n"
                              "      backend     local (as asked)\n      workspace   /w\n"
                              "      command     bash\n      scanner     guard\n"
                              "      allow       a.example\n"));
  EXPECT_TRUE(text.ends_with("a.example\n")) << text;
}

TEST(DemoJudge, ShowsAuditLinesAndFoldsLongOnes) {
  std::ostringstream out;
  DemoJudge judge("the-secret", out);
  EXPECT_EQ(judge.bottle_id(), "");
  judge.line("bottle: 2 requests were refused; the audit log is /state/4f2a/audit.jsonl");
  EXPECT_EQ(judge.bottle_id(), "4f2a");
  out.str("");
  judge.audit_line("refused 403 " + std::string(60, 'a') + " " + std::string(60, 'b') +
                   std::string(200, 'c'));
  EXPECT_THAT(out.str(), HasSubstr("* The audit log of these requests (bottle logs)\n    refused"));
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST_F(DemoJudgement, NoticesEventsThatCameTogether) {
  change("  310 ms  data: 2  (900 us old)", "  611 ms  data: 2  (900 us old)");
  EXPECT_FALSE(judge());
  EXPECT_THAT(out_.str(), HasSubstr("two events came together"));
}

TEST_F(DemoJudgement, NoticesEventsThatWereHeld) {
  change("  310 ms  data: 2  (900 us old)", "  310 ms  data: 2  (300000 us old)");
  EXPECT_FALSE(judge());
  EXPECT_THAT(out_.str(), HasSubstr("came late"));
}

TEST_F(DemoJudgement, NoticesAMissingEventAndAnotherProtocol) {
  change("  310 ms  data: 2  (900 us old)", "");
  EXPECT_FALSE(judge());
  change("", "  310 ms  data: 2  (900 us old)");
  change(" 1216 ms  end http_version=2 status=200", " 1216 ms  end http_version=1.1 status=200");
  EXPECT_FALSE(judge());
}

TEST_F(DemoJudgement, NoticesASecretThatPassed) {
  change("status=403", "status=200");
  EXPECT_FALSE(judge());
}

TEST_F(DemoJudgement, NoticesARefusalWithoutAReason) {
  change("X-Bottle-Deny: secret", "");
  EXPECT_FALSE(judge());
}

TEST_F(DemoJudgement, NoticesAHostThatWasReached) {
  change("{\"hint\": \"ask\"}", "hello");
  EXPECT_FALSE(judge());
}

TEST_F(DemoJudgement, NoticesAWayOut) {
  change("exit=6", "exit=0");
  EXPECT_FALSE(judge());
  change("exit=0", "");
  EXPECT_FALSE(judge());
}

TEST_F(DemoJudgement, NoticesAPrintedSecret) {
  change("{\"hint\": \"leave it out\"}", "{\"hint\": \"leave out the-secret\"}");
  EXPECT_FALSE(judge());
}

TEST_F(DemoJudgement, NoticesASecretInThePlanOrTheAuditLog) {
  plan_ = "    DEMO_TOKEN=the-secret";
  EXPECT_FALSE(judge());
  plan_ = "    DEMO_TOKEN=***";
  std::ofstream(audit_, std::ios::app) << "the-secret\n";
  EXPECT_FALSE(judge());
}

TEST_F(DemoJudgement, NoticesAMissingFingerprintLogOrAFailedAgent) {
  EXPECT_FALSE(judge(1));
  change("bottle: CA sha256 AA:BB", "");
  EXPECT_FALSE(judge());
  change("", "bottle: CA sha256 AA:BB");
  std::filesystem::remove(audit_);
  EXPECT_FALSE(judge());
}

}  // namespace
}  // namespace bottle::launcher
