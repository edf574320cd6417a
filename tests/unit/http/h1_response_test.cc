#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/http/h1_parser.h"
#include "tests/unit/http/h1_test_util.h"

namespace bottle {
namespace {

using test::run_response;

struct Row {
  std::string in;
  std::string expected;
};

// Whole, cut at every byte, and byte by byte: always the same.
void expect_responses(const std::vector<Row>& table, std::string_view method = "GET") {
  for (const Row& row : table) {
    EXPECT_EQ(run_response(row.in, row.in.size(), 1, method), row.expected) << row.in;
    for (std::size_t cut = 0; cut < row.in.size(); ++cut) {
      EXPECT_EQ(run_response(row.in, cut, row.in.size(), method), row.expected) << row.in << cut;
    }
    EXPECT_EQ(run_response(row.in, 1, 1, method), row.expected) << row.in;
  }
}

TEST(H1Response, HeadsAndBodies) {
  expect_responses({
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
       "200 'OK' [Content-Length: 3] body=3 | abc | end"},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 '' [Content-Length: 0] body=0 | end"},
      {"HTTP/1.1 200 \r\ncontent-length:0\r\n\r\n", "200 '' [content-length: 0] body=0 | end"},
      {"HTTP/1.1 404 Not  Found \xc3\xa9\r\nContent-Length: 0\r\n\r\n",
       "404 'Not  Found \xc3\xa9' [Content-Length: 0] body=0 | end"},
      {"HTTP/1.1 200 OK\r\nX_y: \xff\r\nE: \r\n\r\nabc",
       "200 'OK' [X_y: \xff] [E: ] body=open close | abc | eof-end"},
      {"HTTP/1.0 200 OK\r\n\r\n", "200 'OK' body=open close | eof-end"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na",
       "200 'OK' [Content-Length: 1] [Connection: keep-alive] body=1 close | a | end"},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
       "200 'OK' [Connection: close] [Content-Length: 1] body=1 close | a | end"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
       "200 'OK' [Transfer-Encoding: Chunked] body=open | abc | end"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nGrpc-Status: 0\r\n"
       "Content-Length: 9\r\nSet-Cookie: a\r\n\r\n",
       "200 'OK' [Transfer-Encoding: chunked] body=open | abc | end trailers= [Grpc-Status: 0]"},
      {"HTTP/1.1 204 No Content\r\n\r\n", "204 'No Content' body=no | end"},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
       "204 'No Content' [Content-Length: 0] body=no | end"},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
       "304 'Not Modified' [Content-Length: 10] body=no | end"},
      {"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
       "999 'Odd' [Content-Length: 0] body=0 | end"},
      {"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
       "101 'S' [Upgrade: x] [Connection: upgrade] body=no | end | rest=raw"},
  });
  expect_responses({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
                     "200 'OK' [Content-Length: 10] body=no | end"},
                    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                     "200 'OK' [Transfer-Encoding: chunked] body=no | end"},
                    {"HTTP/1.1 200 OK\r\n\r\nsurplus", "200 'OK' body=no | end | rest=surplus"}},
                   "HEAD");
  expect_responses({{"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03",
                     "200 'Connection established' body=no | end | rest=\x16\x03"},
                    {"HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx",
                     "403 'No' [Content-Length: 1] body=1 | x | end"}},
                   "CONNECT");
}

TEST(H1Response, InterimResponsesAreMessagesOfTheirOwn) {
  const std::string in =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  H1ResponseParser parser;
  parser.set_request_method("POST");
  std::string_view rest = in;
  std::vector<int> statuses;
  while (!rest.empty()) {
    auto n = parser.feed(rest);
    ASSERT_TRUE(n);
    rest.remove_prefix(*n);
    if (parser.head_ready()) statuses.push_back(parser.take_head().status);
    if (parser.message_complete() && statuses.back() < 200) parser.reset();
  }
  EXPECT_EQ(statuses, (std::vector<int>{100, 103, 200}));
  EXPECT_TRUE(parser.message_complete());
  EXPECT_EQ(parser.take_body(), "ok");
}

// Invariant: no response is complete unless its framing was.
TEST(H1Response, EofTellsCleanFromTruncated) {
  const std::string cut = "502 upstream_truncated";
  expect_responses({
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
       "200 'OK' [Content-Length: 3] body=3 | ab | " + cut},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
       "200 'OK' [Transfer-Encoding: chunked] body=open | abc | " + cut},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
       "200 'OK' [Transfer-Encoding: chunked] body=open | abc | " + cut},
      {"HTTP/1.1 200 OK\r\nContent-Le", "no head | 502 upstream_broken"},
  });
  H1ResponseParser idle;
  EXPECT_FALSE(idle.started());
  EXPECT_EQ(idle.finish().error().code, Code::UpstreamBroken);
  H1ResponseParser open;
  (void)open.feed("HTTP/1.1 200 OK\r\n\r\n");
  (void)open.take_head();
  EXPECT_TRUE(open.until_close());
  EXPECT_FALSE(open.message_complete());
  EXPECT_TRUE(open.finish());
  EXPECT_TRUE(open.message_complete());
  EXPECT_FALSE(open.until_close());
}

// [T36, T37]
TEST(H1Response, SmugglingShapesAreRefused) {
  const std::string broken = "502 upstream_broken";
  const auto with = [](const std::string& lines) { return "HTTP/1.1 200 OK\r\n" + lines + "\r\n"; };
  expect_responses({
      {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), broken},
      {with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), broken},
      {with("Content-Length: 5\r\nContent-Length: 6\r\n"), broken},
      {with("Content-Length: 5\r\nContent-Length: 5\r\n"), broken},
      {with("Content-Length: 5, 5\r\n"), broken},
      {with("Content-Length: +5\r\n"), broken},
      {with("Content-Length: 05\r\n"), broken},
      {with("Transfer-Encoding: gzip, chunked\r\n"), broken},
      {with("Transfer-Encoding: identity\r\n"), broken},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), broken},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", broken},
      {with("A: b\r\n c\r\n"), broken},
      {with("A: b\n"), broken},
      {with("A : b\r\n"), broken},
      {with(": b\r\n"), broken},
      {with("A: b\rC: d\r\n"), broken},
      {with("A: b\x01\r\n"), broken},
      {with(std::string("A: \0\r\n", 6)), broken},
      {"HTTP/1.1 200 OK\nA: b\r\n\r\n", broken},
      {"HTTP/1.1 200 O\rK\r\n\r\n", broken},
      {"HTTP/1.1 20 OK\r\n\r\n", broken},
      {"HTTP/1.1 099 OK\r\n\r\n", broken},
      {"HTTP/1.1 2000 OK\r\n\r\n", broken},
      {"HTTP/1.1  200 OK\r\n\r\n", broken},
      {"HTTP/1.1 200OK\r\n\r\n", broken},
      {"HTTP/2.0 200 OK\r\n\r\n", broken},
      {"http/1.1 200 OK\r\n\r\n", broken},
      {"ICY 200 OK\r\n\r\n", broken},
      {"\r\nHTTP/1.1 200 OK\r\n\r\n", broken},
      {"garbage\r\n\r\n", broken},
      {with("Transfer-Encoding: chunked\r\n") + "5 \r\nhello\r\n0\r\n\r\n", broken},
      {with("Transfer-Encoding: chunked\r\n") + "5\nhello\r\n0\r\n\r\n", broken},
      {with("Transfer-Encoding: chunked\r\n") + "-1\r\n", broken},
      {with("Transfer-Encoding: chunked\r\n") + "100000000\r\n", broken},
      {with("Transfer-Encoding: chunked\r\n") + "1\r\nab\r\n", broken},
      {with("Transfer-Encoding: chunked\r\n") + "0\r\nA: b\n\r\n", broken},
  });
}

TEST(H1Response, SurplusBytesStayVisible) {
  EXPECT_EQ(run_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", 1000, 1),
            "200 'OK' [Content-Length: 1] body=1 | a | end | rest=bc");
  // A body where none may be
  EXPECT_EQ(run_response("HTTP/1.1 204 N\r\nContent-Length: 2\r\n\r\nab", 1000, 1),
            "204 'N' [Content-Length: 2] body=no | end | rest=ab");
  EXPECT_EQ(run_response("HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1000, 1),
            "304 'N' [Transfer-Encoding: chunked] body=no | end | rest=0\r\n\r\n");
}

TEST(H1Response, Limits) {
  const auto fields = [](int count) {
    std::string head = "HTTP/1.1 204 N\r\n";
    for (int i = 0; i < count; ++i) head += "A: b\r\n";
    return head + "\r\n";
  };
  EXPECT_EQ(run_response(fields(127), 1, 1).substr(0, 3), "204");
  EXPECT_EQ(run_response(fields(128), 1, 1).substr(0, 3), "204");
  EXPECT_EQ(run_response(fields(129), 1, 1), "502 upstream_broken");
  const auto big = [](std::size_t size) {
    const std::string start = "HTTP/1.1 204 N\r\nA: ";
    return start + std::string(size - start.size() - 4, 'v') + "\r\n\r\n";
  };
  EXPECT_EQ(run_response(big(65535), 4096, 4096).substr(0, 3), "204");
  EXPECT_EQ(run_response(big(65536), 4096, 4096).substr(0, 3), "204");
  EXPECT_EQ(run_response(big(65537), 4096, 4096), "502 upstream_broken");
}

}  // namespace
}  // namespace bottle
