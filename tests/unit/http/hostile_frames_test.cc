// Frames and header blocks of HTTP/2 that have a second reading somewhere, or none: each has one
// verdict, whole and byte by byte.
#include "tests/unit/http/hostile_frames.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bottle {
namespace {

using namespace std::string_literals;
using namespace test;

Bytes request(const FieldList& fields) { return headers(1, fields, true); }

// ---- fields ----------------------------------------------------------------------------------

bool is_lower_name(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
}
// Tokens that are no plain names: the library lets them through, the rules do not.
bool is_other_token(unsigned char c) {
  return c != 0 &&
         std::string_view("!#$%&'*+.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}
bool is_field_text(unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7f); }

std::string name_verdict(unsigned char c) {
  return is_lower_name(c) ? "ok GET /" : is_other_token(c) ? "400" : "rst 1";
}

// [T31]
TEST(HostileFrames, EveryByteInAField) {
  g_cases = 0;
  for (unsigned i = 0; i < 256; ++i) {
    const auto c = static_cast<unsigned char>(i);
    const std::string b(1, static_cast<char>(c));
    const std::string what = "byte " + std::to_string(i);
    expect("at a name's beginning, " + what, request(with({{b + "bc", "v"}})), name_verdict(c));
    expect("in a name, " + what, request(with({{"a" + b + "c", "v"}})), name_verdict(c));
    expect("at a name's end, " + what, request(with({{"ab" + b, "v"}})), name_verdict(c));
    expect("in a value, " + what, request(with({{"ab", "v" + b + "v"}})),
           is_field_text(c) ? "ok GET /" : "rst 1");
    // Blanks at the ends are taken off (RFC 9113 section 8.2.1 lets either happen).
    expect("at a value's end, " + what, request(with({{"ab", "v" + b}})),
           is_field_text(c) ? "ok GET /" : "rst 1");
    expect("at a value's beginning, " + what, request(with({{"ab", b + "v"}})),
           is_field_text(c) ? "ok GET /" : "rst 1");
  }
  std::printf("%d bytes in fields of HTTP/2\n", g_cases);
  EXPECT_EQ(g_cases, 6 * 256);
}

std::string path_verdict(unsigned char c) {
  if (c < ' ' || c == 0x7f) return "rst 1";
  if (c == ' ' || c > 0x7f) return c == ' ' ? "rst 1" : "400";
  if (std::string_view("\"<>\\#").find(static_cast<char>(c)) != std::string_view::npos)
    return "400";
  static const char* const kHex = "0123456789ABCDEF";
  const std::string start = "ok GET /a?";
  if (std::string_view("{}|^`").find(static_cast<char>(c)) != std::string_view::npos) {
    return start + "%" + kHex[c >> 4U] + kHex[c & 15U] + "b";
  }
  return start + static_cast<char>(c) + "b";
}

TEST(HostileFrames, EveryByteInAPseudoField) {
  g_cases = 0;
  for (unsigned i = 0; i < 256; ++i) {
    const auto c = static_cast<unsigned char>(i);
    const std::string b(1, static_cast<char>(c));
    const std::string what = "byte " + std::to_string(i);
    expect("in :path, " + what, request(request_fields("GET", "/a?" + b + "b")), path_verdict(c));
    const bool token = is_lower_name(c) || is_other_token(c) || (c >= 'A' && c <= 'Z');
    expect("in :method, " + what, request(request_fields("G" + b + "T")),
           c == 'E' ? "ok GET /"
           : token  ? "501"
                    : "rst 1");
  }
  std::printf("%d bytes in pseudo fields of HTTP/2\n", g_cases);
}

FieldList without(std::string_view name) {
  FieldList fields = request_fields();
  std::erase_if(fields, [name](const auto& f) { return f.first == name; });
  return fields;
}

FieldList instead(std::string_view name, std::string value) {
  FieldList fields = request_fields();
  for (auto& f : fields) {
    if (f.first == name) f.second = std::move(value);
  }
  return fields;
}

struct Block {
  const char* name;
  FieldList fields;
  const char* verdict;
};

// [T31, T32]
TEST(HostileFrames, HeaderBlocks) {
  g_cases = 0;
  FieldList late = request_fields();
  late.insert(late.begin() + 3, {"a", "b"});
  const std::vector<Block> blocks = {
      {"a request", request_fields(), "ok GET /"},
      {"no :method", without(":method"), "rst 1"},
      {"no :scheme", without(":scheme"), "rst 1"},
      {"no :path", without(":path"), "rst 1"},
      {"no :authority", without(":authority"), "rst 1"},
      {"nothing", {}, "rst 1"},
      {"fields alone", {{"a", "b"}}, "rst 1"},
      {"a pseudo field behind a field", late, "rst 1"},
      {"two :method", with({{":method", "GET"}}), "rst 1"},
      {"two :scheme", with({{":scheme", "https"}}), "rst 1"},
      {"two :path", with({{":path", "/"}}), "rst 1"},
      {"two :authority", with({{":authority", "a.test"}}), "rst 1"},
      {":status", with({{":status", "200"}}), "rst 1"},
      {":protocol", with({{":protocol", "websocket"}}), "rst 1"},
      {"an unknown pseudo field", with({{":foo", "x"}}), "rst 1"},
      {"an empty pseudo field's name", with({{":", "x"}}), "rst 1"},
      {"an upper-case pseudo field",
       {{":Method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}},
       "rst 1"},
      {"empty :method", instead(":method", ""), "rst 1"},
      {"empty :path", instead(":path", ""), "rst 1"},
      {"empty :scheme", instead(":scheme", ""), "rst 1"},
      {"empty :authority", instead(":authority", ""), "rst 1"},
      {":scheme http", instead(":scheme", "http"), "400"},
      {":scheme ftp", instead(":scheme", "ftp"), "400"},
      {":scheme HTTPS", instead(":scheme", "HTTPS"), "400"},
      {":scheme with a colon", instead(":scheme", "https:"), "rst 1"},
      {":scheme with a URL", instead(":scheme", "https://a.test/"), "rst 1"},
      {":path without a slash", instead(":path", "x"), "rst 1"},
      {":path a URL", instead(":path", "https://a.test/"), "rst 1"},
      {":path *", instead(":path", "*"), "rst 1"},
      {":path with a fragment", instead(":path", "/#x"), "400"},
      {":path with another line", instead(":path", "/ HTTP/1.1\r\nA: b"), "rst 1"},
      {":path with a second request", instead(":path", "/ HTTP/1.1"), "rst 1"},
      {":path with a backslash", instead(":path", "/\\x"), "400"},
      {":path //other/", instead(":path", "//other/"), "ok GET //other/"},
      {":method lower case", instead(":method", "get"), "501"},
      {":method two words", instead(":method", "GET /x HTTP/1.1"), "rst 1"},
      {":method CONNECT", instead(":method", "CONNECT"), "rst 1"},
      {":method CONNECT, plain", {{":method", "CONNECT"}, {":authority", "a.test:443"}}, "501"},
      {":method PRI", instead(":method", "PRI"), "501"},
      {":method TRACE", instead(":method", "TRACE"), "501"},
      {":authority another", instead(":authority", "other"), "421"},
      {":authority with a user", instead(":authority", "u@a.test"), "400"},
      {":authority two hosts", instead(":authority", "a.test,a.test"), "400"},
      {":authority with a path", instead(":authority", "a.test/x"), "rst 1"},
      {":authority with a port", instead(":authority", "a.test:443"), "ok GET /"},
      {":authority another port", instead(":authority", "a.test:80"), "421"},
      {":authority port 0", instead(":authority", "a.test:0"), "400"},
      {":authority port 00443", instead(":authority", "a.test:00443"), "400"},
      {":authority port empty", instead(":authority", "a.test:"), "400"},
      {":authority port too large", instead(":authority", "a.test:65979"), "400"},
      {":authority with a blank", instead(":authority", "a.test x"), "rst 1"},
      {":authority with a line", instead(":authority", "a.test\r\nA: b"), "rst 1"},
      {":authority capitals", instead(":authority", "A.TEST"), "ok GET /"},
      {"host as :authority", with({{"host", "a.test"}}), "ok GET /"},
      {"host another", with({{"host", "other"}}), "400"},
      {"host empty", with({{"host", ""}}), "rst 1"},
      {"host twice", with({{"host", "a.test"}, {"host", "a.test"}}), "rst 1"},
      {"host for :authority",
       {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "a.test"}},
       "400"},
      {"connection", with({{"connection", "close"}}), "rst 1"},
      {"connection empty", with({{"connection", ""}}), "rst 1"},
      {"keep-alive", with({{"keep-alive", "timeout=5"}}), "rst 1"},
      {"proxy-connection", with({{"proxy-connection", "close"}}), "rst 1"},
      {"transfer-encoding", with({{"transfer-encoding", "chunked"}}), "rst 1"},
      {"transfer-encoding identity", with({{"transfer-encoding", "identity"}}), "rst 1"},
      {"transfer_encoding", with({{"transfer_encoding", "chunked"}}), "400"},
      {"upgrade", with({{"upgrade", "h2c"}}), "rst 1"},
      {"http2-settings", with({{"http2-settings", "AA"}}), "ok GET /"},
      {"te trailers", with({{"te", "trailers"}}), "ok GET /"},
      {"te gzip", with({{"te", "gzip"}}), "rst 1"},
      {"te trailers, deflate", with({{"te", "trailers, deflate"}}), "rst 1"},
      {"te chunked", with({{"te", "chunked"}}), "rst 1"},
      {"content-length 0", with({{"content-length", "0"}}), "ok GET /"},
      {"content-length without a body", with({{"content-length", "5"}}), "rst 1"},
      {"content-length +0", with({{"content-length", "+0"}}), "rst 1"},
      {"content-length 00", with({{"content-length", "00"}}), "400"},
      {"content-length empty", with({{"content-length", ""}}), "rst 1"},
      {"content-length 0x0", with({{"content-length", "0x0"}}), "rst 1"},
      {"content-length -1", with({{"content-length", "-1"}}), "rst 1"},
      {"content-length 0,0", with({{"content-length", "0,0"}}), "rst 1"},
      {"content-length twice", with({{"content-length", "0"}, {"content-length", "0"}}), "rst 1"},
      {"content-length beyond 64 bits", with({{"content-length", "99999999999999999999"}}),
       "rst 1"},
      {"content_length", with({{"content_length", "5"}}), "400"},
      {"an upper-case name", with({{"A", "b"}}), "rst 1"},
      {"an empty name", with({{"", "b"}}), "rst 1"},
      {"a colon in a name", with({{"a:b", "c"}}), "rst 1"},
      {"a whole line in a name", with({{"a: b\r\nc", "d"}}), "rst 1"},
      {"a whole request in a value", with({{"a", "b\r\n\r\nGET /2 HTTP/1.1\r\n"}}), "rst 1"},
      {"NUL in a value", with({{"a", "b\0c"s}}), "rst 1"},
      {"expect", with({{"expect", "100-continue"}}), "ok GET /"},
      {"expect another", with({{"expect", "x"}}), "417"},
      {"authorization twice", with({{"authorization", "a"}, {"authorization", "b"}}), "400"},
      {"content-type twice", with({{"content-type", "a"}, {"content-type", "b"}}), "400"},
      {"cookie twice", with({{"cookie", "a"}, {"cookie", "b"}}), "ok GET /"},
      {"a control field", with({{"x-pipelock-agent", "x"}}), "ok GET /"},
      {"a name of 64 bytes", with({{std::string(64, 'n'), "v"}}), "ok GET /"},
      {"a name of 65 bytes", with({{std::string(65, 'n'), "v"}}), "431"},
  };
  for (const Block& block : blocks) expect(block.name, request(block.fields), block.verdict);
  for (const std::size_t fields : {96U, 97U, 500U}) {
    FieldList many = request_fields();
    for (std::size_t i = 0; i < fields; ++i) many.emplace_back("a", "b");
    expect(std::to_string(fields) + " fields", request(many), fields == 96 ? "ok GET /" : "431");
  }
  std::printf("%d header blocks of HTTP/2\n", g_cases);
}

// ---- bodies ------------------------------------------------------------------------------------

// [T33]
TEST(HostileFrames, BodiesAndTrailers) {
  g_cases = 0;
  const auto post = [](const std::string& length) {
    FieldList fields = request_fields("POST");
    if (!length.empty()) fields.emplace_back("content-length", length);
    return headers(1, fields, false);
  };
  const auto trailers = [](const FieldList& fields, bool end = true) {
    return headers(1, fields, end);
  };
  expect("a length and its body", post("5") + data(1, "hello", true), "ok POST /");
  expect("no length", post("") + data(1, "hello", true), "ok POST /");
  expect("a longer body", post("4") + data(1, "hello", true), "ok POST /; rst 1");
  expect("a shorter body", post("6") + data(1, "hello", true), "ok POST /; rst 1");
  expect("length 0 with a body", post("0") + data(1, "h", true), "ok POST /; rst 1");
  expect("a longer body in two", post("5") + data(1, "hello") + data(1, "!", true),
         "ok POST /; rst 1");
  expect("an end without bytes", post("0") + data(1, "", true), "ok POST /");
  expect("trailers", post("") + data(1, "x") + trailers({{"a", "b"}}), "ok POST /; trailers");
  expect("trailers and a shorter body", post("2") + data(1, "x") + trailers({{"a", "b"}}),
         "ok POST /; rst 1");
  expect("trailers without an end", post("") + data(1, "x") + trailers({{"a", "b"}}, false),
         "ok POST /; rst 1");
  for (const char* name : {":path", ":method", ":status", ":x", "Upper", "a b", ""}) {
    expect("trailer "s + name, post("") + data(1, "x") + trailers({{name, "b"}}),
           "ok POST /; rst 1");
  }
  for (const char* name :
       {"host", "authorization", "cookie", "x-pipelock-agent", "proxy-authorization", "a_b"}) {
    expect("trailer "s + name, post("") + data(1, "x") + trailers({{name, "b"}}),
           "ok POST /; bad trailers");
  }
  std::printf("%d bodies and trailers of HTTP/2\n", g_cases);
}

}  // namespace
}  // namespace bottle
