#include "proxy/guard/encodings.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

TEST(Encodings, Base64CoreIsPartOfEveryAlignment) {
  // Reference strings made with coreutils' base64.
  EXPECT_EQ(base64_core("foobar", 0), "Zm9vYmFy");
  EXPECT_EQ(base64_core("fooba", 0), "Zm9vYm");
  EXPECT_NE(std::string("eGZvb2Jhcg==").find(base64_core("foobar", 1)), std::string::npos);
  EXPECT_NE(std::string("eHhmb29iYXI=").find(base64_core("foobar", 2)), std::string::npos);
  EXPECT_EQ(base64_core("foobar", 1).size(), 7u);
  EXPECT_EQ(base64_core("foobar", 2).size(), 7u);
  EXPECT_EQ(base64_url_safe("a+b/c"), "a-b_c");
}

TEST(Encodings, BasicCredentials) {
  EXPECT_EQ(basic_credentials("Basic dXNlcjpwYXNz"), "user:pass");
  EXPECT_EQ(basic_credentials("bAsIc   dTpw"), "u:p");
  EXPECT_EQ(basic_credentials("Basic dXNlcjpwYXNzMQ=="), "user:pass1");
  EXPECT_EQ(basic_credentials("Basic _-8"), "\xff\xef");
  EXPECT_EQ(basic_credentials("Basic"), std::nullopt);
  EXPECT_EQ(basic_credentials("BasicdTpw"), std::nullopt);
  EXPECT_EQ(basic_credentials("Bearer dTpw"), std::nullopt);
}

}  // namespace
}  // namespace bottle
