#include "proxy/flow/audit.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/flow/audit_bench.h"

namespace bottle {
namespace {

using nlohmann::json;

TEST(AuditLine, IsExactlyThis) {
  EXPECT_EQ(
      audit_line(sample()),
      R"({"time":"2023-11-14T22:13:20.123Z","part":"exchanges","id":"01HX",)"
      R"("kind":"exchange","route":"scan","client_protocol":"h2","upstream_protocol":"http/1.1","method":"POST",)"
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

FindingRecord found(std::string path) {
  return FindingRecord{.name = "GitHub token",
                       .kind = "token",
                       .severity = "refuse",
                       .part = "body",
                       .field = {},
                       .json_path = std::move(path),
                       .fingerprint = "abcdefghijklmn27",
                       .action = FindingAction::Redacted};
}

TEST(AuditLine, NamesWhatTheGuardFound) {
  AuditRecord record = sample();
  EXPECT_FALSE(json::parse(audit_line(record)).contains("findings"));
  record.findings.add(found("messages[12].content[0].text"));
  const json line = json::parse(audit_line(record));
  EXPECT_EQ(line["findings"], json::parse(R"([{"name":"GitHub token","kind":"token",)"
                                          R"("severity":"refuse","part":"body",)"
                                          R"("json_path":"messages[12].content[0].text",)"
                                          R"("fingerprint":"abcdefghijklmn27",)"
                                          R"("action":"redacted"}])"));
  EXPECT_FALSE(line.contains("more_findings"));
}

TEST(AuditLine, FindingsAreBounded) {
  AuditRecord record = sample();
  for (int i = 0; i < 20; ++i) {
    FindingRecord one = found(std::string(5000, '\xff'));
    one.name = one.field = one.fingerprint = std::string(5000, '\x01');
    record.findings.add(std::move(one));
  }
  for (std::string* text : {&record.host, &record.target, &record.detail, &record.id, &record.route,
                            &record.method, &record.reason}) {
    *text = std::string(5000, '\xff');
  }
  record.target.front() = '/';
  const std::string text = audit_line(record);
  EXPECT_LE(text.size(), kMaxAuditLine);
  const json line = json::parse(text);
  EXPECT_EQ(line["findings"].size(), FindingRecords::kMaxKept);
  EXPECT_EQ(line["more_findings"], 4);
}

TEST(AuditLine, ABeginningHasWhatIsKnownThen) {
  AuditRecord record = sample();
  record.kind = AuditKind::Begin;
  EXPECT_EQ(audit_line(record),
            R"({"time":"2023-11-14T22:13:20.123Z","part":"exchanges","id":"01HX","kind":"begin",)"
            R"("route":"scan","client_protocol":"h2","method":"POST","host":"api.example.com",)"
            R"("port":443,"path":"/v1/messages?beta=*&key=*"})"
            "\n");
}

TEST(AuditLine, BytesThatWereNotReadAreToldAtBothEnds) {
  AuditRecord record = sample();
  EXPECT_FALSE(json::parse(audit_line(record)).contains("not_inspected"));
  record.not_inspected = true;
  EXPECT_EQ(json::parse(audit_line(record))["not_inspected"], true);
  record.kind = AuditKind::Begin;
  EXPECT_EQ(json::parse(audit_line(record))["not_inspected"], true);
}

TEST(AuditLine, TellsHowManyItStandsFor) {
  AuditRecord record = sample();
  EXPECT_FALSE(json::parse(audit_line(record)).contains("count"));
  record.count = 190'000;
  EXPECT_EQ(json::parse(audit_line(record))["count"], 190'000);
}

TEST(AuditParts, WhatSentSomethingOutIsAnExchange) {
  const struct {
    const char* what;
    AuditKind kind;
    Verdict verdict;
    DecidedBy by;
    bool begun;
    AuditPart part;
    bool late_finding;
  } cases[] = {
      {"allowed", AuditKind::Exchange, Verdict::Allowed, DecidedBy::None, true,
       AuditPart::Exchanges, false},
      {"cut", AuditKind::Exchange, Verdict::Cut, DecidedBy::Origin, true, AuditPart::Exchanges,
       false},
      {"its beginning", AuditKind::Begin, Verdict::Allowed, DecidedBy::None, false,
       AuditPart::Exchanges, false},
      {"broken after it was sent", AuditKind::Exchange, Verdict::Failed, DecidedBy::Origin, true,
       AuditPart::Exchanges, false},
      {"no such name", AuditKind::Exchange, Verdict::Failed, DecidedBy::Origin, false,
       AuditPart::Refusals, false},
      {"policy", AuditKind::Exchange, Verdict::Refused, DecidedBy::Policy, false,
       AuditPart::Refusals, false},
      {"guard, in the head", AuditKind::Exchange, Verdict::Refused, DecidedBy::Guard, false,
       AuditPart::Findings, false},
      {"guard, in the body", AuditKind::Exchange, Verdict::Refused, DecidedBy::Guard, true,
       AuditPart::Exchanges, true},
      {"pipelock", AuditKind::Exchange, Verdict::Refused, DecidedBy::Pipelock, true,
       AuditPart::Exchanges, true},
      {"the exit", AuditKind::RefusedAtExit, Verdict::Refused, DecidedBy::Exit, false,
       AuditPart::Findings, false},
      {"a name", AuditKind::RefusedName, Verdict::Refused, DecidedBy::Proxy, false,
       AuditPart::Refusals, false},
  };
  for (const auto& c : cases) {
    AuditRecord record = sample();
    record.kind = c.kind;
    record.verdict = c.verdict;
    record.by = c.by;
    record.begun = c.begun;
    EXPECT_EQ(part_of(record), c.part) << c.what;
    EXPECT_EQ(is_late_finding(record), c.late_finding) << c.what;
  }
}

}  // namespace
}  // namespace bottle
