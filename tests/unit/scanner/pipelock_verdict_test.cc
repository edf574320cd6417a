#include "proxy/scanner/pipelock_verdict.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bottle {
namespace {

using Kind = PipelockVerdict::Kind;
using FieldList = std::vector<std::pair<std::string, std::string>>;

ResponseHead head_of(int status, const FieldList& fields, std::size_t length,
                     bool keep_alive = true) {
  ResponseHead head;
  head.status = status;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  head.content_length = length;
  head.keep_alive = keep_alive;
  return head;
}

PipelockVerdict without_exit(const ResponseHead& head, const std::string& body, bool was_head) {
  return pipelock_verdict(head, body, was_head, BlockMark::AnOriginToo);
}

const FieldList kBlock = {{"Content-Type", "text/plain; charset=utf-8"},
                          {"X-Content-Type-Options", "nosniff"},
                          {"Date", "Tue, 24 Nov 2026 06:00:00 GMT"}};

PipelockVerdict block(int status, const std::string& line) {
  const std::string body = line + "\n";
  const ResponseHead head = head_of(status, kBlock, body.size());
  EXPECT_TRUE(may_be_pipelocks_own(head));
  return without_exit(head, body, false);
}

TEST(PipelockVerdict, EachTextHasItsWord) {
  const struct {
    int status;
    const char* line;
    Kind kind;
    Code code;
    const char* word;
  } cases[] = {
      {403, "blocked: domain not in allowlist: x.test", Kind::Refused, Code::UpstreamDenied,
       "host_not_allowed"},
      {403, "blocked: domain blocked: x matches y", Kind::Refused, Code::UpstreamDenied,
       "host_not_allowed"},
      {403, "blocked: DLP match: Anthropic API Key (critical)", Kind::Refused, Code::UpstreamDenied,
       "secret_in_url"},
      {403, "blocked: core DLP match: AWS Access ID (critical) (escalated)", Kind::Refused,
       Code::UpstreamDenied, "secret_in_url"},
      {403, "blocked: known secret leak detected", Kind::Refused, Code::UpstreamDenied,
       "secret_in_url"},
      {403, "blocked: request body contains secret: A, B", Kind::Refused, Code::UpstreamDenied,
       "secret_in_body"},
      {403, "blocked: request header contains secret", Kind::Refused, Code::UpstreamDenied,
       "secret_in_header"},
      {403, "blocked: cross-request secret detected: A", Kind::Refused, Code::UpstreamDenied,
       "secret_in_requests"},
      {403, "blocked: high entropy path segment (5.1 > 4.5 threshold)", Kind::Refused,
       Code::UpstreamDenied, "url_looks_like_secret"},
      {403, "blocked: core SSRF: 10.0.0.1 is a private/internal IP address", Kind::Refused,
       Code::UpstreamDenied, "address_not_allowed"},
      {403, "blocked: SSRF blocked: x resolves to internal IP 10.0.0.1", Kind::Refused,
       Code::UpstreamDenied, "address_not_allowed"},
      {403, "blocked: redirect blocked: domain not in allowlist: y", Kind::Refused,
       Code::UpstreamDenied, "redirect_refused"},
      {403, "blocked: request body exceeds max_body_bytes (5242880)", Kind::Refused,
       Code::UpstreamDenied, "body_too_large"},
      {403, "blocked: invalid JSON body", Kind::Refused, Code::UpstreamDenied, "body_not_readable"},
      {403, "blocked: multipart/form-data missing boundary", Kind::Refused, Code::UpstreamDenied,
       "body_not_readable"},
      {403, "blocked: compressed sse_stream response cannot be scanned", Kind::Refused,
       Code::UpstreamDenied, "response_not_readable"},
      {403, "blocked: response contains injection", Kind::Refused, Code::UpstreamDenied,
       "injection_in_response"},
      {403, "blocked: media_policy: audio stripped", Kind::Refused, Code::UpstreamDenied,
       "media_refused"},
      {403, "blocked: path traversal sequence in URL", Kind::Refused, Code::UpstreamDenied,
       "url_refused"},
      {403, "blocked: URL length 3000 exceeds maximum 2048", Kind::Refused, Code::UpstreamDenied,
       "url_refused"},
      {403, "blocked: something new", Kind::Refused, Code::UpstreamDenied, "scanner_denied"},
      {403, "airlock: airlock: drain tier blocks all traffic", Kind::Refused, Code::UpstreamDenied,
       "session_refused"},
      {403, "session anomaly: 9 new domains in 5m window (threshold: 5)", Kind::Refused,
       Code::UpstreamDenied, "session_refused"},
      {429, "blocked: rate limit exceeded for x.test", Kind::Refused, Code::UpstreamDenied,
       "rate_limited"},
      {429, "blocked: request budget exceeded: 10/10 requests", Kind::Refused, Code::UpstreamDenied,
       "rate_limited"},
      {403, "blocked: SSRF check failed: DNS resolution error for x.test: lookup x.test: no host",
       Kind::Failed, Code::DnsFailed, "dns_failed"},
      {403, "blocked: response read error", Kind::Failed, Code::UpstreamBroken, "upstream_broken"},
      {502, "forward proxy fetch failed", Kind::Failed, Code::ConnectFailed, "origin_unreachable"},
      {503, "scanner unavailable during reload", Kind::Failed, Code::ScannerUnavailable,
       "scanner_unavailable"},
      {405, "forward proxy not enabled", Kind::Failed, Code::ScannerUnavailable,
       "scanner_misconfigured"},
  };
  for (const auto& c : cases) {
    const PipelockVerdict verdict = block(c.status, c.line);
    EXPECT_EQ(verdict.kind, c.kind) << c.line;
    const std::string& reason = verdict.failure.reason;
    EXPECT_EQ(verdict.target_has_secret, reason == "secret_in_url" ||
                                             reason == "url_looks_like_secret" ||
                                             reason == "secret_in_requests")
        << c.line;
    EXPECT_EQ(verdict.failure.code, c.code) << c.line;
    EXPECT_EQ(word(verdict.failure), c.word) << c.line;
  }
}

TEST(PipelockVerdict, TextsThatAreNotItsOwn) {
  EXPECT_EQ(block(403, "Forbidden").kind, Kind::Relayed);
  EXPECT_EQ(block(403, "blocked").kind, Kind::Relayed);
  EXPECT_EQ(block(429, "blocked: domain not in allowlist: x").kind, Kind::Relayed);
  EXPECT_EQ(block(502, "forward proxy fetch failed.").kind, Kind::Relayed);
  EXPECT_EQ(block(503, "try later").kind, Kind::Relayed);
  const auto judge = [](const std::string& body) {
    return without_exit(head_of(403, kBlock, body.size()), body, false).kind;
  };
  EXPECT_EQ(judge("blocked: x\n"), Kind::Refused);
  EXPECT_EQ(judge("blocked: x"), Kind::Relayed);
  EXPECT_EQ(judge("blocked: x\ny\n"), Kind::Relayed);
  EXPECT_EQ(judge("blocked: x\n\n"), Kind::Relayed);
  EXPECT_EQ(judge(""), Kind::Relayed);
}

TEST(PipelockVerdict, FormsThatAreNotItsOwn) {
  const std::string body = "blocked: x\n";
  const std::pair<std::string, std::string> type{"Content-Type", "text/plain; charset=utf-8"};
  const std::pair<std::string, std::string> nosniff{"X-Content-Type-Options", "nosniff"};
  const std::pair<std::string, std::string> date{"Date", "Tue, 24 Nov 2026 06:00:00 GMT"};
  const struct {
    const char* what;
    FieldList fields;
    Kind kind;
  } cases[] = {
      {"its own", {type, nosniff, date}, Kind::Refused},
      {"with a hint", {type, nosniff, {"X-Pipelock-Hint", "h"}, date}, Kind::Refused},
      {"lower-case names",
       {{"content-type", type.second},
        {"x-content-type-options", "nosniff"},
        {"date", date.second}},
       Kind::Refused},
      {"the origin's Date comes before", {type, date, nosniff}, Kind::Relayed},
      {"Date first", {date, type, nosniff}, Kind::Relayed},
      {"no Date", {type, nosniff}, Kind::Relayed},
      {"no nosniff", {type, date}, Kind::Relayed},
      {"another nosniff", {type, {"X-Content-Type-Options", "no"}, date}, Kind::Relayed},
      {"another type", {{"Content-Type", "text/plain"}, nosniff, date}, Kind::Relayed},
      {"one more field", {type, nosniff, {"Server", "x"}, date}, Kind::Relayed},
      {"a cookie", {type, nosniff, date, {"Set-Cookie", "a=b"}}, Kind::Relayed},
      {"two Dates", {type, nosniff, date, date}, Kind::Relayed},
      {"two types", {type, type, nosniff, date}, Kind::Relayed},
  };
  for (const auto& c : cases) {
    const ResponseHead head = head_of(403, c.fields, body.size());
    EXPECT_EQ(without_exit(head, body, false).kind, c.kind) << c.what;
    EXPECT_EQ(may_be_pipelocks_own(head), c.kind != Kind::Relayed) << c.what;
  }
  for (const int status : {200, 301, 400, 401, 404, 500, 504}) {
    EXPECT_EQ(without_exit(head_of(status, kBlock, body.size()), body, false).kind, Kind::Relayed)
        << status;
  }
  ResponseHead chunked = head_of(403, kBlock, 0);
  chunked.content_length.reset();
  EXPECT_FALSE(may_be_pipelocks_own(chunked));
}

TEST(PipelockVerdict, LongBodiesAreTheOrigins) {
  std::string body = "blocked: " + std::string(kPipelockBlockBody - 10, 'x') + "\n";
  ASSERT_EQ(body.size(), kPipelockBlockBody);
  EXPECT_EQ(without_exit(head_of(403, kBlock, body.size()), body, false).kind, Kind::Refused);
  body.insert(9, "x");
  EXPECT_FALSE(may_be_pipelocks_own(head_of(403, kBlock, body.size())));
  EXPECT_EQ(without_exit(head_of(403, kBlock, body.size()), body, false).kind, Kind::Relayed);
}

TEST(PipelockVerdict, KillSwitch) {
  const FieldList fields = {{"Content-Type", "application/json"},
                            {"Date", "Tue, 24 Nov 2026 06:00:00 GMT"}};
  const auto judge = [&](const std::string& body) {
    return without_exit(head_of(503, fields, body.size()), body, false);
  };
  const PipelockVerdict on =
      judge("{\"error\":\"kill_switch_active\",\"message\":\"stopped \\\"now\\\"\"}\n");
  EXPECT_EQ(on.kind, Kind::Failed);
  EXPECT_EQ(on.failure.code, Code::ScannerUnavailable);
  EXPECT_EQ(word(on.failure), "kill_switch_active");
  for (const char* body :
       {"{\"error\":\"kill_switch_active\"}\n", "{\"error\":\"other\",\"message\":\"x\"}\n",
        "{\"error\":\"kill_switch_active\",\"message\":\"x\",\"more\":\"y\"}\n",
        "{\"error\":\"kill_switch_active\",\"message\":\"x\"}",
        "{\"error\":\"kill_switch_active\",\"message\":\"x\\\"}\n", "{}\n", ""}) {
    EXPECT_EQ(judge(body).kind, Kind::Relayed) << body;
  }
}

TEST(PipelockVerdict, HeadIsJudgedByItsForm) {
  const PipelockVerdict refused = without_exit(head_of(403, kBlock, 40), "", true);
  EXPECT_EQ(refused.kind, Kind::Refused);
  EXPECT_EQ(word(refused.failure), "scanner_denied");
  EXPECT_EQ(without_exit(head_of(503, kBlock, 34), "", true).failure.code,
            Code::ScannerUnavailable);
  EXPECT_EQ(without_exit(head_of(502, kBlock, 27), "", true).failure.code, Code::ConnectFailed);
  const FieldList kill_switch = {{"Content-Type", "application/json"}, {"Date", "x"}};
  EXPECT_EQ(word(without_exit(head_of(503, kill_switch, 60), "", true).failure),
            "kill_switch_active");
  ResponseHead relayed = head_of(403, kBlock, 0);
  relayed.content_length.reset();  // pipelock drops it when it relays
  EXPECT_EQ(without_exit(relayed, "", true).kind, Kind::Relayed);
}

TEST(PipelockVerdict, GoServersOwnComplaint) {
  const FieldList plain = {{"Content-Type", "text/plain; charset=utf-8"}};
  for (const int status : {400, 431, 501, 505}) {
    const PipelockVerdict verdict =
        without_exit(head_of(status, plain, 15, false), "400 Bad Request", false);
    EXPECT_EQ(verdict.kind, Kind::Failed) << status;
    EXPECT_EQ(verdict.failure.code, Code::UpstreamBroken);
    EXPECT_EQ(word(verdict.failure), "scanner_rejected_request");
  }
  EXPECT_EQ(without_exit(head_of(417, {}, 0, false), "", false).kind, Kind::Failed);
  FieldList dated = plain;
  dated.emplace_back("Date", "Tue, 24 Nov 2026 06:00:00 GMT");
  EXPECT_EQ(without_exit(head_of(400, dated, 15, false), "400 Bad Request", false).kind,
            Kind::Relayed);
  EXPECT_EQ(without_exit(head_of(400, plain, 15, true), "400 Bad Request", false).kind,
            Kind::Relayed);
}

TEST(PipelockVerdict, DetailIsPrintableAndBounded) {
  const PipelockVerdict verdict = block(403, "blocked: \x1b[31m\xff" + std::string(3000, 'x'));
  EXPECT_EQ(verdict.kind, Kind::Refused);
  EXPECT_LT(verdict.failure.detail.size(), 400u);
  for (const char c : verdict.failure.detail) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

}  // namespace
}  // namespace bottle
