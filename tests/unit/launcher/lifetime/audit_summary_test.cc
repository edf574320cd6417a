#include "launcher/lifetime/audit_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace bottle::launcher {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AuditSummaries : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-audit-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path file() const { return directory_ / "audit.jsonl"; }
  AuditMark empty() const { return AuditMark{.audit = file(), .ends = {}}; }
  AuditSummary summary() const { return summary_since(empty()); }
  // As the proxy writes it.
  void add_to(const std::string& part, const std::string& verdict, const std::string& host,
              const std::string& reason, const std::string& more = "") const {
    std::ofstream(file().string() + part, std::ios::app)
        << R"({"time":"2026-01-01T00:00:00.000Z","part":")"
        << (part.empty() ? "exchanges" : part.substr(1)) << R"(","verdict":")" << verdict
        << R"(","host":")" << host << R"(","reason":")" << reason << "\"" << more << "}\n";
  }
  // As older versions did: in one file, without a part.
  void add(const std::string& verdict, const std::string& host, const std::string& reason) const {
    std::ofstream(file(), std::ios::app) << R"({"verdict":")" << verdict << R"(","host":)" << host
                                         << R"(,"reason":")" << reason << "\"}\n";
  }

 private:
  std::filesystem::path directory_;
};

TEST_F(AuditSummaries, HostsAndReasonsAreCountedMostFrequentFirst) {
  add("allowed", R"("good.test")", "");
  add("refused", R"("a.test")", "secret_in_body");
  for (int i = 0; i < 3; ++i) add("refused", R"("b.test")", "host_not_allowed");
  add("refused", "null", "own_address");
  std::ofstream(file(), std::ios::app) << "not json\n[]\n{}\n";
  const auto refused = summary().refused;
  EXPECT_EQ(refused.count, 5U);
  EXPECT_EQ(refused.others, 0U);
  EXPECT_EQ(refusal_lines(refused),
            "bottle:   3 x b.test: host_not_allowed\n"
            "bottle:   1 x (no host): own_address\n"
            "bottle:   1 x a.test: secret_in_body\n"
            "bottle: hint: if the agent should reach a host, `bottle allow HOST` lets it through "
            "while the bottle runs; --allow HOST or the manifest's \"allow\" does from the start\n"
            "bottle: hint: `bottle logs` says which secret it was and where; --on-secret "
            "HOST=redact takes secrets out of requests instead of refusing them\n");
}

TEST_F(AuditSummaries, WhatPipelockRefusesHasAHintOfItsOwn) {
  add_to("", "refused", "a.test", "secret_in_body", R"(,"by":"pipelock")");
  const std::string lines = refusal_lines(summary().refused);
  EXPECT_THAT(lines, HasSubstr("bottle:   1 x a.test: secret_in_body by pipelock\n"));
  EXPECT_THAT(lines, HasSubstr("not of the guard's"));
  EXPECT_THAT(lines, HasSubstr("/rewind"));
  EXPECT_THAT(lines, Not(HasSubstr("which secret it was")));
}

TEST_F(AuditSummaries, RedactionsAndNotesAreCountedOfAllowedRequestsToo) {
  const std::string both = R"(,"findings":[{"name":"GitHub token","action":"redacted"},)"
                           R"({"name":"JWT","action":"noted"},{"name":"X","action":"refused"}])";
  add_to("", "allowed", "api.test", "", both);
  add_to("", "allowed", "api.test", "", both);
  add_to("", "cut", "api.test", "secret_in_body", both);
  add_to(".findings", "refused", "api.test", "secret_in_body", both + R"(,"begun":true)");
  add_to("", "allowed", "api.test", R"(\"findings\":[)");
  EXPECT_EQ(summary().redacted.count, 3U);
  EXPECT_EQ(summary().noted.count, 3U);
  EXPECT_EQ(summary().refused.count, 0U);
  const std::string report = closing_report(empty(), true);
  EXPECT_THAT(report, HasSubstr("bottle: 3 times a secret was taken out of a request\n"
                                "bottle:   3 x api.test: GitHub token\n"
                                "bottle: 3 findings of the guard were noted\n"
                                "bottle:   3 x api.test: JWT\n"));
}

TEST_F(AuditSummaries, LinesOfEarlierBottlesDoNotCount) {
  add("refused", R"("before.test")", "host_not_allowed");
  add_to(".refusals", "refused", "before.test", "host_not_allowed");
  const auto begin = AuditMark::of(file());
  EXPECT_EQ(summary_since(begin).refused.count, 0U);
  add("refused", R"("now.test")", "denied");
  add_to(".refusals", "refused", "now.test", "denied");
  const auto refused = summary_since(begin).refused;
  EXPECT_EQ(refused.count, 2U);
  EXPECT_THAT(refusal_lines(refused), Not(HasSubstr("before.test")));
  EXPECT_THAT(refusal_lines(refused), Not(HasSubstr("hint")));
  EXPECT_EQ(summary_since(AuditMark::of(file().string() + ".absent")).refused.count, 0U);
}

TEST_F(AuditSummaries, RotationMeanwhileLosesNothing) {
  add_to(".refusals", "refused", "before.test", "denied");
  const auto begin = AuditMark::of(file());
  const std::string refusals = file().string() + ".refusals";
  add_to(".refusals", "refused", "a.test", "denied");
  std::filesystem::rename(refusals, refusals + ".1");
  add_to(".refusals", "refused", "b.test", "denied");
  std::filesystem::rename(refusals + ".1", refusals + ".2");
  std::filesystem::rename(refusals, refusals + ".1");
  add_to(".refusals", "refused", "c.test", "denied");
  const auto refused = summary_since(begin).refused;
  EXPECT_EQ(refused.count, 3U);
  EXPECT_THAT(refusal_lines(refused), Not(HasSubstr("before.test")));
}

TEST_F(AuditSummaries, FoldedLinesCountAsOftenAsTheySay) {
  add_to(".refusals", "refused", "evil.test", "host_not_allowed");
  add_to(".refusals", "refused", "evil.test", "host_not_allowed", R"(,"count":189999)");
  add_to(".findings", "refused", "a.test", "secret_in_url", R"(,"count":3)");
  const auto refused = summary().refused;
  EXPECT_EQ(refused.count, 190'003U);
  EXPECT_THAT(refusal_lines(refused), HasSubstr("190000 x evil.test: host_not_allowed"));
}

TEST_F(AuditSummaries, FindingInABodyIsOneRefusal) {
  add_to("", "refused", "a.test", "secret_in_body");
  add_to(".findings", "refused", "a.test", "secret_in_body", R"(,"begun":true)");
  EXPECT_EQ(summary().refused.count, 1U);
}

TEST_F(AuditSummaries, FailuresAreToldLikeRefusals) {
  add_to(".refusals", "failed", "typo.test", "dns_failed", R"(,"by":"origin")");
  add_to(".refusals", "failed", "typo.test", "dns_failed", R"(,"by":"origin")");
  add_to(".refusals", "failed", "a.test", "tls_alert", R"(,"by":"proxy")");
  add_to("", "cut", "b.test", "upstream_truncated", R"(,"by":"origin")");
  add_to("", "cut", "b.test", "client_gone", R"(,"by":"client")");
  add_to(".refusals", "failed", kDoctorHost, "dns_failed", R"(,"by":"origin")");
  EXPECT_EQ(closing_report(empty(), true),
            "bottle: 4 requests failed; the audit log is " + file().string() +
                "\n"
                "bottle:   2 x typo.test: dns_failed\n"
                "bottle:   1 x a.test: tls_alert\n"
                "bottle:   1 x b.test: upstream_truncated\n"
                "bottle: hint: tls_alert: a program does not trust the bottle's CA, or an origin "
                "refused; `bottle doctor` in the bottle says which programs trust it\n");
  add_to(".refusals", "refused", "evil.test", "denied");
  EXPECT_THAT(closing_report(empty(), true),
              StartsWith("bottle: 1 request was refused; the audit log is " + file().string() +
                         "\nbottle:   1 x evil.test: denied\nbottle: 4 requests failed\n"));
}

TEST_F(AuditSummaries, HostWhoseProgramsRefuseTheCertificateIsToldWithTheLineToAdd) {
  const auto refuse = [this](const std::string& host, const std::string& second) {
    add_to(".refusals", "failed", host, "ca_refused",
           R"(,"by":"proxy","time":"2026-01-02T03:04:)" + second + R"(.000Z")");
  };
  refuse("pinned.test", "05");
  refuse("pinned.test", "06");
  EXPECT_TRUE(summary().pinned.empty());
  refuse("pinned.test", "07");
  // Two programs, of which one trusts the bottle's CA: not in a row.
  refuse("mixed.test", "01");
  refuse("mixed.test", "02");
  add_to("", "allowed", "mixed.test", "", R"(,"time":"2026-01-02T03:04:03.000Z")");
  refuse("mixed.test", "04");
  EXPECT_THAT(summary().pinned, ::testing::ElementsAre("pinned.test"));
  EXPECT_THAT(closing_report(empty(), true), HasSubstr(R"("routes": { "pinned.test": "splice" })"));
}

TEST_F(AuditSummaries, LogThatIsNotCompleteIsTold) {
  EXPECT_EQ(closing_report(empty(), true), "");
  EXPECT_THAT(closing_report(empty(), false), HasSubstr("is not complete: lines could not be"));
  add_to("", "failed", "", "audit_unwritable", R"(,"kind":"lost_lines","count":7)");
  EXPECT_THAT(closing_report(empty(), true), HasSubstr("is not complete: 7 lines could not be"));
}

TEST_F(AuditSummaries, AnAgentCannotFillOrSteerTheTerminal) {
  add("refused", R"("a\u001b[2Jb\u00e9.test")", "host_not_allowed");
  for (int i = 0; i < 1500; ++i) {
    add("refused", "\"h" + std::to_string(i) + ".test\"", "host_not_allowed");
  }
  const auto refused = summary().refused;
  EXPECT_EQ(refused.count, 1501U);
  EXPECT_EQ(refused.most.size(), 8U);
  EXPECT_EQ(refused.others, 1493U);
  const auto lines = refusal_lines(refused);
  EXPECT_THAT(lines, HasSubstr("a?[2Jb??.test"));
  EXPECT_THAT(lines, HasSubstr("bottle:   1493 more\n"));
}

}  // namespace
}  // namespace bottle::launcher
