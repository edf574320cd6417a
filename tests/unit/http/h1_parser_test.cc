#include "proxy/http/h1_parser.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "tests/unit/http/h1_test_util.h"

namespace bottle {
namespace {

using test::run_request;
using Arrival = H1RequestParser::Arrival;

struct Row {
  std::string in;
  std::string expected;
};

// Whole, cut at every byte, and byte by byte: always the same.
void expect_requests(const std::vector<Row>& table, Arrival arrival = Arrival::Tunnel) {
  for (const Row& row : table) {
    EXPECT_EQ(run_request(row.in, row.in.size(), 1, arrival), row.expected) << row.in;
    for (std::size_t cut = 0; cut < row.in.size(); ++cut) {
      EXPECT_EQ(run_request(row.in, cut, row.in.size(), arrival), row.expected) << row.in << cut;
    }
    EXPECT_EQ(run_request(row.in, 1, 1, arrival), row.expected) << row.in;
  }
}

const std::string kHead = "POST /x HTTP/1.1\r\nHost: h\r\n";

std::string chunked(const std::string& body) {
  return kHead + "Transfer-Encoding: chunked\r\n\r\n" + body;
}

TEST(H1Request, HeadsAndBodies) {
  expect_requests({
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / [Host: h] body=no | end"},
      {"GET /a?b=c%20d HTTP/1.1\r\nhOST:h\r\nX: \t a b \t\r\nE:\r\n\r\n",
       "GET /a?b=c%20d [hOST: h] [X: a b] [E: ] body=no | end"},
      {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * [Host: h] body=no | end"},
      {"GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET https://h/ [Host: h] body=no | end"},
      {"GET / HTTP/1.0\r\n\r\n", "GET / body=no close | end"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
       "GET / [Connection: keep-alive] body=no close | end"},
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
       "GET / [Host: h] [Connection: x, Close] body=no close | end"},
      {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / [Host: h] body=no | end"},
      {kHead + "Content-Length: 5\r\n\r\nhello",
       "POST /x [Host: h] [Content-Length: 5] body=5 | hello | end"},
      {kHead + "Content-Length: 0\r\n\r\n", "POST /x [Host: h] [Content-Length: 0] body=0 | end"},
      {kHead + "Content-Length: 5\r\n\r\nhel",
       "POST /x [Host: h] [Content-Length: 5] body=5 | hel"},
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
       "GET / [Host: h] [Content-Length: 3] body=3 | abc | end"},
      {"GET / HTTP/1.1\r\nHost: h\r\nUtf8: \xc3\xa9\r\n\r\n",
       "GET / [Host: h] [Utf8: \xc3\xa9] body=no | end"},
      {"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
       "GET / [Host: h] [Upgrade: h2c] [Connection: Upgrade] body=no | end"},
  });
}

TEST(H1Request, ChunkedBodies) {
  const std::string head = "POST /x [Host: h] [Transfer-Encoding: chunked] body=open";
  expect_requests({
      {chunked("0\r\n\r\n"), head + " | end"},
      {chunked("5\r\nhello\r\n0\r\n\r\n"), head + " | hello | end"},
      {chunked("1\r\nh\r\nA\r\n0123456789\r\n0a\r\n0123456789\r\n00\r\n\r\n"),
       head + " | h01234567890123456789 | end"},
      {chunked("5;a=b\r\nhello\r\n0;last\r\n\r\n"), head + " | hello | end"},
      {chunked("5;a=\"b c\";d\r\nhello\r\n0\r\n\r\n"), head + " | hello | end"},
      {chunked("5\r\nhello\r\n0\r\nX-T: 1\r\nY:\r\n\r\n"), head + " | hello | end trailers=2"},
      {chunked("5\r\nhel"), head + " | hel"},
      {chunked("5\r\nhello\r\n0\r\n"), head + " | hello"},
  });
}

TEST(H1Request, PipelinedBytesStayTheCallers) {
  const std::string second = "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(run_request("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n" + second, 1000, 1),
            "GET /1 [Host: h] body=no | end | rest=" + second);
  EXPECT_EQ(run_request(kHead + "Content-Length: 2\r\n\r\nab" + second, 1000, 1),
            "POST /x [Host: h] [Content-Length: 2] body=2 | ab | end | rest=" + second);
  EXPECT_EQ(run_request(chunked("2\r\nab\r\n0\r\n\r\n" + second), 1000, 1),
            "POST /x [Host: h] [Transfer-Encoding: chunked] body=open | ab | end | rest=" + second);
}

// Bytes behind a request that ends the connection are not looked at.
// [T29]
TEST(H1Request, BytesBehindTheLastRequestAreLeft) {
  EXPECT_EQ(
      run_request("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1", 1, 1),
      "GET / [Host: h] [Connection: close] body=no close | end | rest=GET /2 HTTP/1.1");
  EXPECT_EQ(run_request("GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0", 1, 1),
            "GET / body=no close | end | rest=GET /2 HTTP/1.0");
}

TEST(H1Request, ManyMessagesOnOneParser) {
  const std::string one = chunked("3\r\nabc\r\n0\r\nT: v\r\n\r\n");
  const std::string two = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  std::string all;
  for (int i = 0; i < 50; ++i) all += one + two + "\r\n";
  H1RequestParser parser(Arrival::Tunnel);
  std::string_view rest = all;
  int messages = 0;
  int trailers = 0;
  while (!rest.empty()) {
    auto n = parser.feed(rest);
    ASSERT_TRUE(n) << n.error().detail;
    rest.remove_prefix(*n);
    if (parser.head_ready()) (void)parser.take_head();
    if (!parser.message_complete()) continue;
    ++messages;
    EXPECT_EQ(parser.take_body(), messages % 2 == 1 ? "abc" : "");
    if (parser.take_trailers()) ++trailers;
    parser.reset();
    EXPECT_FALSE(parser.started());
  }
  EXPECT_EQ(messages, 100);
  EXPECT_EQ(trailers, 50);
  // The empty line at the very end begins no request.
  EXPECT_FALSE(parser.started());
}

TEST(H1Request, StopsBehindTheHeadUntilItIsTaken) {
  H1RequestParser parser(Arrival::Tunnel);
  const std::string head = kHead + "Content-Length: 3\r\n\r\n";
  EXPECT_FALSE(parser.started());
  EXPECT_EQ(*parser.feed(head + "abc"), head.size());
  EXPECT_TRUE(parser.started());
  EXPECT_TRUE(parser.head_ready());
  EXPECT_FALSE(parser.message_complete());
  EXPECT_EQ(*parser.feed("abc"), 0U);
  EXPECT_EQ(parser.take_head().content_length, 3U);
  EXPECT_FALSE(parser.head_ready());
  EXPECT_EQ(*parser.feed("abcd"), 3U);
  EXPECT_TRUE(parser.message_complete());
  EXPECT_EQ(parser.body_buffered(), 3U);
  EXPECT_EQ(parser.take_body(), "abc");
  EXPECT_EQ(parser.body_buffered(), 0U);
  EXPECT_EQ(*parser.feed("d"), 0U);
}

TEST(H1Request, AFailureIsFinal) {
  H1RequestParser parser(Arrival::Tunnel);
  EXPECT_EQ(parser.feed("GET / HTTP/1.1\nHost: h\r\n\r\n").error().code, Code::ClientBad);
  EXPECT_EQ(parser.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n").error().code, Code::ClientBad);
}

TEST(H1Request, ConnectOnlyOnTheListener) {
  expect_requests({{"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n\x16\x03",
                    "CONNECT h:443 [Host: h:443] body=no | end | rest=\x16\x03"},
                   {"CONNECT h:443 HTTP/1.0\r\n\r\n", "CONNECT h:443 body=no close | end"}},
                  Arrival::Listener);
  // In a tunnel there is no second one.
  expect_requests({{"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "501 not_supported"}});
}

// [T28]
TEST(H1Request, OddRequestLinesAreRefused) {
  const std::string rest = "\r\nHost: h\r\n\r\n";
  expect_requests({
      {"GET  / HTTP/1.1" + rest, "400 client_bad"},
      {"GET /  HTTP/1.1" + rest, "400 client_bad"},
      {"GET / HTTP/1.1 " + rest, "400 client_bad"},
      {" GET / HTTP/1.1" + rest, "400 client_bad"},
      {"GET\t/ HTTP/1.1" + rest, "400 client_bad"},
      {"GET /\tHTTP/1.1" + rest, "400 client_bad"},
      {"GET / a HTTP/1.1" + rest, "400 client_bad"},
      {"GET /" + rest, "400 client_bad"},
      {"GET" + rest, "400 client_bad"},
      {"GET / HTTP/0.9" + rest, "501 not_supported"},
      {"GET / HTTP/1.2" + rest, "501 not_supported"},
      {"GET / HTTP/2.0" + rest, "501 not_supported"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "501 not_supported"},
      {"GET / HTTP/1.10" + rest, "501 not_supported"},
      {"GET / HTTP/01.1" + rest, "501 not_supported"},
      {"GET / http/1.1" + rest, "400 client_bad"},
      {"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", "501 not_supported"},
      {"GET / ICE/1.0" + rest, "400 client_bad"},
      {"GET / RTSP/1.0" + rest, "400 client_bad"},
      {"GET / HTTP/1.1\nHost: h\r\n\r\n", "400 client_bad"},
      {"\nGET / HTTP/1.1" + rest, "400 client_bad"},
      {"\r\n\r\nGET / HTTP/1.1" + rest, "400 client_bad"},
      {"POST /x\nHost: h\r\nContent-Length: 1\r\n\r\na", "400 client_bad"},
      {std::string("GET /\0 HTTP/1.1", 15) + rest, "400 client_bad"},
      {"GET /\x7f HTTP/1.1" + rest, "400 client_bad"},
      {"GET /\xc3\xa9 HTTP/1.1" + rest, "400 client_bad"},
      {"G(T / HTTP/1.1" + rest, "400 client_bad"},
      {"\xc3\xa9 / HTTP/1.1" + rest, "400 client_bad"},
      {"GET metrics HTTP/1.1" + rest, "400 client_bad"},
      {"GET http:metrics HTTP/1.1" + rest, "400 client_bad"},
      {"GET ftp://h/ HTTP/1.1" + rest, "400 client_bad"},
      {"GET ?x HTTP/1.1" + rest, "400 client_bad"},
      {"GET h:443 HTTP/1.1" + rest, "400 client_bad"},
      // Unknown methods.
      {"get / HTTP/1.1" + rest, "501 not_supported"},
      {"c2VjcmV0 / HTTP/1.1" + rest, "501 not_supported"},
      {"QUERY / HTTP/1.1" + rest, "501 not_supported"},
  });
}

// Each of these has a second reading in some parser, llhttp included.
// [T26]
TEST(H1Request, OddHeaderLinesAreRefused) {
  const auto with = [](const std::string& lines) {
    return "GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
  };
  expect_requests({
      {with("A: b\r\n c\r\n"), "400 client_bad"},
      {with("A: b\r\n\tc\r\n"), "400 client_bad"},
      {with(" A: b\r\n"), "400 client_bad"},
      {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400 client_bad"},
      {"GET / HTTP/1.1\r\nHost:\r\n h\r\n\r\n", "400 client_bad"},
      {with(" Content-Length: 5\r\n"), "400 client_bad"},
      {with("Transfer-Encoding:\r\n chunked\r\n"), "400 client_bad"},
      {with("A: b\n"), "400 client_bad"},
      {with("A: b\nC: d\r\n"), "400 client_bad"},
      {with("A: b\rC: d\r\n"), "400 client_bad"},
      {with("A: b\r\r\n"), "400 client_bad"},
      {with("A:\rTransfer-Encoding: chunked\r\n"), "400 client_bad"},
      {with("X-Abc:\rxTransfer-Encoding: chunked\r\n"), "400 client_bad"},
      {"GET / HTTP/1.1\r\nHost: h\r\n\rX", "no head"},
      {"GET / HTTP/1.1\r\nHost: h\r\n\rX\r\n\r\n", "400 client_bad"},
      {"GET / HTTP/1.1\r\nHost: h\r\n\n", "400 client_bad"},
      {"GET / HTTP/1.1\r\nHost: h\n\r\n", "400 client_bad"},
      {with("A : b\r\n"), "400 client_bad"},
      {with("Host : a\r\n"), "400 client_bad"},
      {with("A\t: b\r\n"), "400 client_bad"},
      {with(": b\r\n"), "400 client_bad"},
      {with(":\r\n"), "400 client_bad"},
      {with("A\r\n"), "400 client_bad"},
      {with("A b: c\r\n"), "400 client_bad"},
      {with("A(: c\r\n"), "400 client_bad"},
      {with("\"A\": c\r\n"), "400 client_bad"},
      {with("A\xc3: c\r\n"), "400 client_bad"},
      {with(std::string("A: b\0c\r\n", 8)), "400 client_bad"},
      {with(std::string("A\0: c\r\n", 7)), "400 client_bad"},
      {with("A: b\x01\r\n"), "400 client_bad"},
      {with("A: b\x0b\r\n"), "400 client_bad"},
      {with("A: b\x0c\r\n"), "400 client_bad"},
      {with("A: \x1b[31m\r\n"), "400 client_bad"},
      {with("A: b\x7f\r\n"), "400 client_bad"},
  });
}

// [T20, T21, T22]
TEST(H1Request, OddFramingIsRefused) {
  const auto with = [](const std::string& lines, const std::string& version = "1.1") {
    return "POST / HTTP/" + version + "\r\nHost: h\r\n" + lines + "\r\n";
  };
  const std::string bad = "400 client_bad";
  const std::string unknown = "501 not_supported";
  expect_requests({
      {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), bad},
      {with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), bad},
      {with("transfer-encoding: chunked\r\nCONTENT-LENGTH: 0\r\n"), bad},
      {with("Content-Length: 5\r\nX: y\r\nTransfer-Encoding: identity\r\n"), bad},
      {with("Transfer-Encoding: identity\r\n"), unknown},
      {with("Transfer-Encoding: gzip, chunked\r\n"), unknown},
      {with("Transfer-Encoding: identity, chunked\r\n"), unknown},
      {with("Transfer-Encoding: chunked, identity\r\n"), unknown},
      {with("Transfer-Encoding: chunked, chunked\r\n"), unknown},
      {with("Transfer-Encoding: ,chunked\r\n"), unknown},
      {with("Transfer-Encoding: chunked,\r\n"), unknown},
      {with("Transfer-Encoding: xchunked\r\n"), unknown},
      {with("Transfer-Encoding: chunkedx\r\n"), unknown},
      {with("Transfer-Encoding: \"chunked\"\r\n"), unknown},
      {with("Transfer-Encoding: chunked;q=1\r\n"), unknown},
      {with("Transfer-Encoding: chunked \xa0\r\n"), unknown},
      {with("Transfer-Encoding:\r\n"), unknown},
      {with("Transfer-Encoding: \x0b"
            "chunked\r\n"),
       bad},
      {with("Transfer-Encoding: chunked\x0c\r\n"), bad},
      {with("Transfer-Encoding: chunked\r\n", "1.0"), bad},
  });
  // Two lines: llhttp or the rules, but never accepted.
  for (const std::string& lines :
       {std::string("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        std::string("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        std::string("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        std::string("Transfer-Encoding: \r\nTransfer-Encoding: chunked\r\n")}) {
    const std::string out = run_request(with(lines), 1, 1);
    EXPECT_TRUE(out == bad || out == unknown) << lines << out;
  }
  for (const char* length :
       {"", "+5", "-5", "0x5", "5_0", "5.0", "5 0", "5,5", "5, 5", "05", "00", "a", "5a", "\"5\"",
        "9007199254740993", "18446744073709551617", "1000000000000000"}) {
    EXPECT_EQ(run_request(with("Content-Length: " + std::string(length) + "\r\n"), 1, 1), bad)
        << length;
  }
  EXPECT_EQ(run_request(with("Content-Length: 5\r\nContent-Length: 5\r\n"), 1, 1), bad);
  EXPECT_EQ(run_request(with("Content-Length: 5\r\ncontent-length: 6\r\n"), 1, 1), bad);
  EXPECT_EQ(run_request(with("Content-Length: 999999999999999\r\n"), 1, 1),
            "POST / [Host: h] [Content-Length: 999999999999999] body=999999999999999");
  EXPECT_EQ(run_request(with("Transfer-Encoding:\tChunked \r\n"), 1, 1),
            "POST / [Host: h] [Transfer-Encoding: Chunked] body=open");
}

// [T23, T24]
TEST(H1Request, OddChunksAreRefused) {
  const std::vector<std::string> table = {
      "0x5\r\nhello\r\n0\r\n\r\n",
      "+5\r\nhello\r\n0\r\n\r\n",
      "-5\r\nhello\r\n0\r\n\r\n",
      "5_\r\nhello\r\n0\r\n\r\n",
      " 5\r\nhello\r\n0\r\n\r\n",
      "5 \r\nhello\r\n0\r\n\r\n",
      "5\t\r\nhello\r\n0\r\n\r\n",
      "\r\nhello\r\n0\r\n\r\n",
      "g\r\nhello\r\n0\r\n\r\n",
      "000000005\r\nhello\r\n0\r\n\r\n",
      "100000000\r\n",
      "FFFFFFFFFFFFFFFF1\r\n",
      std::string(64, '0') + "5\r\nhello\r\n0\r\n\r\n",
      // ends of lines
      "5\nhello\r\n0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhello0\r\n\r\n",
      "5\r\nhelloXY0\r\n\r\n",
      "5\r\nhello\rX0\r\n\r\n",
      "5\r\nhello\r\n0\n\r\n",
      "5\r\nhello\r\n0\r\n\n",
      "5\r\r\nhello\r\n0\r\n\r\n",
      "5\rX\r\nhello\r\n0\r\n\r\n",
      "5\r\nhello\r\n\r\n0\r\n\r\n",
      // extensions
      "5;\r\nhello\r\n0\r\n\r\n",
      "5;\nhello\r\n0\r\n\r\n",
      "5; a\r\nhello\r\n0\r\n\r\n",
      "5 ;a\r\nhello\r\n0\r\n\r\n",
      "5;a=\r\nhello\r\n0\r\n\r\n",
      "5;=b\r\nhello\r\n0\r\n\r\n",
      "5;a=b c\r\nhello\r\n0\r\n\r\n",
      "5;a=\"b\r\nhello\r\n0\r\n\r\n",
      "5;a=\"b\\\"c\"\r\nhello\r\n0\r\n\r\n",
      "5;a\rb\r\nhello\r\n0\r\n\r\n",
      "5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n",
      "5;a=\xc3\xa9\r\nhello\r\n0\r\n\r\n",
      "5;a,b\r\nhello\r\n0\r\n\r\n",
      // trailers
      "0\r\nA: b\n\r\n",
      "0\r\nA : b\r\n\r\n",
      "0\r\n A: b\r\n\r\n",
      "0\r\nA: b\r\n c\r\n\r\n",
      "0\r\nA\r\n\r\n",
      "0\r\n: a\r\n\r\n",
      "0\r\nA: \x01\r\n\r\n",
      // Fields that belong into the head.
      "0\r\nContent-Length: 5\r\n\r\n",
      "0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "0\r\nHost: h\r\n\r\n",
      "0\r\nAuthorization: x\r\n\r\n",
      "0\r\nCookie: x\r\n\r\n",
      "0\r\nX-Pipelock-Agent: x\r\n\r\n",
      "0\r\nProxy-Authorization: x\r\n\r\n",
  };
  for (const std::string& body : table) {
    const std::string in = chunked(body);
    EXPECT_EQ(run_request(in, in.size(), 1), "400 client_bad") << body;
    for (std::size_t cut = 0; cut < in.size(); ++cut) {
      EXPECT_EQ(run_request(in, cut, in.size()), "400 client_bad") << body << cut;
    }
    EXPECT_EQ(run_request(in, 1, 1), "400 client_bad") << body;
  }
}

// ---- limits, at limit-1, limit, limit+1 ----

std::string head_of(std::size_t size) {
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  const std::string end = "\r\n";
  // Lines of at most 1000 bytes until the size fits.
  while (head.size() + end.size() < size) {
    const std::size_t room = size - head.size() - end.size();
    const std::size_t line = room < 1010 ? room : 1000;
    head += "A: " + std::string(line - 5, 'v') + "\r\n";
  }
  return head + end;
}

TEST(H1RequestLimits, HeadBytes) {
  const std::size_t limit = HeadLimits{}.head_bytes;
  for (const std::size_t step : {std::size_t{1}, std::size_t{4096}, limit * 2}) {
    EXPECT_NE(run_request(head_of(limit - 1), step, step), "431 head_too_large");
    EXPECT_NE(run_request(head_of(limit), step, step), "431 head_too_large");
    EXPECT_EQ(run_request(head_of(limit + 1), step, step), "431 head_too_large");
    EXPECT_EQ(run_request(head_of(limit).substr(0, limit - 2) + "xx", step, step),
              "no head");  // not complete, but nothing is over the limit yet
    EXPECT_EQ(run_request(std::string(limit + 10, 'A'), step, step), "431 head_too_large");
  }
}

TEST(H1RequestLimits, RequestLine) {
  const std::size_t limit = HeadLimits{}.start_line_bytes;
  const auto line = [](std::size_t size) {
    return "GET /" + std::string(size - 14, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  for (const std::size_t step : {std::size_t{1}, limit * 2}) {
    EXPECT_EQ(run_request(line(limit - 1), step, step).substr(0, 5), "GET /");
    EXPECT_EQ(run_request(line(limit), step, step).substr(0, 5), "GET /");
    EXPECT_EQ(run_request(line(limit + 1), step, step), "431 head_too_large");
  }
}

TEST(H1RequestLimits, FieldsAndNames) {
  const auto fields = [](std::size_t count) {
    std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (std::size_t i = 1; i < count; ++i) head += "A: b\r\n";
    return head + "\r\n";
  };
  EXPECT_EQ(run_request(fields(99), 1, 1).substr(0, 3), "GET");
  EXPECT_EQ(run_request(fields(100), 1, 1).substr(0, 3), "GET");
  EXPECT_EQ(run_request(fields(101), 1, 1), "431 head_too_large");
  EXPECT_EQ(run_request(fields(2000), 100000, 1), "431 head_too_large");
  const auto name = [](std::size_t size) {
    return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(size, 'n') + ": v\r\n\r\n";
  };
  EXPECT_EQ(run_request(name(63), 1, 1).substr(0, 3), "GET");
  EXPECT_EQ(run_request(name(64), 1, 1).substr(0, 3), "GET");
  EXPECT_EQ(run_request(name(65), 1, 1), "431 head_too_large");
}

TEST(H1RequestLimits, ChunkExtensions) {
  const std::string done = "POST /x [Host: h] [Transfer-Encoding: chunked] body=open | end";
  const auto extension = [](std::size_t size) {
    return chunked("0;" + std::string(size - 1, 'e') + "\r\n\r\n");
  };
  EXPECT_EQ(run_request(extension(63), 1, 1), done);
  EXPECT_EQ(run_request(extension(64), 1, 1), done);
  EXPECT_EQ(run_request(extension(65), 1, 1), "400 client_bad");
  EXPECT_EQ(run_request(extension(std::size_t{1} << 20), 1000, 1000), "400 client_bad");

  // 16 KiB in a body: 256 chunks of 64 bytes are the most.
  const auto chunks = [](int count) {
    std::string body;
    for (int i = 0; i < count; ++i) body += "1;" + std::string(63, 'e') + "\r\nx\r\n";
    return chunked(body + "0\r\n\r\n");
  };
  EXPECT_NE(run_request(chunks(255), 100000, 1), "400 client_bad");
  EXPECT_NE(run_request(chunks(256), 100000, 1), "400 client_bad");
  EXPECT_EQ(run_request(chunks(257), 100000, 1), "400 client_bad");
}

TEST(H1RequestLimits, Trailers) {
  const auto trailers = [](int count) {
    std::string body = "0\r\n";
    for (int i = 0; i < count; ++i) body += "T: v\r\n";
    return chunked(body + "\r\n");
  };
  EXPECT_NE(run_request(trailers(99), 1, 1).find("trailers=99"), std::string::npos);
  EXPECT_NE(run_request(trailers(100), 1, 1).find("trailers=100"), std::string::npos);
  EXPECT_EQ(run_request(trailers(101), 1, 1), "431 head_too_large");
  EXPECT_EQ(run_request(chunked("0\r\nT: " + std::string(64 * 1024, 't')), 5000, 5000),
            "431 head_too_large");
}

// Of this thread's CPU: other programs may run meanwhile.
std::int64_t own_nanoseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A head that comes byte by byte costs in proportion to its length. Four times the bytes
// take four times as long if that is so, and sixteen times if each byte looks at all the others.
// [T66]
TEST(H1RequestLimits, SingleBytesCostLinearTime) {
  const auto cost = [](std::size_t size) {
    const std::string head = head_of(size);
    auto best = std::numeric_limits<std::int64_t>::max();
    for (int round = 0; round < 7; ++round) {
      H1RequestParser parser(Arrival::Tunnel);
      const std::int64_t begin = own_nanoseconds();
      for (const char& byte : head) {
        if (!parser.feed(std::string_view(&byte, 1))) return best;
      }
      best = std::min(best, own_nanoseconds() - begin);
    }
    return best;
  };
  const auto quarter = cost(HeadLimits{}.head_bytes / 4);
  const auto whole = cost(HeadLimits{}.head_bytes);
  EXPECT_LT(whole, 8 * quarter);
}

}  // namespace
}  // namespace bottle
