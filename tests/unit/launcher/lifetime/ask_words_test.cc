#include "launcher/lifetime/ask_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace bottle::launcher {
namespace {

using testing::HasSubstr;
using testing::Not;

ListedAsk ask(const std::string& host = "pypi.org", std::uint16_t port = 443) {
  return {.ask = "3",
          .host = host,
          .port = port,
          .method = "GET",
          .path = "/simple/?q=*",
          .since = 1796016317,
          .seconds_left = 42,
          .waiting = 2};
}

TEST(AskWords, NameWhatIsAskedAndHowToAnswer) {
  EXPECT_EQ(ask_line(ask(), "4f2a"),
            "bottle: ask: GET https://pypi.org/simple/ waits 42 s for an answer: bottle allow 4f2a "
            "pypi.org, or bottle deny 4f2a pypi.org");
  EXPECT_EQ(ask_notice(ask(), "4f2a"), "GET https://pypi.org/simple/\nbottle allow 4f2a pypi.org");
  EXPECT_EQ(ask_title("4f2a"), "Bottle 4f2a asks");
  EXPECT_EQ(ask_target(ask("pypi.org", 8443)), "pypi.org:8443");
  EXPECT_EQ(ask_target(ask("2001:db8::1", 443)), "[2001:db8::1]");
  EXPECT_EQ(ask_url(ask("pypi.org", 80)), "GET http://pypi.org/simple/");
}

TEST(AskWords, WhatTheAgentChoseIsPlainText) {
  ListedAsk hostile = ask();
  hostile.method = "G\x1b[2J";
  hostile.path = "/<b>&\x1b]0;x\x07\xe2\x80\xae" + std::string(5000, 'x');
  for (const std::string& text : {ask_line(hostile, "4f2a"), ask_notice(hostile, "4f2a")}) {
    EXPECT_LT(text.size(), 1000U);
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= ' ' && c <= '~') || c == '\n';
    })) << text;
  }
  EXPECT_THAT(ask_notice(hostile, "4f2a"), Not(testing::AnyOf(HasSubstr("<"), HasSubstr("&"))));
}

TEST(AskWords, ACommandGetsOneLineOfJson) {
  ListedAsk hostile = ask();
  hostile.path = "/a\nb\"\xff\xe2\x80\xa8";
  const std::string line = ask_json(hostile, "4f2a");
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_TRUE(
      std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= ' ' && c <= '~'; }));
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["bottle"], "4f2a");
  EXPECT_EQ(json["ask"], "3");
  EXPECT_EQ(json["host"], "pypi.org");
  EXPECT_EQ(json["port"], 443);
  EXPECT_EQ(json["method"], "GET");
  EXPECT_EQ(json["seconds_left"], 42);
  EXPECT_EQ(json["waiting"], 2);
}

}  // namespace
}  // namespace bottle::launcher
