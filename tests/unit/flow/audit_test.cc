#include "proxy/flow/audit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace bottle {
namespace {

using nlohmann::json;

class TempDir {
 public:
  TempDir() {
    std::string name = testing::TempDir() + "/audit-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TempDir() {
    ::unlink(file().c_str());
    for (int i = 1; i < kAuditFiles; ++i) ::unlink((file() + "." + std::to_string(i)).c_str());
    ::rmdir(path_.c_str());
  }
  [[nodiscard]] std::string file() const { return path_ + "/audit.jsonl"; }

 private:
  std::string path_;
};

AuditRecord sample() {
  AuditRecord record;
  record.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1700000000123));
  record.id = "01HX";
  record.route = "scan";
  record.client_protocol = "h2";
  record.upstream_protocol = "http/1.1";
  record.method = "POST";
  record.host = "api.example.com";
  record.port = 443;
  record.target = "/v1/messages?beta=true&key=abc";
  record.status = 200;
  record.bytes_in = 12;
  record.bytes_out = 3456;
  record.ttfb = std::chrono::milliseconds(80);
  record.total = std::chrono::milliseconds(950);
  record.scanned_request_body = true;
  return record;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(AuditLine, IsExactlyThis) {
  EXPECT_EQ(audit_line(sample()),
            R"({"time":"2023-11-14T22:13:20.123Z","id":"01HX","kind":"exchange","route":"scan",)"
            R"("client_protocol":"h2","upstream_protocol":"http/1.1","method":"POST",)"
            R"("host":"api.example.com","port":443,"path":"/v1/messages?beta=*&key=*",)"
            R"("status":200,"bytes_in":12,"bytes_out":3456,"ttfb_ms":80,"total_ms":950,)"
            R"("verdict":"allowed","reason":null,"detail":null,"by":null,)"
            R"("scanned":["request_body"]})"
            "\n");
}

TEST(AuditLine, Refusals) {
  AuditRecord record = sample();
  record.kind = AuditKind::RefusedConnection;
  record.verdict = Verdict::Refused;
  record.reason = "host_not_allowed";
  record.detail = "host x is not in the allowlist";
  record.by = DecidedBy::Policy;
  record.upstream_protocol.clear();
  record.ttfb.reset();
  record.scanned_request_body = false;
  const json line = json::parse(audit_line(record));
  EXPECT_EQ(line["kind"], "refused_connection");
  EXPECT_EQ(line["verdict"], "refused");
  EXPECT_EQ(line["reason"], "host_not_allowed");
  EXPECT_EQ(line["by"], "policy");
  EXPECT_TRUE(line["upstream_protocol"].is_null());
  EXPECT_TRUE(line["ttfb_ms"].is_null());
  EXPECT_TRUE(line["scanned"].empty());
}

TEST(AuditLine, EnumsHaveTheirWords) {
  const std::pair<Verdict, const char*> verdicts[] = {{Verdict::Allowed, "allowed"},
                                                      {Verdict::Refused, "refused"},
                                                      {Verdict::Failed, "failed"},
                                                      {Verdict::Cut, "cut"}};
  for (const auto& [value, name] : verdicts) {
    AuditRecord record = sample();
    record.verdict = value;
    EXPECT_EQ(json::parse(audit_line(record))["verdict"], name);
  }
  const std::pair<DecidedBy, const char*> deciders[] = {
      {DecidedBy::Policy, "policy"},     {DecidedBy::Guard, "guard"},
      {DecidedBy::Pipelock, "pipelock"}, {DecidedBy::Proxy, "proxy"},
      {DecidedBy::Origin, "origin"},     {DecidedBy::Client, "client"}};
  for (const auto& [value, name] : deciders) {
    AuditRecord record = sample();
    record.by = value;
    EXPECT_EQ(json::parse(audit_line(record))["by"], name);
  }
  AuditRecord both = sample();
  both.scanned_response_body = true;
  EXPECT_EQ(json::parse(audit_line(both))["scanned"], json({"request_body", "response_body"}));
  both.scanned_request_body = false;
  EXPECT_EQ(json::parse(audit_line(both))["scanned"], json({"response_body"}));
  EXPECT_FALSE(json::parse(audit_line(both)).contains("changed"));
  both.request_body_changed = true;
  EXPECT_EQ(json::parse(audit_line(both))["changed"], json({"request_body"}));
}

TEST(AuditLine, HoldsNoQueryValues) {
  const struct {
    const char* target;
    const char* path;
  } cases[] = {
      {"/", "/"},
      {"*", "*"},
      {"", ""},
      {"/a?", "/a?"},
      {"/a?x", "/a?*"},
      {"/a?x=", "/a?x=*"},
      {"/a?x=1", "/a?x=*"},
      {"/a?x=1&y=2", "/a?x=*&y=*"},
      {"/a?x=1;y=2", "/a?x=*&y=*"},
      {"/a?x=1&&y", "/a?x=*&&*"},
      {"/a?x=1=2=3", "/a?x=*"},
      {"/a?=secret", "/a?=*"},
      {"/a?x=1?y=2", "/a?x=*"},
      {"/a?x=1&", "/a?x=*&"},
      {"/a#x=1", "/a"},
      {"https://h.test/a?x=1", "/a?x=*"},
      {"https://h.test", ""},
      {"https://h.test?x=1", "?x=*"},
      {"https://me:hunter2@h.test/a", ""},
      {"me:hunter2@h.test", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(path_without_values(c.target), c.path) << c.target;
  AuditRecord record = sample();
  record.target = "/u/hunter2-hunter2";
  record.target_has_secret = true;
  const std::string line = audit_line(record);
  EXPECT_EQ(line.find("hunter2"), std::string::npos);
  EXPECT_EQ(json::parse(line)["path"], "[redacted]");
}

TEST(AuditLine, EveryByteStaysInItsStringAndLine) {
  for (int byte = 0; byte < 256; ++byte) {
    AuditRecord record = sample();
    record.target = std::string("/a") + static_cast<char>(byte) + "b";
    record.host = std::string("h") + static_cast<char>(byte);
    record.method = std::string(1, static_cast<char>(byte));
    record.detail = std::string("x") + static_cast<char>(byte) + "\"y";
    const std::string line = audit_line(record);
    ASSERT_EQ(line.find('\n'), line.size() - 1) << byte;
    for (const char c : line.substr(0, line.size() - 1)) {
      ASSERT_TRUE(c >= 0x20 && c < 0x7f) << byte;
    }
    const json parsed = json::parse(line, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << byte;
    ASSERT_EQ(parsed["verdict"], "allowed");
    const std::string detail = parsed["detail"];
    ASSERT_EQ(detail.substr(detail.size() - 2), "\"y") << byte;
  }
}

TEST(AuditLine, UnicodeIsKeptWhereItIsWellFormed) {
  const struct {
    std::string in;
    std::string json_text;
  } cases[] = {
      {"\xc3\xa4", "\xc3\xa4"},
      {"\xe2\x82\xac", "\xe2\x82\xac"},
      {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
      {"\xc3", "\\u00c3"},
      {"\xc0\xaf", "\\u00c0\\u00af"},
      {"\xe0\x80\x80", "\\u00e0\\u0080\\u0080"},
      {"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"},
      {"\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"},
      {"\xf5\x80\x80\x80", "\\u00f5\\u0080\\u0080\\u0080"},
      {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
      {"\xc2\x85", "\\u0085"},
      {"\xc2\xa0", "\xc2\xa0"},
  };
  for (const auto& c : cases) {
    AuditRecord record = sample();
    record.detail = c.in;
    EXPECT_NE(audit_line(record).find("\"detail\":\"" + c.json_text + "\""), std::string::npos)
        << c.json_text;
  }
}

TEST(AuditLine, IsBounded) {
  AuditRecord record = sample();
  for (std::string* field :
       {&record.id, &record.route, &record.client_protocol, &record.upstream_protocol,
        &record.method, &record.host, &record.target, &record.reason, &record.detail}) {
    field->assign(100000, '\x01');
  }
  record.target.front() = '/';
  record.bytes_in = record.bytes_out = ~std::uint64_t{0};
  const std::string line = audit_line(record);
  EXPECT_LE(line.size(), kMaxAuditLine);
  const json parsed = json::parse(line);
  const std::string path = parsed["path"];
  EXPECT_EQ(path.substr(path.size() - 3), "...");
  record = sample();
  record.detail.assign(256, 'd');
  EXPECT_EQ(json::parse(audit_line(record))["detail"], record.detail);
  record.detail.assign(257, 'd');
  EXPECT_EQ(json::parse(audit_line(record))["detail"], std::string(253, 'd') + "...");
}

TEST(AuditSink, WritesLinesAndMakesItsFilePrivate) {
  const TempDir dir;
  {
    auto sink = AuditSink::open(dir.file());
    ASSERT_TRUE(sink) << sink.error().detail;
    (*sink)->write(sample());
    (*sink)->write(sample());
    EXPECT_TRUE((*sink)->healthy());
    EXPECT_EQ((*sink)->written(), 2u);
    EXPECT_EQ((*sink)->lost(), 0u);
    EXPECT_EQ(lines_of(dir.file()).size(), 2u) << "what was written is in the file at once";
  }
  struct stat info{};
  ASSERT_EQ(::stat(dir.file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
  auto again = AuditSink::open(dir.file());
  ASSERT_TRUE(again);
  (*again)->write(sample());
  EXPECT_EQ(lines_of(dir.file()).size(), 3u);
}

TEST(AuditSink, LinesOfManyThreadsDoNotMix) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&sink, i] {
      AuditRecord record = sample();
      record.id = "thread" + std::to_string(i);
      for (int n = 0; n < 200; ++n) (*sink)->write(record);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = lines_of(dir.file());
  EXPECT_EQ(lines.size(), 800u);
  for (const std::string& line : lines)
    EXPECT_FALSE(json::parse(line, nullptr, false).is_discarded());
}

TEST(AuditSink, AbsentFileIsOff) {
  auto sink = AuditSink::open("");
  ASSERT_TRUE(sink);
  (*sink)->write(sample());
  EXPECT_TRUE((*sink)->healthy());
  EXPECT_EQ((*sink)->written(), 0u);
}

TEST(AuditSink, UnopenableFileIsAnErrorThatNamesIt) {
  const auto sink = AuditSink::open("/nonexistent/dir/audit.jsonl");
  ASSERT_FALSE(sink);
  EXPECT_NE(sink.error().detail.find("/nonexistent/dir/audit.jsonl"), std::string::npos);
}

TEST(AuditSink, FullDiskIsSeen) {
  auto sink = AuditSink::open("/dev/full");
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->healthy());
  (*sink)->write(sample());
  EXPECT_FALSE((*sink)->healthy());
  EXPECT_EQ((*sink)->lost(), 1u);
  EXPECT_FALSE((*sink)->probe());
}

TEST(AuditSink, RecoversAndEndsATornLine) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  (*sink)->write(sample());
  const std::size_t whole = audit_line(sample()).size();
  // The disk is full after ten more bytes.
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = whole + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  (*sink)->write(sample());
  const bool healthy_when_full = (*sink)->healthy();
  const bool probe_when_full = (*sink)->probe();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_FALSE(healthy_when_full);
  EXPECT_FALSE(probe_when_full);
  EXPECT_TRUE((*sink)->probe());
  EXPECT_TRUE((*sink)->healthy());
  (*sink)->write(sample());
  const auto lines = lines_of(dir.file());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0] + "\n", audit_line(sample()));
  EXPECT_EQ(lines[1].size(), 10u);
  EXPECT_EQ(lines[2] + "\n", audit_line(sample()));
  EXPECT_EQ((*sink)->lost(), 1u);
  EXPECT_EQ((*sink)->written(), 2u);
}

// T64: whoever can make lines must not be able to fill the disk.
TEST(AuditSink, FilesAreBoundedInSizeAndNumber) {
  const TempDir dir;
  const std::size_t line = audit_line(sample()).size();
  auto sink = AuditSink::open(dir.file(), 2 * line);
  ASSERT_TRUE(sink);
  for (int i = 0; i < 2 * kAuditFiles + 3; ++i) (*sink)->write(sample());
  EXPECT_TRUE((*sink)->healthy());
  EXPECT_EQ((*sink)->lost(), 0u);
  EXPECT_EQ(lines_of(dir.file()).size(), 1u);
  for (int i = 1; i < kAuditFiles; ++i) {
    EXPECT_EQ(lines_of(dir.file() + "." + std::to_string(i)).size(), 2u) << i;
  }
  EXPECT_NE(::access((dir.file() + "." + std::to_string(kAuditFiles)).c_str(), F_OK), 0);
}

TEST(AuditSink, WhatStoodInTheFileBeforeCounts) {
  const TempDir dir;
  const std::size_t line = audit_line(sample()).size();
  {
    auto first = AuditSink::open(dir.file(), 2 * line);
    ASSERT_TRUE(first);
    (*first)->write(sample());
    (*first)->write(sample());
  }
  auto second = AuditSink::open(dir.file(), 2 * line);
  ASSERT_TRUE(second);
  (*second)->write(sample());
  EXPECT_EQ(lines_of(dir.file()).size(), 1u);
  EXPECT_EQ(lines_of(dir.file() + ".1").size(), 2u);
}

}  // namespace
}  // namespace bottle
