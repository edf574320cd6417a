// The rules for answers of origins and of the scanner.
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/http/framing_rules.h"
#include "tests/unit/http/h1_test_util.h"

namespace bottle {
namespace {

using test::show;

std::string respond(ResponseHead head, std::string_view method = "GET",
                    ControlFields control_fields = ControlFields::Drop) {
  const auto vetted = check_response(head, method, control_fields);
  if (!vetted) return show(vetted.error());
  return std::to_string(head.status) + show(head.fields) +
         test::show_body(head.has_body, head.content_length) +
         (!head.has_body && head.content_length
              ? " declares " + std::to_string(*head.content_length)
              : "");
}

ResponseHead response(int status, std::initializer_list<std::pair<const char*, const char*>> fields,
                      Version version = Version::Http11) {
  ResponseHead head;
  head.version = version;
  head.status = status;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

// [T37]
TEST(FramingRules, ResponsesLoseWhatIsOfOneHop) {
  EXPECT_EQ(respond(response(200, {{"Content-Type", "a"},
                                   {"Connection", "close, X-Hop"},
                                   {"X-Hop", "1"},
                                   {"Keep-Alive", "timeout=5"},
                                   {"Upgrade", "h2"},
                                   {"Alt-Svc", "h3=\":443\""},
                                   {"Proxy-Authenticate", "Basic"},
                                   {"Proxy-Connection", "x"},
                                   {"Trailer", "X"},
                                   {"X-Bottle-Deny", "forged"},
                                   {"X-Pipelock-Hint", "forged"},
                                   {"X-Pipelock-Block-Reason", "forged"},
                                   {"Set-Cookie", "a"},
                                   {"Set-Cookie", "b"},
                                   {"x_y", " v "},
                                   {"Via", "1.1 cdn"},
                                   {"Content-Length", "5"}})),
            "200 [Content-Type: a] [Set-Cookie: a] [Set-Cookie: b] [x_y: v] [Via: 1.1 cdn] body=5");
}

TEST(FramingRules, TheScannersFieldsStayUntilTheyAreRead) {
  ResponseHead head = response(403, {{"X-Pipelock-Hint", "h"}, {"A", "b"}, {"X-Bottle-Q", "c"}});
  ASSERT_TRUE(check_response(head, "GET", ControlFields::Keep));
  EXPECT_EQ(show(head.fields), " [X-Pipelock-Hint: h] [A: b] [X-Bottle-Q: c]");
  strip_control_fields(head.fields);
  EXPECT_EQ(show(head.fields), " [A: b]");
}

// [T36]
TEST(FramingRules, ResponsesHaveOneFraming) {
  EXPECT_EQ(respond(response(200, {})), "200 body=open");
  EXPECT_EQ(respond(response(200, {{"Transfer-Encoding", "chunked"}})), "200 body=open");
  EXPECT_EQ(respond(response(200, {{"Content-Length", "5"}}), "HEAD"), "200 body=no declares 5");
  EXPECT_EQ(respond(response(304, {{"Content-Length", "5"}})), "304 body=no declares 5");
  EXPECT_EQ(respond(response(204, {{"Content-Length", "0"}})), "204 body=no");
  EXPECT_EQ(respond(response(103, {{"Link", "a"}})), "103 [Link: a] body=no");
  EXPECT_EQ(respond(response(200, {}, Version::Http2)), "200 body=no");
  ResponseHead h2 = response(200, {{"content-length", "3"}}, Version::Http2);
  h2.has_body = true;
  EXPECT_EQ(respond(h2), "200 body=3");
  EXPECT_EQ(respond(h2, "HEAD"), "200 body=no declares 3");
}

// [T36, T37]
TEST(FramingRules, BrokenResponsesAreRefused) {
  const std::string broken = "502 upstream_broken";
  EXPECT_EQ(respond(response(101, {{"Upgrade", "websocket"}})), broken);
  EXPECT_EQ(respond(response(407, {})), broken);
  EXPECT_EQ(respond(response(99, {})), broken);
  EXPECT_EQ(respond(response(1000, {})), broken);
  EXPECT_EQ(respond(response(200, {{"A", "b\r\nc"}})), broken);
  EXPECT_EQ(respond(response(200, {{"A", "\x01"}})), broken);
  EXPECT_EQ(respond(response(200, {{"A b", "c"}})), broken);
  EXPECT_EQ(respond(response(200, {{"", "c"}})), broken);
  EXPECT_EQ(respond(response(200, {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}})),
            broken);
  EXPECT_EQ(respond(response(200, {{"Content-Length", "5"}, {"Content-Length", "6"}})), broken);
  EXPECT_EQ(respond(response(200, {{"transfer-encoding", "chunked"}}, Version::Http2)), broken);
  EXPECT_EQ(respond(response(200, {{"Connection", "close, Content-Encoding"}})), broken);
  EXPECT_EQ(respond(response(200, {{"Connection", "content-type"}, {"Content-Type", "a"}})),
            broken);
  EXPECT_EQ(respond(response(200, {{"Connection", "keep-alive, Transfer-Encoding"}})).substr(0, 3),
            "200")
      << "some servers write that";
  ResponseHead many = response(200, {});
  for (int i = 0; i < 128; ++i) many.fields.add("a", "b");
  EXPECT_EQ(respond(many).substr(0, 3), "200");
  many.fields.add("a", "b");
  EXPECT_EQ(respond(many), broken);
}

// RFC 9110 section 6.5.1: some clients merge trailers into the head that they have acted on.
// [T05]
TEST(FramingRules, AnswersTrailersLoseWhatBelongsIntoTheHead) {
  const auto kept_trailer = [](const std::string& name) {
    Fields trailers;
    trailers.add(name, "v");
    EXPECT_TRUE(check_response_trailers(trailers, HeadLimits::for_responses())) << name;
    return !trailers.empty();
  };
  for (const char* name :
       {"Grpc-Status", "grpc-message", "X-Sum", "ETag", "Server-Timing", "Content-Digest",
        "Repr-Digest", "Content-MD5", "x_under", "x-amz-checksum-crc32", "Authentication-Info"}) {
    EXPECT_TRUE(kept_trailer(name)) << name;
  }
  for (const char* name : {"Content-Length",
                           "Transfer-Encoding",
                           "Connection",
                           "Keep-Alive",
                           "Trailer",
                           "Upgrade",
                           "TE",
                           "Host",
                           "Content-Type",
                           "Content-Encoding",
                           "Content-Range",
                           "Content-Location",
                           "Content-Security-Policy",
                           "Content-Disposition",
                           "Set-Cookie",
                           "Cookie",
                           "Authorization",
                           "WWW-Authenticate",
                           "Proxy-Authenticate",
                           "Cache-Control",
                           "Age",
                           "Expires",
                           "Date",
                           "Location",
                           "Retry-After",
                           "Vary",
                           "Warning",
                           "Pragma",
                           "Refresh",
                           "Range",
                           "Expect",
                           "If-Range",
                           "Max-Forwards",
                           "Alt-Svc",
                           "X-Bottle-Deny",
                           "X-Pipelock-Hint",
                           "X-Pipelock-Block-Reason",
                           "X-Pipelock-Block-Reason-Retry",
                           "Signature",
                           "Via",
                           "Forwarded",
                           "X-Forwarded-For",
                           "X-Real-IP"}) {
    EXPECT_FALSE(kept_trailer(name)) << name;
  }
}

}  // namespace
}  // namespace bottle
