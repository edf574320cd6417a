// Requests that some parser in the field reads in another way than its neighbour: the findings of
// published differential tests of servers and proxies, each with the one verdict it has here.
// Messages of our own; the shapes are facts.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/http/hostile_verdict.h"

namespace bottle {
namespace {

using namespace std::string_view_literals;

struct Shape {
  std::string_view lines;    // the head's lines behind Host, and the rest
  std::string_view verdict;  // of POST /x with them
};

constexpr std::string_view kStart = "POST /x HTTP/1.1\r\nHost: h\r\n";
constexpr std::string_view kSecond = "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n";

int expect_all(const std::vector<Shape>& shapes, std::string_view start) {
  for (const Shape& shape : shapes) {
    const std::string in = std::string(start) + std::string(shape.lines);
    EXPECT_EQ(test::stream_verdict(in), shape.verdict) << testing::PrintToString(in);
  }
  return static_cast<int>(shapes.size());
}

const std::vector<Shape> kLengths = {
    {"Content-Length: 5\r\n\r\nhello"sv, "POST /x=hello"},
    {"Content-Length:5\r\n\r\nhello"sv, "POST /x=hello"},
    {"Content-Length:\t5 \r\n\r\nhello"sv, "POST /x=hello"},
    {"Content-Length: 5\t\r\n\r\nhello"sv, "400"},
    {"Content-Length: 0\r\n\r\n"sv, "POST /x="},
    {"Content-Length: +5\r\n\r\nhello"sv, "400"},
    {"Content-Length: -0\r\n\r\n"sv, "400"},
    {"Content-Length: -48\r\n\r\n"sv, "400"},
    {"Content-Length: 1_0\r\n\r\n0123456789"sv, "400"},
    {"Content-Length: +1_0\r\n\r\n0123456789"sv, "400"},
    {"Content-Length: 0x5\r\n\r\nhello"sv, "400"},
    {"Content-Length: 0b11\r\n\r\nabc"sv, "400"},
    {"Content-Length: 0o5\r\n\r\nhello"sv, "400"},
    {"Content-Length: 010\r\n\r\n01234567"sv, "400"},
    {"Content-Length: 00\r\n\r\n"sv, "400"},
    {"Content-Length: \r\n\r\n"sv, "400"},
    {"Content-Length:\r\n\r\n"sv, "400"},
    {"Content-Length: 1Z\r\n\r\nZ"sv, "400"},
    {"Content-Length: Z\r\n\r\nZ"sv, "400"},
    {"Content-Length: 5;\r\n\r\nhello"sv, "400"},
    {"Content-Length: 5,\r\n\r\nhello"sv, "400"},
    {"Content-Length: ,5\r\n\r\nhello"sv, "400"},
    {"Content-Length: 5, 5\r\n\r\nhello"sv, "400"},
    {"Content-Length: 5,6\r\n\r\nhello"sv, "400"},
    {"Content-Length: 5 5\r\n\r\nhello"sv, "400"},
    {"Content-Length: 5.0\r\n\r\nhello"sv, "400"},
    {"Content-Length: 5e0\r\n\r\nhello"sv, "400"},
    {"Content-Length: \"5\"\r\n\r\nhello"sv, "400"},
    {"Content-Length: 5\0\r\n\r\nhello"sv, "400"},
    {"Content-Length: \xc2\xa0"
     "5\r\n\r\nhello"sv,
     "400"},
    {"Content-Length: \xd9\xa5\r\n\r\nhello"sv, "400"},  // a digit of another alphabet
    {"Content-Length: 18446744073709551621\r\n\r\nhello"sv, "400"},
    {"Content-Length: 4294967301\r\n\r\nhello"sv, "more"},
    {"Content-Length: 99999999999999999999999999999999\r\n\r\n"sv, "400"},
    {"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"sv, "400"},
    {"Content-Length: 1\r\nContent-Length: 0\r\n\r\nZ"sv, "400"},
    {"Content-Length: 0\r\nContent-Length: 1\r\n\r\nZ"sv, "400"},
    {"Content-Length: \r\nContent-Length: 43\r\n\r\n"sv, "400"},
    {"Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n\r\nhello"sv, "400"},
    {"Content-Length : 5\r\n\r\nhello"sv, "400"},
    {"Content-Length\t: 5\r\n\r\nhello"sv, "400"},
    {" Content-Length: 5\r\n\r\nhello"sv, "400"},
    {"Content-Length 5\r\n\r\nhello"sv, "400"},
    {"Content-Length= 5\r\n\r\nhello"sv, "400"},
    {"Content_Length: 5\r\n\r\nhello"sv, "400"},
    {"Content-Length\x85: 5\r\n\r\nhello"sv, "400"},
    {"Content-Length\xa0: 5\r\n\r\nhello"sv, "400"},
    {"Content-Length\0: 5\r\n\r\nhello"sv, "400"},
    {"Content-\r\n Length: 5\r\n\r\nhello"sv, "400"},
    {"Content-\r\nLength: 5\r\n\r\nhello"sv, "400"},
    {"Content-Length:\r\n 5\r\n\r\nhello"sv, "400"},
    {"Content-Length:\n5\r\n\r\nhello"sv, "400"},
    {"Content-Length: \n\n5\r\n\r\nhello"sv, "400"},
    {"Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello"sv, "400"},
};

const std::vector<Shape> kCodings = {
    {"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, "POST /x="},
    {"Transfer-Encoding:chunked\r\n\r\n1\r\nZ\r\n0\r\n\r\n"sv, "POST /x=Z"},
    {"Transfer-Encoding: CHUNKED\r\n\r\n1\r\nZ\r\n0\r\n\r\n"sv, "POST /x=Z"},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nZ\r\n0\r\n\r\n"sv,
     "501"},
    {"Transfer-Encoding: chunked\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: \xa0"
     "chunked\xa0\r\n\r\n0\r\n\r\n"sv,
     "501"},
    {"Transfer-Encoding: \x85"
     "chunked\r\n\r\n0\r\n\r\n"sv,
     "501"},
    {"Transfer-Encoding: \xff"
     "chunked\xff\r\n\r\n1\r\nZ\r\n0\r\n\r\n"sv,
     "501"},
    {"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: ,chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: chunked, \r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: identity\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: blegh\r\n\r\n1\r\nZ\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: chunked;q=0.5\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: 'chunked'\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: chunke\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: chunkedchunked\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: chunked chunked\r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: \r\n\r\n0\r\n\r\n"sv, "501"},
    {"Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding: \0"
     "chunked\r\n\r\n0\r\n\r\n"sv,
     "400"},
    {"Transfer-Encoding: chunked\v\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding: \f"
     "chunked\r\n\r\n0\r\n\r\n"sv,
     "400"},
    {"Transfer-Encoding: chunked\r\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding:\n chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-\r\nEncoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer_Encoding: chunked\r\nContent-Length: 0\r\n\r\n"sv, "400"},
    {"Transfer Encoding: chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding\x85: chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"sv, "400"},
    {"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello"sv, "400"},
    {"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"TE: chunked\r\nContent-Length: 0\r\n\r\n"sv, "POST /x="},
    {"X-Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nZ"sv, "POST /x=Z"},
};

// Behind a head with "Transfer-Encoding: chunked".
const std::vector<Shape> kChunks = {
    {"0_2e\r\n\r\n"sv, "400"},
    {"0x0\r\n\r\n"sv, "400"},
    {"0X5\r\nhello\r\n0\r\n\r\n"sv, "400"},
    {"-0x0\r\n\r\n"sv, "400"},
    {"+0\r\n\r\n"sv, "400"},
    {"-1\r\n\r\n"sv, "400"},
    {"_1\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"\r\n\r\n"sv, "400"},
    {"           0\r\n\r\n"sv, "400"},
    {"\t0\r\n\r\n"sv, "400"},
    {"0 \r\n\r\n"sv, "400"},
    {"0\t\r\n\r\n"sv, "400"},
    {"1 \r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"INVALID!!!\r\n"sv, "400"},
    {"Z\r\nZZ\r\nZZZ\r\n\r\n"sv, "400"},
    {"1these-bytes\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1Z\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1\r0\n"sv, "400"},
    {"1\rZ\r\n0\r\n\r\n"sv, "400"},
    {"5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n"sv, "400"},
    {"2\r\r;a\r\n02\r\n41\r\n0\r\n\r\n"sv, "400"},
    {"41;a=b\r\rXXXX\r\n0\r\n\r\n"sv, "400"},
    {"1;\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1;\nxx\r\n4\r\n1\r\n0\r\n\r\n"sv, "400"},
    {"1;a\nxx\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1;a=\"\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1;a=\"x\r\ny\"\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1; a\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1 ;a\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1;a b\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1;a=b;\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1,a\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1;a=b;c=\"d e\"\r\nZ\r\n0;f\r\n\r\n"sv, "POST /x=Z"},
    {"1\r\nZ\n0\r\n\r\n"sv, "400"},
    {"1\nZ\r\n0\r\n\r\n"sv, "400"},
    {"1\r\nZ\r\n0\n\n"sv, "400"},
    {"1\r\nZ\r\n0\r\n\n"sv, "400"},
    {"1\r\nZ0\r\n\r\n"sv, "400"},
    {"1\r\nZZ\r\n0\r\n\r\n"sv, "400"},
    {"1\r\nZ\r\n\r\n0\r\n\r\n"sv, "400"},
    {"1\r\nZ  0\r\n\r\n"sv, "400"},
    {"2\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"FFFFFFFF\r\nZ"sv, "more"},
    {"100000000\r\nZ"sv, "400"},
    {"FFFFFFFFFFFFFFFF\r\nZ"sv, "400"},
    {"10000000000000001\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"000000001\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"00000001\r\nZ\r\n00000000\r\n\r\n"sv, "POST /x=Z"},
    {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"sv, "POST /x=01234567890123456789"},
    {"0.\r\n\r\n"sv, "400"},
    {"0\0\r\n\r\n"sv, "400"},
    {"1\0\r\nZ\r\n0\r\n\r\n"sv, "400"},
    {"0\r\n\r\n\0"sv, "POST /x=; more"},
    {"0\r\nX:POST / HTTP/1.1\r\n\r\n"sv, "POST /x="},
    {"0\r\nX: y\r\n z\r\n\r\n"sv, "400"},
    {"0\r\n X: y\r\n\r\n"sv, "400"},
    {"0\r\nX : y\r\n\r\n"sv, "400"},
    {"0\r\n: y\r\n\r\n"sv, "400"},
    {"0\r\nX\r\n\r\n"sv, "400"},
    {"0\r\nX: y\n\r\n"sv, "400"},
    {"0\r\nX: y\rZ: z\r\n\r\n"sv, "400"},
    {"0\r\nX: a\0b\r\n\r\n"sv, "400"},
    {"0\r\nHost: other\r\n\r\n"sv, "400"},
    {"0\r\nTransfer-Encoding: chunked\r\n\r\n"sv, "400"},
    {"0\r\nContent-Length: 1\r\n\r\n"sv, "400"},
    {"0\r\nX_Y: z\r\n\r\n"sv, "400"},
};

const std::vector<Shape> kLines = {
    {"A: b\r\n\r\n"sv, "POST /x"},
    {"A: b\r\nA: c\r\n\r\n"sv, "POST /x"},
    {"A: v\0\ralue\r\n\r\n"sv, "400"},
    {"A: va\rlue\r\n\r\n"sv, "400"},
    {"A: va\nlue\r\n\r\n"sv, "400"},
    {"A: test\0dropped\r\n\r\n"sv, "400"},
    {"Visible: :/\rSmuggled: :)\r\n\r\n"sv, "400"},
    {"\xef"
     "foo: bar\r\n\r\n"sv,
     "400"},
    {"\x01\x02: x\r\n\r\n"sv, "400"},
    {"a\"b: x\r\n\r\n"sv, "400"},
    {"a(b: x\r\n\r\n"sv, "400"},
    {"a/b: x\r\n\r\n"sv, "400"},
    {"a@b: x\r\n\r\n"sv, "400"},
    {"a[b]: x\r\n\r\n"sv, "400"},
    {"a{b}: x\r\n\r\n"sv, "400"},
    {"a;b: x\r\n\r\n"sv, "400"},
    {"a,b: x\r\n\r\n"sv, "400"},
    {"a=b: x\r\n\r\n"sv, "400"},
    {"a\\b: x\r\n\r\n"sv, "400"},
    {": ignored\r\n\r\n"sv, "400"},
    {":\r\nI: am chopped off\r\n\r\n"sv, "400"},
    {"\r\rA: b\r\n\r\n"sv, "400"},
    {"\rA: b\r\n\r\n"sv, "400"},
    {"A: b\r\n\rZGET /evil: HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"A:\n\nGET /2 HTTP/1.1\r\n\r\n"sv, "400"},
    {"A: b\n\n"sv, "400"},
    {"A: b\r\n\n"sv, "400"},
    {"A: b\n\r\n"sv, "400"},
    {"Te\nst: test\r\n\r\n"sv, "400"},
    {"a:b\r\nc\0\r\n\r\n"sv, "400"},
    {"a b\r\n\r\n"sv, "400"},
    {"A\r\n: b\r\n\r\n"sv, "400"},
    {"A: b\r\n\tc\r\n\r\n"sv, "400"},
    {"A: b\r\n \r\n\r\n"sv, "400"},
    {"A: b\r\n\t\r\n\r\n"sv, "400"},
    {"User: \x85"
     "admin\xa0\r\n\r\n"sv,
     "POST /x"},
    {"A:\r\n\r\n"sv, "POST /x"},
    {"A: \t \r\n\r\n"sv, "POST /x"},
    {"A: \x7f\r\n\r\n"sv, "400"},
    {"A: \x1b[2J\r\n\r\n"sv, "400"},
    {"A: \b\r\n\r\n"sv, "400"},
    {"Host: h\r\n\r\n"sv, "400"},
    {"host: other\r\n\r\n"sv, "400"},
    {"Host : h\r\n\r\n"sv, "400"},
    {"Connection: Host\r\n\r\n"sv, "400"},
    {"Expect: 100-continue\r\nContent-Length: 1\r\n\r\nZ"sv, "POST /x=Z"},
    {"Expect: y 100-continue\r\n\r\n"sv, "417"},
    {"Expect: 100-continue, x\r\n\r\n"sv, "417"},
    {"Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"sv, "417"},
    {"Expect:\r\n\r\n"sv, "417"},
    {"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n"sv,
     "POST /x"},
    {"Connection: close\r\n\r\nInvalid\r\n\r\n"sv, "POST /x; close"},
    {"Connection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"sv, "POST /x; close"},
    {"Connection: keep-alive, close\r\n\r\nG"sv, "POST /x; close"},
};

// From the first byte on.
const std::vector<Shape> kRequestLines = {
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /"},
    {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /"},
    {"GET /test HTTP/1.32\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/1.11\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/11.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/1.\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/1,1\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/+1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/0x1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/1.1x\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/4294967295.255\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/............0596.7407.\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/3\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/2.0\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/0.9\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\t\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / HTTP/\r\r1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"GET / hTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET / HTTPS/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET / XHTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET /\r\n\r\n"sv, "400"},
    {"GET\r\n\r\n"sv, "400"},
    {"GET /\nHTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET /\rHTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET\v/ HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET\xc2\xa0/ HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET /  HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET / x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {" GET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"\tGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"\0GET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"\0 / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"\xef\xbb\xbfGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"G=\":<>(e),[T];?\" / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET! / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"gET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"GETT / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"GE / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"TRACK / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"CONNECT / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, "501"},
    {"SOURCE / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "501"},
    {"ICY 200 OK\r\n\r\n"sv, "400"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"sv, "400"},
    {"GET ! HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET ../x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET ?x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET #x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET /a#x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET /a\\..\\b HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET \\ HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET * HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"sv, "OPTIONS *"},
    {"OPTIONS https://h HTTP/1.1\r\nHost: h\r\n\r\n"sv, "OPTIONS *"},
    {"OPTIONS ** HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET //h/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET //h/x"},
    {"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /%00"},
    {"GET /%0d%0aA:b HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /%0d%0aA:b"},
    {"GET /{|}^` HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /%7B%7C%7D%5E%60"},
    {"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET https://h/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /x"},
    {"GET HTTPS://H:443/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /x"},
    {"GET https://h/x HTTP/1.1\r\nHost: other\r\n\r\n"sv, "400"},
    {"GET https://other/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET https://other/x HTTP/1.1\r\nHost: other\r\n\r\n"sv, "421"},
    {"GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET https:/h/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET https:///x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET https://u@h/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET https://h:443:443/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET https://h\\@other/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET https://h#@other/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET ftp://h/x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET javascript:x HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h, h\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h h\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h?x\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h#x\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h:0\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h:0443\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h:+443\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h:65979\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: h:443\r\n\r\n"sv, "GET /"},
    {"GET / HTTP/1.1\r\nHost: h:444\r\n\r\n"sv, "421"},
    {"GET / HTTP/1.1\r\nHost: H\r\n\r\n"sv, "GET /"},
    {"GET / HTTP/1.1\r\nHost: other\r\n\r\n"sv, "421"},
    {"GET / HTTP/1.1\r\nHost: h\0.other\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: \xff"
     "h\xff\r\n\r\n"sv,
     "400"},
    {"GET / HTTP/1.1\r\nHost: [h]\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\nHost: 127.1\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\n\tHost: h\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\r\n\tContent-Length: 1\r\nHost: h\r\n\r\nX"sv, "400"},
    {"GET / HTTP/1.1\r\nHost:\r\n h\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.1\nHost: h\n\n"sv, "400"},
    {"GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"sv, "GET /; close"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"sv, "GET /; close"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, "400"},
    {"GET / HTTP/1.0\r\nHost: other\r\n\r\n"sv, "421"},
    {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"sv,
     "GET /=abc; GET /2"},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\nabc"sv, "GET /; more"},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /; GET /2"},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET /; 400"},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n0\r\n\r\n"sv, "GET /; 400"},
};

// [T20, T21, T22, T23, T24, T26, T27, T28]
TEST(HostileRequests, HaveTheirOneVerdict) {
  int cases = expect_all(kLengths, kStart);
  cases += expect_all(kCodings, kStart);
  cases += expect_all(kChunks, std::string(kStart) + "Transfer-Encoding: chunked\r\n\r\n");
  cases += expect_all(kLines, kStart);
  cases += expect_all(kRequestLines, "");
  std::printf("%d requests of HTTP/1, each whole and byte by byte\n", cases);
  EXPECT_GE(cases, 300);
}

// The shape once more in front of another request: a refused one takes nothing along, and one that
// is whole leaves the next one whole.
TEST(HostileRequests, TheNextRequestIsNoPartOfThem) {
  int cases = 0;
  for (const auto* shapes : {&kLengths, &kCodings, &kLines}) {
    for (const Shape& shape : *shapes) {
      const std::string_view verdict = shape.verdict;
      if (verdict.ends_with("more") || verdict.ends_with("close")) continue;
      const bool whole = verdict.starts_with("POST");
      const std::string in = std::string(kStart) + std::string(shape.lines) + std::string(kSecond);
      const std::string want = std::string(verdict) + (whole ? "; GET /2" : "");
      EXPECT_EQ(test::stream_verdict(in), want) << testing::PrintToString(in);
      ++cases;
    }
  }
  EXPECT_GE(cases, 100);
}

}  // namespace
}  // namespace bottle
