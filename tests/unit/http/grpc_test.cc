#include "proxy/http/grpc.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

RequestHead call(std::string type, Version version = Version::Http2, std::string method = "POST") {
  RequestHead head;
  head.version = version;
  head.method = std::move(method);
  head.fields.add("Content-Type", type);
  return head;
}

TEST(Grpc, KnowsACallByItsType) {
  for (const char* type : {"application/grpc", "application/grpc+proto", "Application/gRPC",
                           " application/grpc ; charset=x", "application/grpc+json"}) {
    EXPECT_TRUE(is_grpc_call(call(type))) << type;
  }
  for (const char* type : {"application/grpc-web", "application/grpc-web+proto", "application/grp",
                           "application/grpcx", "text/plain", ""}) {
    EXPECT_FALSE(is_grpc_call(call(type))) << type;
  }
  EXPECT_FALSE(is_grpc_call(call("application/grpc", Version::Http11)));
  EXPECT_FALSE(is_grpc_call(call("application/grpc", Version::Http2, "GET")));
  EXPECT_FALSE(is_grpc_call(RequestHead()));
}

TEST(Grpc, ARefusalIsAHeadWithAStatusAndNoBody) {
  const LocalAnswer answer = grpc_refusal(
      Failure{Code::Denied, "host a.test is not in the allowlist", "host_not_allowed", "Ask."},
      "r-1", "a.test");
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_FALSE(answer.head.has_body);
  EXPECT_FALSE(answer.head.content_length);
  EXPECT_TRUE(answer.body.empty());
  EXPECT_EQ(answer.head.fields.find("content-type"), "application/grpc");
  EXPECT_EQ(answer.head.fields.find("grpc-status"), "7");
  EXPECT_EQ(answer.head.fields.find("grpc-message"),
            "Refused by policy: a.test: host a.test is not in the allowlist. Ask. "
            "(host_not_allowed, request r-1)");
  EXPECT_EQ(answer.head.fields.find("x-bottle-deny"), "host_not_allowed");
}

TEST(Grpc, TheSameAsTrailers) {
  const Fields trailers =
      grpc_failure_trailers(Failure{Code::UpstreamTruncated, "it ended early"}, "r-1", "");
  EXPECT_EQ(trailers.find("grpc-status"), "14");
  EXPECT_TRUE(trailers.find("grpc-message")->starts_with("Truncated answer: it ended early. "));
  EXPECT_FALSE(trailers.has("x-bottle-deny"));
  EXPECT_FALSE(trailers.has("content-type"));
}

// A refusal is none of the statuses that gRPC clients make of a transport that failed, or of a
// success.
TEST(Grpc, EveryFailureHasAStatus) {
  for (const FailureTraits& row : all_failure_traits()) {
    const LocalAnswer answer = grpc_refusal(Failure{row.code, "why"}, "id", "a.test");
    const int status = std::stoi(std::string(*answer.head.fields.find("grpc-status")));
    EXPECT_TRUE(status == 1 || (status >= 3 && status <= 16)) << row.word;
    EXPECT_EQ(answer.head.fields.has("x-bottle-deny"), row.level == LogLevel::Audit) << row.word;
    EXPECT_EQ(status == 7, row.status == 403 || row.status == 421) << row.word;
    EXPECT_EQ(status == 8, row.status == 431 || row.status == 413 || row.code == Code::Overloaded ||
                               row.code == Code::ClientFlood)
        << row.word;
  }
}

// No byte of a peer's gets into a field unescaped, and not more than fit a head.
// [T42]
TEST(Grpc, PeersBytesAreEncodedAndBounded) {
  const std::string hostile = std::string("50% \r\nx: y \xc3\xbc \x7f") + std::string(9000, 'a');
  const LocalAnswer answer =
      grpc_refusal(Failure{Code::Denied, hostile, hostile, hostile}, hostile, hostile);
  const std::string_view message = *answer.head.fields.find("grpc-message");
  EXPECT_NE(message.find("50%25 %0D%0Ax: y %C3%BC %7F"), std::string_view::npos) << message;
  for (const char c : message) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
  EXPECT_LT(message.size(), 4096U);
  EXPECT_EQ(answer.head.fields.find("x-bottle-deny"), "denied");
}

}  // namespace
}  // namespace bottle
