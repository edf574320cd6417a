#include "launcher/backend/secret_refresh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bottle::launcher {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(RefreshTimes, BeforeTheEndAndSoonerAfterAFailure) {
  RefreshTimes times(1000s, 5000ms);
  EXPECT_EQ(times.due(), 905s);
  EXPECT_FALSE(times.failing());
  std::vector<long> waits;
  for (int i = 0; i < 8; ++i) {
    times.failed(1000s);
    waits.push_back((times.due() - 1000s) / 1s);
  }
  EXPECT_THAT(waits, ElementsAre(1, 2, 4, 8, 16, 32, 60, 60));
  EXPECT_TRUE(times.failing());
  times.succeeded(2000s);
  EXPECT_EQ(times.due(), 2900s);
  EXPECT_FALSE(times.failing());
}

const std::string kDone = R"({"v":1,"id":"","ok":true,"changed":["TOKEN"]})";

struct Proxy {
  std::vector<std::string> heard{};
  std::string answer = kDone;
  TellProxy tell() {
    return [this](const std::string& message) -> Expected<std::string> {
      heard.push_back(message);
      return answer;
    };
  }
};

TEST(SecretRefresh, HandsANewValueOver) {
  Proxy proxy;
  const SecretSource source{.name = "TOKEN"};
  const TakeValue take = [](const SecretSource&) { return Expected<std::string>("a-token"); };
  EXPECT_TRUE(refresh_once(source, false, take, proxy.tell()));
  EXPECT_THAT(proxy.heard, ElementsAre(HasSubstr(R"("name":"TOKEN","value":"a-token")")));
}

TEST(SecretRefresh, TellsTheProxyWhatIsWrong) {
  Proxy proxy;
  const SecretSource source{.name = "TOKEN"};
  const TakeValue fails = [](const SecretSource&) {
    return Expected<std::string>(Error{ExitCode::kEnvironment, "it\nended with status 1", ""});
  };
  EXPECT_FALSE(refresh_once(source, false, fails, proxy.tell()));
  EXPECT_THAT(proxy.heard,
              ElementsAre(testing::AllOf(HasSubstr("secrets.trouble"),
                                         HasSubstr(R"("text":"it?ended with status 1")"))));
  // A value that the proxy refuses is no success.
  proxy = Proxy{.answer = R"({"v":1,"id":"","ok":false,"error":"no such length"})"};
  const TakeValue take = [](const SecretSource&) { return Expected<std::string>("a-token"); };
  EXPECT_FALSE(refresh_once(source, false, take, proxy.tell()));
  EXPECT_THAT(proxy.heard, ElementsAre(HasSubstr("secrets.set"), HasSubstr("no such length")));
}

// The command printed what the proxy has already.
TEST(SecretRefresh, EndsATroubleThatIsOver) {
  Proxy proxy{.answer = R"({"v":1,"id":"","ok":true,"changed":[]})"};
  const SecretSource source{.name = "TOKEN"};
  const TakeValue take = [](const SecretSource&) { return Expected<std::string>("a-token"); };
  EXPECT_TRUE(refresh_once(source, true, take, proxy.tell()));
  EXPECT_THAT(proxy.heard, ElementsAre(HasSubstr("secrets.set"), HasSubstr(R"("text":"")")));
}

TEST(SecretRefresh, NoChildWithoutATtl) {
  Proxy proxy;
  const auto child = start_refresh({SecretSource{.name = "TOKEN"}}, {}, proxy.tell());
  ASSERT_TRUE(child);
  EXPECT_FALSE(child->has_value());
}

}  // namespace
}  // namespace bottle::launcher
