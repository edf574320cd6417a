#include "proxy/contract/parent_address.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bottle {
namespace {

TEST(ParentAddress, ReadsWhatPeopleAndHttpsProxySay) {
  struct Row {
    std::string text, host, user, password, back;
    std::uint16_t port;
  };
  const std::vector<Row> table = {
      {"http://proxy.corp:3128", "proxy.corp", "", "", "http://proxy.corp:3128", 3128},
      {"HTTP://Proxy.Corp:80/", "proxy.corp", "", "", "http://proxy.corp:80", 80},
      {"proxy.corp:3128", "proxy.corp", "", "", "http://proxy.corp:3128", 3128},
      {"http://[fd00::1]:3128", "fd00::1", "", "", "http://[fd00::1]:3128", 3128},
      {"http://10.0.0.1:8080", "10.0.0.1", "", "", "http://10.0.0.1:8080", 8080},
      {"http://ann@proxy:1", "proxy", "ann", "", "http://ann@proxy:1", 1},
      {"http://ann:p%40s:s@proxy:1", "proxy", "ann", "p@s:s", "http://ann@proxy:1", 1},
      {"http://CORP%5Cann:100%@proxy:1", "proxy", "CORP\\ann", "100%", "http://CORP%5Cann@proxy:1",
       1},
  };
  for (const Row& row : table) {
    const auto parsed = ParentAddress::parse(row.text);
    ASSERT_TRUE(parsed) << row.text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->host, row.host);
    EXPECT_EQ(parsed->port, row.port);
    EXPECT_EQ(parsed->user, row.user);
    EXPECT_EQ(parsed->password, row.password);
    EXPECT_EQ(parsed->text(), row.back);
  }
}

TEST(ParentAddress, SaysWhatIsWrongAndNeverThePassword) {
  for (const std::string text :
       {"", "http://", "http://proxy", "http://proxy:", "http://proxy:0", "http://proxy:99999",
        "https://ann:sesame@proxy:3128", "socks5h://ann:sesame@proxy:1080", "http://:3128",
        "http://proxy:3128/path", "http://@proxy:3128", "http://:sesame@proxy:3128",
        "http://a%3Ab:sesame@proxy:1", "http://ann:sesame%0d%0a@proxy:1", "http://fd00::1:3128",
        "http://bad!host:1", "http://ann:sesame@:1"}) {
    const auto parsed = ParentAddress::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message.find("sesame"), std::string::npos) << parsed.error().message;
    EXPECT_NE(parsed.error().hint.find("http://HOST:PORT"), std::string::npos);
  }
}

TEST(ParentAddress, KnowsTheMachinesOwn) {
  for (const std::string here : {"localhost:1", "a.localhost:1", "127.9.9.9:1", "[::1]:1"}) {
    EXPECT_TRUE(ParentAddress::parse(here)->is_loopback()) << here;
  }
  for (const std::string there : {"127.example.com:1", "10.0.0.1:1", "[fd00::1]:1"}) {
    EXPECT_FALSE(ParentAddress::parse(there)->is_loopback()) << there;
  }
}

// RFC 7617 section 2 and RFC 4648 section 10.
TEST(ParentAddress, BasicAuthorization) {
  EXPECT_EQ(basic_authorization("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(basic_authorization("a", ""), "Basic YTo=");
  EXPECT_EQ(basic_authorization("ab", ""), "Basic YWI6");
}

}  // namespace
}  // namespace bottle
