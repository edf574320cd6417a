#include "proxy/desk/sniff.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bottle {
namespace {

using enum FirstBytes;

TEST(Sniff, TellsTlsFromHttpFromTheRest) {
  const std::vector<std::pair<std::string, FirstBytes>> table = {
      {std::string("\x16\x03\x01\x02\x00\x01", 6), Tls},
      {std::string("\x16\x03\x03\x00\x2a\x01\x00\x00", 8), Tls},
      {std::string("\x16\x03\x01\x40\x00\x01", 6), Tls},
      {"GET / HTTP/1.1", Http},
      {"get / HTTP/1.1", Http},
      {"OPTIONS * HTTP/1.1", Http},
      {"GET http://h/", Http},
      {"CONNECT example.com:443 HTTP/1.1", Http},
      {"M-SEARCH * ", Http},
      {"\r\nGET / HTTP/1.1", Http},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Http},
      // Must pass neither for TLS nor for HTTP.
      {"SSH-2.0-OpenSSH_9.2\r\n", Unknown},
      {"EHLO example.com\r\n", Unknown},
      {"\n\nGET / HTTP/1.1", Unknown},
      {"\r\n\r\nGET / HTTP/1.1", Unknown},
      {"\rGET / HTTP/1.1", Unknown},
      {" GET / HTTP/1.1", Unknown},
      {"GET\t/ HTTP/1.1", Unknown},
      {"GET  / HTTP/1.1", Unknown},
      {"*1\r\n$4\r\nPING\r\n", Unknown},
      {std::string("\0\0\0\0", 4), Unknown},
      {std::string("\x80\x2e\x01\x00\x02", 5), Unknown},      // SSLv2 hello
      {std::string("\x16\x02\x01\x02\x00\x01", 6), Unknown},  // version 2.1
      {std::string("\x16\x03\x05\x02\x00\x01", 6), Unknown},  // version 3.5
      {std::string("\x16\x03\x01\x00\x00\x01", 6), Unknown},  // empty record
      {std::string("\x16\x03\x01\x40\x01\x01", 6), Unknown},  // record above 2^14
      {std::string("\x16\x03\x01\x02\x00\x02", 6), Unknown},  // ServerHello
      {std::string("\x17\x03\x03\x00\x10\x01", 6), Unknown},  // application data
      {std::string("\x15\x03\x01\x00\x02\x01", 6), Unknown},  // alert
      {std::string(40, 'A'), Unknown},
  };
  for (const auto& [bytes, expected] : table) {
    EXPECT_EQ(sniff(bytes), expected) << testing::PrintToString(bytes);
    // Fed byte by byte it must come to the same, never to another answer on the way.
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      const FirstBytes early = sniff(std::string_view(bytes).substr(0, n));
      EXPECT_TRUE(early == NeedMore || early == expected) << testing::PrintToString(bytes) << n;
    }
    EXPECT_NE(sniff(std::string_view(bytes).substr(0, kSniffBytes)), NeedMore);
  }
}

TEST(Sniff, NothingIsNotEnough) {
  EXPECT_EQ(sniff(""), NeedMore);
  EXPECT_EQ(sniff("GE"), NeedMore);
  EXPECT_EQ(sniff("\x16\x03"), NeedMore);
  EXPECT_EQ(sniff("\r"), NeedMore);
}

}  // namespace
}  // namespace bottle
