// Every byte at every place where a request can be torn: an independent rule says which are fine.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/http/hostile_verdict.h"

namespace bottle {
namespace {

using Rule = std::function<std::string(unsigned char)>;

struct Place {
  const char* name;
  std::string before;
  std::string behind;
  Rule verdict;
};

bool is_alnum_byte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_tchar(unsigned char c) {
  return is_alnum_byte(c) ||
         (c != 0 &&
          std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
}

bool is_hex(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_blank(unsigned char c) { return c == ' ' || c == '\t'; }
// RFC 9110 section 5.5, and HTAB and SP.
bool is_text(unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7f); }

std::string target_with(unsigned char c) {
  if (c <= ' ' || c >= 0x7f ||
      std::string_view("\"<>\\#").find(static_cast<char>(c)) != std::string_view::npos) {
    return "400";
  }
  static const char* const kHex = "0123456789ABCDEF";
  std::string out = "GET /a?";
  if (std::string_view("{}|^`").find(static_cast<char>(c)) != std::string_view::npos) {
    return out + "%" + kHex[c >> 4U] + kHex[c & 15U] + "b";
  }
  return out + static_cast<char>(c) + "b";
}

Rule only(unsigned char fine, const std::string& verdict, const std::string& otherwise = "400") {
  return [=](unsigned char c) { return c == fine ? verdict : otherwise; };
}

std::vector<Place> places() {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string end = "\r\n\r\n";
  const auto name = [](unsigned char c) {
    return std::string(is_alnum_byte(c) || c == '-' ? "GET /" : "400");
  };
  const auto name_or_its_end = [name](unsigned char c) { return c == ':' ? "GET /" : name(c); };
  const auto value = [](unsigned char c) { return std::string(is_text(c) ? "GET /" : "400"); };
  const auto coding = [](unsigned char c) {
    return std::string(is_blank(c) ? "POST /=" : is_text(c) ? "501" : "400");
  };
  const auto extension = [](unsigned char c) {
    return std::string(is_tchar(c) ? "POST /=hello" : "400");
  };
  const auto trailer = [](unsigned char c) {
    return std::string(is_alnum_byte(c) || c == '-' || c == ':' ? "POST /=" : "400");
  };
  const auto second = [](unsigned char c) {
    return std::string(is_tchar(c) ? "GET /; 501" : "GET /; 400");
  };
  return {
      {"in the method", "G", "T / HTTP/1.1\r\nHost: h\r\n\r\n",
       [](unsigned char c) { return c == 'E'      ? "GET /"
                                    : is_tchar(c) ? "501"
                                                  : "400"; }},
      {"before the method", "", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
       [](unsigned char c) { return is_tchar(c) ? "501" : "400"; }},
      {"in the target", "GET /a?", "b HTTP/1.1\r\nHost: h\r\n\r\n", target_with},
      {"between two requests", head + "\r\n", "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n", second},
      {"behind the version", "GET / HTTP/1.1", "\r\nHost: h\r\n\r\n",
       [](unsigned char c) { return c == '\n' || c == ' ' ? "400" : "501"; }},
      {"for CR behind the request line", "GET / HTTP/1.1", "\nHost: h\r\n\r\n",
       only('\r', "GET /")},
      {"for LF behind the request line", "GET / HTTP/1.1\r", "Host: h\r\n\r\n",
       only('\n', "GET /")},
      {"at a name's beginning", head, "bc: v" + end, name},
      {"in a name", head + "a", "c: v" + end, name_or_its_end},
      {"at a name's end", head + "ab", ": v" + end, name_or_its_end},
      {"for the colon", head + "ab", " v" + end, only(':', "GET /")},
      {"behind the colon", head + "ab:", "v" + end, value},
      {"in a value", head + "ab: v", "v" + end, value},
      {"at a value's end", head + "ab: v", end, value},
      {"for CR behind a field", head + "ab: v", "\n\r\n", only('\r', "GET /")},
      {"for LF behind a field", head + "ab: v\r", "\r\n", only('\n', "GET /")},
      {"for CR behind the head", head + "ab: v\r\n", "\n", only('\r', "GET /")},
      {"before a length", post + "Content-Length: ", "5" + end + "hello",
       [](unsigned char c) {
         return is_blank(c) ? "POST /=hello" : c >= '1' && c <= '9' ? "more" : "400";
       }},
      {"behind a length", post + "Content-Length: 5", end + "hello",
       [](unsigned char c) {
         return c == ' ' ? "POST /=hello" : c >= '0' && c <= '9' ? "more" : "400";
       }},
      {"before the coding", post + "Transfer-Encoding: ", "chunked\r\n\r\n0\r\n\r\n", coding},
      {"behind the coding", post + "Transfer-Encoding: chunked", "\r\n\r\n0\r\n\r\n", coding},
      {"in the coding", post + "Transfer-Encoding: chun", "ked\r\n\r\n0\r\n\r\n",
       [](unsigned char c) { return is_text(c) ? "501" : "400"; }},
      {"before a chunk's size", chunked, "5\r\nhello\r\n0\r\n\r\n",
       [](unsigned char c) { return c == '0'    ? "POST /=hello"
                                    : is_hex(c) ? "more"
                                                : "400"; }},
      {"behind a chunk's size", chunked + "5", "\r\nhello\r\n0\r\n\r\n",
       [](unsigned char c) { return is_hex(c) ? "more" : "400"; }},
      {"for CR behind a chunk's size", chunked + "5", "\nhello\r\n0\r\n\r\n",
       only('\r', "POST /=hello")},
      {"behind a chunk's bytes", chunked + "5\r\nhello", "\r\n0\r\n\r\n", only(0, "400")},
      {"for CR behind a chunk", chunked + "5\r\nhello", "\n0\r\n\r\n", only('\r', "POST /=hello")},
      {"for LF behind a chunk", chunked + "5\r\nhello\r", "0\r\n\r\n", only('\n', "POST /=hello")},
      {"in an extension's name", chunked + "5;a", "b\r\nhello\r\n0\r\n\r\n",
       [extension](unsigned char c) {
         return c == '=' ? "POST /=hello" : c == ';' ? "POST /=hello" : extension(c);
       }},
      {"in an extension's value", chunked + "5;a=b", "c\r\nhello\r\n0\r\n\r\n",
       [extension](unsigned char c) { return c == ';' ? "POST /=hello" : extension(c); }},
      {"in a trailer's name", chunked + "0\r\na", "c: v" + end, trailer},
      {"in a trailer's value", chunked + "0\r\nab: v", "v" + end,
       [](unsigned char c) { return is_text(c) ? "POST /=" : "400"; }},
      {"for CR behind the last chunk", chunked + "0\r\n", "\n", only('\r', "POST /=")},
  };
}

// [T20, T21, T22, T23, T24, T26, T27, T28]
TEST(HostileBytes, OneRuleDecidesAtEachPlace) {
  int cases = 0;
  for (const Place& place : places()) {
    for (unsigned c = 0; c < 256; ++c) {
      const std::string in = place.before + static_cast<char>(c) + place.behind;
      EXPECT_EQ(test::stream_verdict(in), place.verdict(static_cast<unsigned char>(c)))
          << place.name << ": " << testing::PrintToString(in);
      ++cases;
    }
  }
  std::printf("%d bytes at their places, each whole and byte by byte\n", cases);
  EXPECT_GE(cases, 8000);
}

}  // namespace
}  // namespace bottle
