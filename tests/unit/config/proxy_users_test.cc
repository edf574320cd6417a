#include "proxy/config/proxy_users.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace bottle {
namespace {

std::unique_ptr<const ProxyUsers> users_of(std::string_view text) {
  auto users = ProxyUsers::parse(text, "users");
  EXPECT_TRUE(users) << users.error().message;
  return users ? std::move(*users) : nullptr;
}

std::string complaint(std::string_view text) {
  const auto users = ProxyUsers::parse(text, "users");
  EXPECT_FALSE(users) << text;
  if (users) return {};
  EXPECT_EQ(users.error().code, ExitCode::kUsage);
  return users.error().message;
}

Fields shown(std::string_view value) {
  Fields fields;
  fields.add("Host", "a.test");
  fields.add("Proxy-Authorization", value);
  return fields;
}

bool lets_in(const ProxyUsers& users, std::string_view value) {
  const auto failure = users.check(shown(value));
  if (failure) {
    EXPECT_EQ(failure->code, Code::ProxyAuth);
    EXPECT_FALSE(failure->hint.empty());
  }
  return !failure;
}

// me:correct horse battery, then with "you" and an empty line between.
constexpr std::string_view kTwo =
    "# who may\n"
    "me:correct horse battery\r\n"
    "\n \t\n"
    "you:a:b:with colons";
constexpr std::string_view kMe = "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5";
constexpr std::string_view kYou = "Basic eW91OmE6Yjp3aXRoIGNvbG9ucw==";

TEST(ProxyUsers, AreLetInWithTheirPassword) {
  const auto users = users_of(kTwo);
  ASSERT_TRUE(users);
  EXPECT_TRUE(lets_in(*users, kMe));
  EXPECT_TRUE(lets_in(*users, kYou)) << "a password may have colons";
  EXPECT_TRUE(lets_in(*users, "bAsIc  bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"));
  EXPECT_TRUE(users->warnings().empty());
}

TEST(ProxyUsers, WithoutATrailingNewlineOrWithNonAsciiBytes) {
  const auto users = users_of("m\xc3\xbc:p\xc3\xa4ssword-long");
  ASSERT_TRUE(users);
  EXPECT_TRUE(lets_in(*users, "Basic bcO8OnDDpHNzd29yZC1sb25n"));
  // The same in Latin-1: the bytes are what counts.
  EXPECT_FALSE(lets_in(*users, "Basic bfw6cORzc3dvcmQtbG9uZw=="));
}

TEST(ProxyUsers, NothingElseLetsIn) {
  const auto users = users_of(kTwo);
  ASSERT_TRUE(users);
  for (const std::string_view value : {
           "Basic bWU6d3Jvbmc=",                                  // me:wrong
           "Basic b3RoZXI6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5",          // other:correct horse battery
           "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ",               // no padding, a byte short
           "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IA==",          // a space behind
           "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5ADE=",          // a NUL behind
           "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5!",             // not base64
           "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5 x",            // something behind
           "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5, Basic Og==",  // a list
           "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5,",             //
           "Basic ====",                                          //
           "Basic bWU6Y29y=mVjdCBob3JzZSBiYXR0ZXJ5",              // padding within
           "Basic",                                               //
           "Basic ",                                              //
           "",                                                    //
           "BasicbWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5",               //
           "Basic\tbWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5",             // RFC 9110: one space
           "Bearer bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5",             //
           "Digest username=\"me\", realm=\"bottle\"",            //
           "Negotiate YII=",                                      //
           "bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5",                    //
           "me:correct horse battery",                            //
           "Basic me:correct horse battery",                      //
           "Basic IyB3aG8gbWF5",                                  // the comment
           "Basic Og==",                                          // ":"
           "Basic bWU6",                                          // "me:"
           "Basic bWU=",                                          // "me"
           "Basic bWU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5DQ==",          // with the file's CR
       }) {
    EXPECT_FALSE(lets_in(*users, value)) << value;
  }
  Fields none;
  none.add("Authorization", kMe);
  EXPECT_TRUE(users->check(none)) << "that field is the origin's";
}

TEST(ProxyUsers, AFieldThatIsThereTwiceLetsNobodyIn) {
  const auto users = users_of(kTwo);
  ASSERT_TRUE(users);
  for (const std::string_view second : {kMe, kYou, std::string_view("Basic bWU6d3Jvbmc=")}) {
    Fields fields = shown(kMe);
    fields.add("proxy-authorization", second);
    const auto failure = users->check(fields);
    ASSERT_TRUE(failure);
    EXPECT_NE(failure->detail.find("more than once"), std::string::npos);
  }
}

TEST(ProxyUsers, LongOnesAreBoundedOnBothSides) {
  const std::string password(kMaxCredentials - 3, 'x');
  const auto users = users_of("me:" + password);
  ASSERT_TRUE(users);
  // 1024 bytes: "me:x", then 340 times "xxx".
  std::string value = "Basic bWU6";
  for (std::size_t i = 0; i < (kMaxCredentials - 4) / 3; ++i) value += "eHh4";
  EXPECT_TRUE(lets_in(*users, value + "eA=="));
  EXPECT_FALSE(lets_in(*users, value + "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"));
  EXPECT_FALSE(lets_in(*users, "Basic " + std::string(1 << 20, 'e')));
  EXPECT_NE(complaint("me:x" + password).find("users:1: it is longer than 1024 bytes"),
            std::string::npos);
}

TEST(ProxyUsers, WhatARefusalSaysHoldsNothingOfWhatWasShown) {
  const auto users = users_of(kTwo);
  ASSERT_TRUE(users);
  const auto wrong = users->check(shown("Basic bWU6d3Jvbmc="));
  const auto unknown = users->check(shown("Basic b3RoZXI6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"));
  const auto garbled = users->check(shown("Basic hunter2hunter2!"));
  ASSERT_TRUE(wrong && unknown && garbled);
  EXPECT_EQ(wrong->detail, unknown->detail) << "which of the two it was is nobody's business";
  EXPECT_EQ(garbled->detail.find("hunter2"), std::string::npos);
}

TEST(ProxyUsers, BadLinesAreNamedAndNotRepeated) {
  const struct {
    std::string_view text;
    std::string_view says;
  } cases[] = {
      {"", "users names no user"},
      {"# only a comment\n\n", "users names no user"},
      {"a:long-enough-1\nhunter2\n", "users:2: there is no colon"},
      {"\n:hunter2", "users:2: there is no user before the colon"},
      {"hunter2:", "users:1: there is no password behind the colon"},
      {"hunter2:\r\n", "users:1: there is no password behind the colon"},
      {" me:hunter2", "users:1: it begins or ends with a space"},
      {"me:hunter2 \n", "users:1: it begins or ends with a space"},
      {"me:hunter2\t\n", "users:1: it begins or ends with a space"},
      {"me:hun\tter2", "users:1: it has a control character"},
      {std::string_view("me:hunter2\0x", 12), "users:1: it has a control character"},
      {"me:hunter2\rx", "users:1: it has a control character"},
      {"me:hunter2-long\n#\nme:hunter2-other", "users:3: its user is in an earlier line too"},
  };
  for (const auto& c : cases) {
    const std::string said = complaint(c.text);
    EXPECT_NE(said.find(c.says), std::string::npos) << said;
    EXPECT_NE(said.find("a line is user:password"), std::string::npos) << said;
    EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
  }
}

TEST(ProxyUsers, ThereIsAMostOfThem) {
  std::string text;
  for (std::size_t i = 0; i < kMaxProxyUsers; ++i) {
    text += "user" + std::to_string(i) + ":a long password\n";
  }
  EXPECT_TRUE(users_of(text));
  EXPECT_NE(complaint(text + "one:more than there may be").find("users:257: there are more"),
            std::string::npos);
}

TEST(ProxyUsers, AShortPasswordIsSaid) {
  const auto users = users_of("me:short\nyou:long enough for me\n");
  ASSERT_TRUE(users);
  ASSERT_EQ(users->warnings().size(), 1U);
  EXPECT_TRUE(users->warnings()[0].starts_with("users:1: ")) << users->warnings()[0];
  EXPECT_TRUE(lets_in(*users, "Basic bWU6c2hvcnQ=")) << "but it is the person's to decide";
}

// ---- the file

class ProxyUsersFile : public testing::Test {
 protected:
  ProxyUsersFile() {
    char pattern[] = "/tmp/proxy-users-XXXXXX";
    dir = ::mkdtemp(pattern);
    file = dir + "/users";
  }
  ~ProxyUsersFile() override { std::filesystem::remove_all(dir); }
  void write(const std::string& text, mode_t mode) const {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
  }
  std::string dir;
  std::string file;
};

TEST_F(ProxyUsersFile, IsReadIfNobodyElseMay) {
  for (const mode_t mode : {0600U, 0400U}) {
    write("me:correct horse battery\n", mode);
    const auto users = ProxyUsers::load(file);
    ASSERT_TRUE(users) << users.error().message;
    EXPECT_TRUE(lets_in(**users, kMe));
  }
  for (const mode_t mode : {0644U, 0640U, 0660U, 0602U, 0601U, 0620U}) {
    write("me:correct horse battery\n", mode);
    const auto users = ProxyUsers::load(file);
    ASSERT_FALSE(users) << std::oct << mode;
    EXPECT_EQ(users.error().code, ExitCode::kUsage);
    EXPECT_NE(users.error().message.find("chmod 600 " + file), std::string::npos);
  }
}

TEST_F(ProxyUsersFile, WhatIsNoneIsSaid) {
  auto users = ProxyUsers::load(file);
  ASSERT_FALSE(users);
  EXPECT_EQ(users.error().code, ExitCode::kFiles);
  EXPECT_NE(users.error().message.find(file), std::string::npos);

  users = ProxyUsers::load(dir);
  ASSERT_FALSE(users);
  EXPECT_EQ(users.error().code, ExitCode::kFiles);

  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  users = ProxyUsers::load(file);
  ASSERT_FALSE(users) << "nor does it wait for somebody to write";
  EXPECT_EQ(users.error().code, ExitCode::kFiles);
  ::unlink(file.c_str());

  write(std::string(kMaxProxyUsersFile + 1, '#'), 0600);
  users = ProxyUsers::load(file);
  ASSERT_FALSE(users);
  EXPECT_NE(users.error().message.find("over 64 KiB"), std::string::npos);
}

}  // namespace
}  // namespace bottle
