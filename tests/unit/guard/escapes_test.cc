#include "proxy/guard/escapes.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/guard/encodings.h"

namespace bottle {
namespace {

template <class Decoder, class... Args>
void expect_decoded(ByteView in, ByteView want, Args... args) {
  for (std::size_t split = 0; split <= in.size(); ++split) {
    Decoder decoder(args...);
    Bytes out;
    decoder.decode(in.substr(0, split), out);
    decoder.decode(in.substr(split), out);
    decoder.flush(out);
    EXPECT_EQ(out, want) << in << " split at " << split;
  }
  Decoder decoder(args...);
  Bytes out;
  for (std::size_t i = 0; i < in.size(); ++i) decoder.decode(in.substr(i, 1), out);
  decoder.flush(out);
  EXPECT_EQ(out, want) << in << " byte by byte";
}

TEST(Escapes, Percent) {
  const struct {
    ByteView in;
    ByteView out;
  } cases[] = {
      {"", ""},         {"abc", "abc"}, {"%41", "A"},          {"%4a%4A", "JJ"}, {"%", "%"},
      {"%4", "%4"},     {"%4g", "%4g"}, {"%%41", "%A"},        {"%4%41", "%4A"}, {"%zz%41", "%zzA"},
      {"%2541", "%41"}, {"a+b", "a+b"}, {"%C3%A4", "\xc3\xa4"}};
  for (const auto& c : cases) expect_decoded<PercentDecoder>(c.in, c.out, false);
  expect_decoded<PercentDecoder>("a+b%2Bc", "a b+c", true);
}

TEST(Escapes, Json) {
  const struct {
    ByteView in;
    ByteView out;
  } cases[] = {{"plain", "plain"},
               {R"(a\"b\\c\/d)", R"(a"b\c/d)"},
               {R"(\n\r\t\b\f)", "\n\r\t\b\f"},
               {R"(\u0041\u004a\u004A)", "AJJ"},
               {R"(\u00e4\u20AC)", "\xc3\xa4\xe2\x82\xac"},
               {R"(\ud83d\ude00)", "\xf0\x9f\x98\x80"},
               {R"(\ud83dA)", "A"},
               {R"(\ude00A)", "A"},
               {R"(\u00)", R"(\u00)"},
               {R"(\u00g1)", R"(\u00g1)"},
               {R"(\u00\n)", "\\u00\n"},
               {R"(\x)", R"(\x)"},
               {"\\", "\\"},
               {R"(\\n)", R"(\n)"}};
  for (const auto& c : cases) expect_decoded<JsonUnescaper>(c.in, c.out);
}

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
