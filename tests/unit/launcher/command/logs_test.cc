// `bottle logs` over the three parts of a log, their older files, and logs of before there were
// parts.
#include "launcher/command/logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Logs : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-logs-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / "state/bottle/one");
    fs::create_directory(root_ / "run");
    fs::permissions(root_ / "run", fs::perms::owner_all);
    around_.home = root_;
    around_.env = {{"XDG_RUNTIME_DIR", (root_ / "run").string()},
                   {"XDG_STATE_HOME", (root_ / "state").string()}};
  }
  void TearDown() override { fs::remove_all(root_); }

  void add(const std::string& file, const std::string& line) const {
    std::ofstream(root_ / "state/bottle/one" / file, std::ios::app) << line << "\n";
  }
  // An exchange of second `second`, as the proxy writes it.
  static std::string line(int second, const std::string& part, const std::string& kind,
                          const std::string& id, const std::string& verdict,
                          const std::string& more = "") {
    const std::string time = "2026-01-01T00:00:" + std::string(second < 10 ? "0" : "") +
                             std::to_string(second) + ".000Z";
    std::string out = R"({"time":")" + time + R"(","part":")" + part + R"(","id":")" + id +
                      R"(","kind":")" + kind + R"(","method":"GET","host":")" + id +
                      R"(.test","port":443,"path":"/")";
    if (!verdict.empty()) out += R"(,"status":200,"verdict":")" + verdict + "\"";
    return out + more + "}";
  }

  std::string logs(bool json = false) {
    std::ostringstream out;
    std::ostringstream err;
    const Context context{.around = around_, .backends = {}, .out = out, .err = err};
    LogsOptions options;
    options.json = json;
    const auto status = run_logs(options, context);
    EXPECT_TRUE(status) << status.error().message;
    return out.str();
  }
  // The hosts' first labels, in the order in which they are shown.
  std::string order(bool json = false) {
    std::istringstream in(logs(json));
    std::string out;
    for (std::string text; std::getline(in, text);) {
      const auto end = text.find(".test");
      if (end == std::string::npos) continue;
      const auto begin = text.find_last_of(" \"", end);
      out += text.substr(begin + 1, end - begin - 1) + " ";
    }
    return out;
  }

  fs::path root_;
  Surroundings around_;
};

TEST_F(Logs, PartsAreMergedByTime) {
  add("audit.jsonl", line(1, "exchanges", "exchange", "a", "allowed"));
  add("audit.jsonl", line(5, "exchanges", "exchange", "e", "allowed"));
  add("audit.jsonl.refusals", line(2, "refusals", "exchange", "b", "refused"));
  add("audit.jsonl.refusals", line(4, "refusals", "exchange", "d", "refused"));
  add("audit.jsonl.findings", line(3, "findings", "exchange", "c", "refused"));
  EXPECT_EQ(order(), "a b c d e ");
  EXPECT_EQ(order(true), "a b c d e ");
}

TEST_F(Logs, OlderFilesComeFirst) {
  add("audit.jsonl.2", line(1, "exchanges", "exchange", "a", "allowed"));
  add("audit.jsonl.1", line(3, "exchanges", "exchange", "c", "allowed"));
  add("audit.jsonl", line(5, "exchanges", "exchange", "e", "allowed"));
  add("audit.jsonl.refusals.1", line(2, "refusals", "exchange", "b", "refused"));
  add("audit.jsonl.refusals", line(4, "refusals", "exchange", "d", "refused"));
  EXPECT_EQ(order(), "a b c d e ");
}

TEST_F(Logs, LogsOfBeforeThereWerePartsAreShown) {
  add("audit.jsonl.4",
      R"({"time":"2025-01-01T00:00:00.000Z","host":"a.test","verdict":"allowed"})");
  add("audit.jsonl", R"({"time":"2025-01-02T00:00:00.000Z","host":"b.test","verdict":"refused"})");
  EXPECT_EQ(order(), "a b ");
}

TEST_F(Logs, WhatBeganAndHasNoEndIsOpen) {
  add("audit.jsonl", line(1, "exchanges", "begin", "a", ""));
  add("audit.jsonl", line(2, "exchanges", "begin", "b", ""));
  add("audit.jsonl", line(2, "exchanges", "exchange", "b", "allowed"));
  add("audit.jsonl", line(3, "exchanges", "begin", "c", ""));
  const std::string text = logs();
  EXPECT_EQ(order(), "b a c ");
  EXPECT_THAT(text,
              HasSubstr("open     - GET a.test/  it began, and the log does not have its end\n"));
  EXPECT_EQ(order(true), "a b b c ") << "the lines as they are";
}

TEST_F(Logs, FindingInABodyIsShownOnce) {
  add("audit.jsonl", line(1, "exchanges", "exchange", "a", "refused"));
  add("audit.jsonl.findings", line(1, "findings", "exchange", "a", "refused", R"(,"begun":true)"));
  EXPECT_EQ(order(), "a ");
}

TEST_F(Logs, FindingsHaveAPlaceAndAFingerprint) {
  const std::string one = R"({"name":"GitHub token","kind":"token","severity":"refuse",)"
                          R"("part":"body","json_path":"messages[3].content",)"
                          R"("fingerprint":"k5xw4ytq2mzrhd6a","action":"redacted"})";
  const std::string other = R"({"name":"JWT","kind":"token","severity":"note","part":"header",)"
                            R"("field":"x-token","action":"noted"})";
  add("audit.jsonl", line(1, "exchanges", "exchange", "a", "allowed",
                          R"(,"findings":[)" + one + "," + other + "]"));
  add("audit.jsonl", line(2, "exchanges", "exchange", "b", "allowed",
                          R"(,"findings":[)" + one + "," + one + "," + one + "," + one + "," + one +
                              R"(],"more_findings":7)"));
  EXPECT_THAT(logs(), HasSubstr("  redacted GitHub token in messages[3].content "
                                "(k5xw4ytq2mzrhd6a); noted JWT in x-token\n"));
  EXPECT_THAT(logs(), HasSubstr("(k5xw4ytq2mzrhd6a); 8 more\n"));
}

TEST_F(Logs, FoldedLineSaysHowMany) {
  add("audit.jsonl.refusals", line(1, "refusals", "exchange", "a", "refused", R"(,"count":190)"));
  EXPECT_THAT(logs(), HasSubstr("(190 times)"));
}

TEST_F(Logs, LastLineMayLackItsEnd) {
  std::ofstream(root_ / "state/bottle/one/audit.jsonl")
      << line(1, "exchanges", "exchange", "a", "allowed");
  EXPECT_EQ(order(), "a ");
}

}  // namespace
}  // namespace bottle::launcher
