#include "proxy/http/problem.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/http/h1_writer.h"

namespace bottle {
namespace {

std::string json(std::string_view text, std::size_t max = 1000) {
  Bytes out;
  append_json_string(out, text, max);
  return out;
}

TEST(Problem, SaysWhatAndWhyAndWhatToDo) {
  const LocalAnswer answer = problem_answer(
      Failure{Code::Denied, "the host is not on the allowlist", "host_not_allowed", "Ask."}, "r-1",
      "example.net");
  EXPECT_EQ(answer.body,
            "{\"type\":\"urn:bottle:problem:host_not_allowed\","
            "\"title\":\"Refused by policy: example.net\",\"status\":403,\"hint\":\"Ask.\","
            "\"detail\":\"the host is not on the allowlist\",\"code\":\"host_not_allowed\","
            "\"request_id\":\"r-1\"}\n");
  EXPECT_EQ(answer.head.status, 403);
  EXPECT_EQ(*answer.head.fields.find("content-type"), "application/problem+json");
  EXPECT_EQ(*answer.head.fields.find("x-content-type-options"), "nosniff");
  EXPECT_EQ(*answer.head.fields.find("cache-control"), "no-store");
  EXPECT_EQ(*answer.head.fields.find("x-bottle-deny"), "host_not_allowed");
  EXPECT_EQ(answer.head.content_length, answer.body.size());
  EXPECT_TRUE(answer.head.has_body);
  EXPECT_TRUE(answer.head.keep_alive);
}

TEST(Problem, EveryFailureHasAnAnswerThatFitsItsRow) {
  for (const FailureTraits& row : all_failure_traits()) {
    const LocalAnswer answer = problem_answer(Failure{row.code, "why"}, "id");
    EXPECT_EQ(answer.head.status, row.status == 0 ? 500 : row.status);
    EXPECT_EQ(answer.head.fields.has("x-bottle-deny"), row.level == LogLevel::Audit) << row.word;
    EXPECT_EQ(answer.head.fields.has("retry-after"),
              row.code == Code::Overloaded || row.code == Code::ShuttingDown);
    EXPECT_EQ(answer.head.fields.has("proxy-authenticate"), row.status == 407);
    EXPECT_EQ(answer.head.fields.has("upgrade"), row.status == 426);
    EXPECT_EQ(answer.head.keep_alive, !row.closes);
    EXPECT_FALSE(answer.head.reason.empty());
    EXPECT_NE(answer.body.find("\"code\":\"" + std::string(row.word) + "\""), std::string::npos);
    EXPECT_NE(answer.body.find("\"hint\":"), std::string::npos);
  }
}

TEST(Problem, A407SaysWhatItWants) {
  const LocalAnswer answer = problem_answer(Failure{Code::ProxyAuth, "who are you?"}, "id");
  EXPECT_EQ(answer.head.status, 407);
  EXPECT_EQ(*answer.head.fields.find("proxy-authenticate"), "Basic realm=\"bottle\"");
  EXPECT_EQ(*answer.head.fields.find("x-bottle-deny"), "proxy_auth_required");
  EXPECT_TRUE(answer.head.keep_alive) << "some clients try again on the same connection";
}

// RFC 9110 section 15.5.22: a protocol that the client may use instead. "websocket" there would ask
// it to try again.
TEST(Problem, A426NamesTheProtocolThatThereIs) {
  const LocalAnswer answer = problem_answer(Failure{Code::UpgradeRefused, "no"}, "id");
  EXPECT_EQ(answer.head.status, 426);
  EXPECT_EQ(answer.head.fields.find("upgrade"), "HTTP/1.1");
  EXPECT_EQ(answer.head.reason, "Upgrade Required");
  EXPECT_FALSE(answer.head.keep_alive) << "bytes of the other protocol may follow";
}

TEST(Problem, ATitleWithoutAHostIsTheTables) {
  EXPECT_EQ(problem_title(Failure{Code::Denied, "no"}, ""), "Refused by policy");
  EXPECT_EQ(problem_title(Failure{Code::DnsFailed, "no"}, "a.test"), "Host not found: a.test");
}

// An answer never carries a peer's bytes unescaped, into the body or the head.
// [T42]
TEST(Problem, PeersBytesAreEscapedAndBounded) {
  const std::string hostile =
      "\"}\r\nX-Evil: 1\r\n\r\n<script>&\x1b[31m\xff\x7f" + std::string(5000, 'a');
  const LocalAnswer answer =
      problem_answer(Failure{Code::Denied, hostile, hostile, hostile}, hostile);
  EXPECT_LT(answer.body.size(), 3000U);
  EXPECT_EQ(answer.body.find('\r'), std::string::npos);
  EXPECT_EQ(answer.body.find('<'), std::string::npos);
  EXPECT_EQ(answer.body.find('\x1b'), std::string::npos);
  EXPECT_EQ(*answer.head.fields.find("x-bottle-deny"), "denied");
  Bytes wire;
  write_response_head(wire, answer.head, Framing::content_length(answer.body.size()));
  EXPECT_EQ(wire.find("Evil"), std::string::npos);
  for (const char c : answer.body) {
    EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
  }
}

TEST(JsonString, EscapesWhatJsonAndHtmlGiveAMeaning) {
  EXPECT_EQ(json("plain /text"), "\"plain /text\"");
  EXPECT_EQ(json("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(json(std::string_view("\0\n\t\x1f", 4)), "\"\\u0000\\u000a\\u0009\\u001f\"");
  EXPECT_EQ(json("<&>"), "\"\\u003c\\u0026\\u003e\"");
  EXPECT_EQ(json("\x7f\xc3\xa9"), "\"\\ufffd\\ufffd\\ufffd\"");
}

TEST(JsonString, CutsAtItsLimit) {
  EXPECT_EQ(json("abc", 4), "\"abc\"");
  EXPECT_EQ(json("abcd", 4), "\"abcd\"");
  EXPECT_EQ(json("abcde", 4), "\"abcd...\"");
}

}  // namespace
}  // namespace bottle
