#include "proxy/scanner/block_reason.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "proxy/scanner/pipelock_verdict.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using Kind = PipelockVerdict::Kind;
using FieldList = std::vector<std::pair<std::string, std::string>>;

Fields fields_of(const FieldList& list) {
  Fields fields;
  for (const auto& [name, value] : list) fields.add(name, value);
  return fields;
}

// As pipelock 3.x writes one: its fields sorted, Date and Content-Length behind them.
FieldList block_fields(const std::string& code, const std::string& retry,
                       const std::string& layer = "") {
  FieldList list = {{"Content-Type", "text/plain; charset=utf-8"},
                    {"X-Content-Type-Options", "nosniff"},
                    {"X-Pipelock-Block-Reason", code}};
  if (!layer.empty()) list.emplace_back("X-Pipelock-Block-Reason-Layer", layer);
  list.emplace_back("X-Pipelock-Block-Reason-Receipt", "01JZZZZZZZZZZZZZZZZZZZZZZZ");
  list.emplace_back("X-Pipelock-Block-Reason-Retry", retry);
  list.emplace_back("X-Pipelock-Block-Reason-Severity", "critical");
  list.emplace_back("X-Pipelock-Block-Reason-Version", "1");
  list.emplace_back("Date", "Tue, 24 Nov 2026 06:00:00 GMT");
  return list;
}

ResponseHead head_of(int status, const FieldList& list, std::size_t length) {
  ResponseHead head;
  head.status = status;
  head.fields = fields_of(list);
  head.content_length = length;
  head.keep_alive = true;
  return head;
}

PipelockVerdict judged(int status, const std::string& line, const FieldList& list,
                       BlockMark mark = BlockMark::AnOriginToo) {
  const std::string body = line.empty() ? line : line + "\n";
  return pipelock_verdict(head_of(status, list, body.size()), body, false, mark);
}

TEST(BlockReason, IsReadFromItsFields) {
  EXPECT_FALSE(block_reason_of(fields_of({{"X-Pipelock-Hint", "h"}})));
  EXPECT_FALSE(block_reason_of(fields_of({{"X-Pipelock-Block-Reason-Retry", "none"}})));
  const auto reason = block_reason_of(fields_of(block_fields("dlp_match", "policy", "core_dlp")));
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->code, "dlp_match");
  EXPECT_EQ(reason->layer, "core_dlp");
  EXPECT_EQ(reason->retry, BlockRetry::Policy);
  EXPECT_EQ(in_brackets(*reason), " (dlp_match, core_dlp)");
}

TEST(BlockReason, AMarkThatCannotBeReadIsStillOne) {
  for (const char* code : {"", "DLP_MATCH", "dlp match", "dlp-match", "dlp1", "\x1b[31m", "<b>"}) {
    const auto reason = block_reason_of(fields_of({{"X-Pipelock-Block-Reason", code}}));
    ASSERT_TRUE(reason) << code;
    EXPECT_EQ(reason->code, "") << code;
    EXPECT_EQ(in_brackets(*reason), "");
  }
  const std::string longest(48, 'a');
  EXPECT_EQ(block_reason_of(fields_of({{"x-pipelock-block-reason", longest}}))->code, longest);
  EXPECT_EQ(block_reason_of(fields_of({{"x-pipelock-block-reason", longest + "a"}}))->code, "");
  // Two of one name say nothing.
  FieldList twice = block_fields("dlp_match", "none", "core_dlp");
  twice.emplace_back("X-Pipelock-Block-Reason", "dlp_match");
  twice.emplace_back("X-Pipelock-Block-Reason-Retry", "transient");
  EXPECT_EQ(block_reason_of(fields_of(twice))->code, "");
  EXPECT_EQ(block_reason_of(fields_of(twice))->retry, BlockRetry::Unknown);
}

TEST(BlockReason, TheRetryWordCountsInVersionsThatAreKnown) {
  const auto retry = [](const std::string& version, const std::string& word) {
    return block_reason_of(fields_of({{"X-Pipelock-Block-Reason", "x"},
                                      {"X-Pipelock-Block-Reason-Version", version},
                                      {"X-Pipelock-Block-Reason-Retry", word}}))
        ->retry;
  };
  EXPECT_EQ(retry("1", "none"), BlockRetry::None);
  EXPECT_EQ(retry("1", "transient"), BlockRetry::Transient);
  EXPECT_EQ(retry("1.4", "policy"), BlockRetry::Policy);
  EXPECT_EQ(retry("1", "never"), BlockRetry::Unknown);
  EXPECT_EQ(retry("1", "None"), BlockRetry::Unknown);
  for (const char* version : {"", "2", "10", "one"}) {
    EXPECT_EQ(retry(version, "transient"), BlockRetry::Unknown) << version;
  }
}

TEST(BlockReason, ItsFieldsAreKnownByTheirNames) {
  EXPECT_TRUE(is_block_field("X-Pipelock-Block-Reason"));
  EXPECT_TRUE(is_block_field("x-pipelock-block-reason-layer"));
  EXPECT_FALSE(is_block_field("X-Pipelock-Block"));
  EXPECT_FALSE(is_block_field("X-Pipelock-Hint"));
}

// A text that is known says more than the code, and the code more than a text that is not.
TEST(MarkedVerdict, TextAndCodeTogetherGiveTheWord) {
  const struct {
    int status;
    const char* line;
    const char* code;
    const char* word;
    bool in_target;
  } cases[] = {
      {403, "blocked: DLP match: X (critical)", "dlp_match", "secret_in_url", true},
      {403, "blocked: request body contains secret: X", "dlp_match", "secret_in_body", false},
      {403, "blocked: words of a new version", "dlp_match", "secret_in_request", true},
      {403, "blocked: request body is odd", "prompt_injection", "injection_found", false},
      {403, "blocked: request body is odd", "brand_new", "body_refused", false},
      {403, "blocked: response contains injection", "prompt_injection", "injection_in_response",
       false},
      {403, "", "domain_blocklist", "host_not_allowed", false},
      {403, "not a line of its own form", "ssrf_metadata", "address_not_allowed", false},
      {403, "airlock: drain tier blocks all traffic", "airlock_active", "session_refused", false},
      {429, "blocked: rate limit exceeded for x", "rate_limit", "rate_limited", false},
      {429, "blocked: something is exceeded", "brand_new", "rate_limited", false},
      {403, "blocked: x", "redirect_scan_denied", "redirect_refused", false},
      {403, "blocked: x", "path_entropy", "url_looks_like_secret", true},
      {403, "blocked: x", "brand_new", "scanner_denied", false},
      {451, "x", "tool_policy_deny", "scanner_denied", false},
  };
  for (const auto& c : cases) {
    const PipelockVerdict verdict = judged(c.status, c.line, block_fields(c.code, "none"));
    EXPECT_EQ(verdict.kind, Kind::Refused) << c.code;
    EXPECT_EQ(verdict.failure.code, Code::UpstreamDenied) << c.code;
    EXPECT_EQ(word(verdict.failure), c.word) << c.line;
    EXPECT_EQ(verdict.target_has_secret, c.in_target) << c.line;
    EXPECT_TRUE(verdict.failure.detail.ends_with(std::string(" (") + c.code + ")"))
        << verdict.failure.detail;
  }
}

TEST(MarkedVerdict, TheRetryWordIsOurHint) {
  const auto verdict = [](const std::string& retry, const std::string& code = "brand_new") {
    return judged(403, "blocked: x", block_fields(code, retry));
  };
  const auto hint = [&](const std::string& retry, const std::string& code = "brand_new") {
    return verdict(retry, code).failure.hint;
  };
  EXPECT_EQ(hint("none"), "The same request will be refused again.");
  EXPECT_EQ(verdict("none").retry_after, 0s);
  EXPECT_EQ(hint("policy"),
            "It can pass when the person who runs the bottle has changed something for it.");
  EXPECT_EQ(hint("transient"), "Try again later.");
  EXPECT_EQ(verdict("transient").retry_after, 5s);
  EXPECT_EQ(verdict("transient", "rate_limit").retry_after, 60s);
  EXPECT_EQ(verdict("transient", "data_budget").retry_after, 60s);
  EXPECT_EQ(hint("some other word"), "");
  EXPECT_EQ(hint("none", "url_length"),
            "Use a shorter URL. The same request will be refused again.");
}

TEST(MarkedVerdict, FailuresAreStillFailures) {
  const PipelockVerdict cut =
      judged(403, "blocked: x", block_fields("parse_error", "transient", "response_scan"));
  EXPECT_EQ(cut.kind, Kind::Failed);
  EXPECT_EQ(cut.failure.code, Code::UpstreamBroken);
  EXPECT_EQ(cut.failure.detail, "the origin's answer ended early (parse_error, response_scan)");
  const PipelockVerdict off = judged(503, "", block_fields("kill_switch_active", "policy"));
  EXPECT_EQ(off.kind, Kind::Failed);
  EXPECT_EQ(off.failure.code, Code::ScannerUnavailable);
  EXPECT_EQ(word(off.failure), "kill_switch_active");
  EXPECT_EQ(off.failure.hint, "The person who runs the bottle has stopped all traffic.");
  EXPECT_EQ(judged(403, "blocked: SSRF check failed: DNS resolution error for x: no such host",
                   block_fields("ssrf_private_ip", "transient"))
                .failure.code,
            Code::DnsFailed);
  EXPECT_EQ(judged(403, "blocked: x", block_fields("parse_error", "none")).kind, Kind::Refused);
}

// Without an exit pipelock may relay what an origin wrote.
TEST(MarkedVerdict, WithoutAnExitTheFormHasToFit) {
  const FieldList fine = block_fields("dlp_match", "none");
  EXPECT_EQ(judged(403, "blocked: x", fine).kind, Kind::Refused);
  FieldList dated = fine;
  std::swap(dated[1], dated.back());
  FieldList more = fine;
  more.emplace_back("Server", "x");
  FieldList undated = fine;
  undated.pop_back();
  FieldList cookie = fine;
  cookie.insert(cookie.begin() + 1, {"Set-Cookie", "a=b"});
  for (const FieldList& list : {dated, more, undated, cookie}) {
    EXPECT_EQ(judged(403, "blocked: x", list).kind, Kind::Relayed);
    EXPECT_FALSE(may_be_pipelocks_own(head_of(403, list, 11)));
    EXPECT_EQ(judged(403, "blocked: x", list, BlockMark::PipelockAlone).kind, Kind::Refused);
  }
  EXPECT_EQ(judged(200, "blocked: x", fine).kind, Kind::Relayed);
  EXPECT_EQ(judged(302, "blocked: x", fine).kind, Kind::Relayed);
  // A relayed answer to HEAD has no length.
  ResponseHead head = head_of(403, fine, 0);
  head.content_length.reset();
  EXPECT_EQ(pipelock_verdict(head, "", true, BlockMark::AnOriginToo).kind, Kind::Relayed);
  EXPECT_EQ(pipelock_verdict(head_of(403, fine, 20), "", true, BlockMark::AnOriginToo).kind,
            Kind::Refused);
  const std::string text(kPipelockBlockBody + 1, 'x');
  EXPECT_EQ(judged(403, text, fine).kind, Kind::Relayed);
}

TEST(MarkedVerdict, BehindAnExitTheMarkIsProof) {
  const std::string text(kPipelockBlockBody + 1, 'x');
  const FieldList bare = {{"X-Pipelock-Block-Reason", "media_policy"}};
  for (const std::string& line : {std::string(), std::string("{}"), text}) {
    const PipelockVerdict verdict = judged(403, line, bare, BlockMark::PipelockAlone);
    EXPECT_EQ(verdict.kind, Kind::Refused);
    EXPECT_EQ(word(verdict.failure), "media_refused");
  }
  EXPECT_EQ(judged(403, "x", {{"Server", "x"}}, BlockMark::PipelockAlone).kind, Kind::Relayed);
}

}  // namespace
}  // namespace bottle
