#include "proxy/config/secrets_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace bottle {
namespace {

TEST(SecretsFile, OneObjectALine) {
  const auto parsed = parse_secret_lines(
      "{\"name\":\"A\",\"value\":\"aaaaaaaa\"}\n"
      "\n  \r\n"
      "{\"name\":\"B\",\"value\":\"bbbbbbbb\",\"hosts\":[\"h.test\",\"*.i.test\"],"
      "\"in_body\":true}");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->values.size(), 2U);
  EXPECT_EQ(parsed->values[0].name, "A");
  EXPECT_EQ(parsed->values[0].value, "aaaaaaaa");
  EXPECT_FALSE(parsed->values[0].hosts);
  EXPECT_FALSE(parsed->values[0].in_body);
  ASSERT_TRUE(parsed->values[1].hosts);
  EXPECT_EQ(*parsed->values[1].hosts, (std::vector<std::string>{"h.test", "*.i.test"}));
  EXPECT_TRUE(parsed->values[1].in_body);
}

TEST(SecretsFile, PlaceholderAndItsParts) {
  const std::string begin = "{\"name\":\"A\",\"value\":\"aaaaaaaa\",\"hosts\":[\"h.test\"]";
  const auto plain = parse_secret_lines(begin + ",\"placeholder\":\"bbbbbbbb\"}");
  ASSERT_TRUE(plain) << plain.error().message;
  ASSERT_TRUE(plain->values[0].kept_out);
  EXPECT_EQ(plain->values[0].kept_out->placeholder, "bbbbbbbb");
  EXPECT_TRUE(plain->values[0].kept_out->in_header);
  EXPECT_FALSE(plain->values[0].kept_out->in_query);
  EXPECT_FALSE(plain->values[0].kept_out->in_body);
  const auto parts =
      parse_secret_lines(begin + ",\"in\":[\"query\",\"body\"],\"placeholder\":\"bbbbbbbb\"}");
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_FALSE(parts->values[0].kept_out->in_header);
  EXPECT_TRUE(parts->values[0].kept_out->in_query);
  EXPECT_TRUE(parts->values[0].kept_out->in_body);
  const auto any =
      parse_secret_lines(begin + ",\"in\":[\"any_header\"],\"placeholder\":\"bbbbbbbb\"}");
  ASSERT_TRUE(any) << any.error().message;
  EXPECT_FALSE(any->values[0].kept_out->in_header);
  EXPECT_TRUE(any->values[0].kept_out->in_any_header);
  for (const std::string bad :
       {",\"in\":[\"header\"]}", ",\"placeholder\":1}", ",\"placeholder\":\"b\",\"in\":\"header\"}",
        ",\"placeholder\":\"b\",\"in\":[\"path\"]}", ",\"placeholder\":\"b\",\"in\":[1]}"}) {
    EXPECT_FALSE(parse_secret_lines(begin + bad)) << bad;
  }
}

TEST(SecretsFile, NoneIsNoError) {
  const auto parsed = parse_secret_lines("");
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->values.empty());
}

TEST(SecretsFile, NoComplaintHoldsAValue) {
  const std::string bad[] = {
      "hunter2hunter2",
      "\"hunter2hunter2\"",
      "[\"hunter2hunter2\"]",
      "{\"name\":\"A\",\"value\":\"hunter2hunter2\"",
      "{\"name\":\"A\",\"value\":\"hunter2hunter2\"} x",
      "{\"name\":\"A\",\"value\":[\"hunter2hunter2\"]}",
      "{\"name\":1,\"value\":\"hunter2hunter2\"}",
      "{\"name\":\"A\",\"hunter2hunter2\":1,\"value\":\"hunter2hunter2\"}",
      "{\"name\":\"A\",\"value\":\"hunter2hunter2\",\"hosts\":\"hunter2hunter2\"}",
      "{\"name\":\"A\",\"value\":\"hunter2hunter2\",\"hosts\":[1]}",
      "{\"name\":\"A\",\"value\":\"hunter2hunter2\",\"in_body\":\"yes\"}",
      "{\"value\":\"hunter2hunter2\"}",
      "{\"name\":\"\",\"value\":\"hunter2hunter2\"}",
      "{\"name\":\"A\"}",
      "{\"name\":\"A\",\"value\":\"\"}",
      "{\"name\":\"A\",\"value\":\"hunter2hunter2\",\"value\":\"other-value\"}",
      "{\"name\":\"A\",\"value\":\"hunter2hunter2\xff\"}",
  };
  for (const std::string& line : bad) {
    const auto parsed = parse_secret_lines("\n" + line + "\n");
    ASSERT_FALSE(parsed) << line;
    EXPECT_EQ(parsed.error().code, ExitCode::kUsage);
    EXPECT_EQ(parsed.error().message.find("hunter2"), std::string::npos) << parsed.error().message;
    EXPECT_NE(parsed.error().message.find("line 2"), std::string::npos) << parsed.error().message;
  }
}

TEST(SecretsFile, KeyOfFingerprintsHasALineOfItsOwn) {
  const std::string hex(64, 'a');
  const std::string line = "{\"fingerprint_key\":\"" + hex + "\"}\n";
  const auto parsed = parse_secret_lines("{\"name\":\"A\",\"value\":\"aaaaaaaa\"}\n" + line);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->values.size(), 1U);
  ASSERT_TRUE(parsed->key);
  EXPECT_EQ(to_hex(*parsed->key), hex);
  EXPECT_FALSE(parse_secret_lines("")->key);
  for (const std::string& bad :
       {line + line, "{\"fingerprint_key\":\"" + hex.substr(1) + "\"}",
        "{\"fingerprint_key\":\"" + hex.substr(1) + "g\"}", std::string("{\"fingerprint_key\":1}"),
        "{\"fingerprint_key\":\"" + hex + "\",\"name\":\"A\"}"}) {
    const auto refused = parse_secret_lines(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().message.find(hex.substr(1)), std::string::npos);
  }
}

TEST(SecretsFile, ReadsItsDescriptorToTheEndAndClosesIt) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const std::string text = "{\"name\":\"A\",\"value\":\"aaaaaaaa\"}\n";
  ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(ends[1]);
  const auto read = read_secrets(ends[0]);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->values.size(), 1U);
  EXPECT_EQ(::fcntl(ends[0], F_GETFD), -1) << "it is still open";
}

TEST(SecretsFile, DescriptorThatIsNotThereIsAnError) {
  const auto read = read_secrets(60'000);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ExitCode::kUsage);
}

TEST(SecretsFile, ALoginNamesItsStoreAndItsEndpoint) {
  const std::string line =
      R"({"login":"claude","directory":"/d","hosts":["api.test"],)"
      R"("token_url":"https://auth.test/oauth/token","placeholders":{"access_token":"p"}})";
  const auto parsed = parse_secret_lines(line);
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->logins.size(), 1U);
  const LoginSpec& login = parsed->logins[0];
  EXPECT_EQ(login.name, "claude");
  EXPECT_EQ(login.store.directory(), "/d");
  EXPECT_EQ(login.hosts, (std::vector<std::string>{"api.test"}));
  EXPECT_EQ(login.token_host, "auth.test");
  EXPECT_EQ(login.token_path, "/oauth/token");
  EXPECT_EQ(login.placeholders.at("access_token"), "p");
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"https:", "http:"},
                                 {"https://auth.test/", "https:///"},
                                 {"/oauth/token", ""},
                                 {"\"login\"", "\"value\""},
                                 {"\"/d\"", "3"},
                                 {"\"p\"", "[]"},
                                 {"[\"api.test\"]", "[1]"},
                                 {"\"hosts\"", "\"host\""},
                                 {"{\"access", "{},\"x\":{\"access"}}) {
    std::string wrong = line;
    wrong.replace(wrong.find(from), from.size(), to);
    EXPECT_FALSE(parse_secret_lines(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace bottle
