#include "launcher/lifetime/ask_talk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bottle::launcher {
namespace {

TEST(AskTalk, MessagesAreLines) {
  EXPECT_EQ(list_asks_message(std::nullopt), R"({"v":1,"verb":"asks.list"})"
                                             "\n");
  EXPECT_EQ(list_asks_message(7), R"({"after":7,"v":1,"verb":"asks.list"})"
                                  "\n");
  EXPECT_EQ(answer_ask_message("3", "once"),
            R"({"answer":"once","ask":"3","v":1,"verb":"asks.answer"})"
            "\n");
}

TEST(AskTalk, AListIsRead) {
  const auto list = read_asks(
      R"({"v":1,"id":"1","ok":true,"version":7,"asks":[{"ask":"3","host":"pypi.org","port":443,)"
      R"("method":"GET","path":"/simple/","since":1796016317,"seconds_left":42,"waiting":2},)"
      R"({"ask":"4","host":"x.test","port":8443,"method":null}]})");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->version, 7U);
  ASSERT_EQ(list->asks.size(), 2U);
  EXPECT_EQ(list->asks[0].host, "pypi.org");
  EXPECT_EQ(list->asks[0].path, "/simple/");
  EXPECT_EQ(list->asks[0].seconds_left, 42);
  EXPECT_EQ(list->asks[0].waiting, 2U);
  EXPECT_EQ(list->asks[1].port, 8443);
  EXPECT_EQ(list->asks[1].method, "");
  EXPECT_EQ(list->asks[1].waiting, 1U);
}

TEST(AskTalk, TheProxysErrorIsTheError) {
  const auto list = read_asks(R"({"v":1,"ok":false,"error":"an unknown \"verb\""})");
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().message, "an unknown \"verb\"");
}

TEST(AskTalk, AnAnswerThatIsNoneIsAnError) {
  for (const char* line :
       {"", "{", "[]", R"({"ok":1})", R"({"ok":true})", R"({"ok":true,"version":1,"asks":{"a":1}})",
        R"({"ok":true,"version":1,"asks":[{"ask":3}]})",
        R"({"ok":true,"version":1,"asks":[{"ask":"3","host":"x","port":"443"}]})",
        R"({"ok":true,"version":"x","asks":[]})"}) {
    const auto list = read_asks(line);
    ASSERT_FALSE(list) << line;
    EXPECT_THAT(list.error().message, testing::HasSubstr("gave an answer that is none"));
  }
}

TEST(AskTalk, AListIsBounded) {
  std::string line = R"({"ok":true,"version":1,"asks":[)";
  for (int i = 0; i < 200; ++i) {
    line += std::string(i == 0 ? "" : ",") + R"({"ask":")" + std::to_string(i) +
            R"(","host":"x","port":443})";
  }
  const auto list = read_asks(line + "]}");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->asks.size(), kMaxAsks);
}

}  // namespace
}  // namespace bottle::launcher
