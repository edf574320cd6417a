#include "proxy/flow/ask_book.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using Time = AskBook::Time;

AskQuestion question(const std::string& host, std::uint16_t port = 443) {
  return AskQuestion{.destination = Destination{host, port, HostKind::Name},
                     .method = "GET",
                     .path = "/p",
                     .reason = std::string(problem_code::kHostNotAllowed)};
}

struct Woken final : AskWaker {
  void wake(std::uint64_t token, bool again) override { all.emplace_back(token, again); }
  std::vector<std::pair<std::uint64_t, bool>> all;
};

class AskBooks : public testing::Test {
 protected:
  static AskLimits limits() {
    AskLimits out;
    out.ask = 10s;
    out.pending = 3;
    out.waiting = 5;
    out.denied = 2;
    return out;
  }
  std::uint64_t joined(const std::string& host, Time now) {
    const auto place = book.join(question(host), woken, now);
    EXPECT_TRUE(place) << host;
    return place ? place->token : 0;
  }

  std::vector<EndedAsk> ended;
  Woken woken;
  AskBook book{limits(), false, [this](const EndedAsk& ask) { ended.push_back(ask); }};
  const Time begin{1h};
};

TEST_F(AskBooks, RequestsForOneHostAndPortAreOneAsk) {
  joined("a.test", begin);
  joined("a.test", begin + 1s);
  EXPECT_TRUE(book.join(question("a.test", 8443), woken, begin));
  const auto state = book.state(begin + 4s);
  ASSERT_EQ(state.asks.size(), 2U);
  EXPECT_EQ(state.asks[0].waiting, 2U);
  EXPECT_EQ(state.asks[0].left, 6s);
  EXPECT_EQ(state.asks[1].question.destination.port, 8443);
}

TEST_F(AskBooks, AnAnswerEndsTheAskForAllItsRequests) {
  const auto first = joined("a.test", begin);
  const auto second = joined("a.test", begin);
  const auto id = book.state(begin).asks.at(0).id;
  EXPECT_TRUE(book.settle(id, AskAnswer::Allow, "uid 7", begin + 1500ms));
  EXPECT_EQ(woken.all,
            (std::vector<std::pair<std::uint64_t, bool>>{{first, true}, {second, true}}));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].answer, AskAnswer::Allow);
  EXPECT_EQ(ended[0].who, "uid 7");
  EXPECT_EQ(ended[0].waited, 1500ms);
  EXPECT_EQ(ended[0].requests, 2U);
  EXPECT_FALSE(book.settle(id, AskAnswer::Deny, "uid 7", begin + 2s)) << "it is over";
  book.leave(first, false, begin + 2s);
  EXPECT_EQ(ended.size(), 1U) << "one line an ask";
}

TEST_F(AskBooks, AHostThatAPersonRefusedIsNotAskedAboutAgain) {
  joined("a.test", begin);
  EXPECT_TRUE(book.settle(book.state(begin).asks.at(0).id, AskAnswer::Deny, "uid 7", begin));
  ASSERT_EQ(woken.all.size(), 1U);
  EXPECT_FALSE(woken.all[0].second);
  EXPECT_FALSE(book.join(question("a.test"), woken, begin));
  EXPECT_FALSE(book.join(question("a.test", 8443), woken, begin)) << "nor at another port";
  for (const char* host : {"b.test", "c.test"}) {
    joined(host, begin);
    EXPECT_TRUE(book.settle(book.state(begin).asks.at(0).id, AskAnswer::Deny, "uid 7", begin));
  }
  EXPECT_TRUE(book.join(question("a.test"), woken, begin)) << "the list is bounded";
}

TEST_F(AskBooks, TheFirstWhoseTimeIsUpEndsTheAsk) {
  const auto first = joined("a.test", begin);
  const auto late = joined("a.test", begin + 9s);
  book.leave(first, false, begin + 10s);
  EXPECT_EQ(woken.all, (std::vector<std::pair<std::uint64_t, bool>>{{late, false}}));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].answer, AskAnswer::None);
  EXPECT_TRUE(ended[0].who.empty());
  EXPECT_TRUE(book.state(begin + 10s).asks.empty());
  joined("a.test", begin + 11s);  // it may be asked about again
}

TEST_F(AskBooks, ARequestWithLessTimeLeavesTheOthersTheAsk) {
  const auto old = joined("a.test", begin);
  const auto other = joined("a.test", begin);
  book.leave(old, false, begin + 3s);
  EXPECT_TRUE(ended.empty());
  EXPECT_TRUE(woken.all.empty());
  book.leave(other, true, begin + 4s);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].answer, AskAnswer::Left) << "no client waits for it";
}

TEST_F(AskBooks, BoundsHostsAndRequests) {
  for (const char* host : {"a.test", "b.test", "c.test"}) joined(host, begin);
  EXPECT_FALSE(book.join(question("d.test"), woken, begin)) << "too many hosts";
  joined("a.test", begin);
  const auto fifth = joined("a.test", begin);
  EXPECT_FALSE(book.join(question("a.test"), woken, begin)) << "too many requests";
  book.leave(fifth, true, begin);
  joined("a.test", begin);
}

TEST_F(AskBooks, AnotherPolicyReleasesWhatItDecides) {
  const auto first = joined("a.test", begin);
  const auto second = joined("b.test", begin);
  joined("c.test", begin);
  const auto decided = [](const AskQuestion& one) -> std::optional<AskAnswer> {
    if (one.destination.host == "a.test") return AskAnswer::Allow;
    if (one.destination.host == "b.test") return AskAnswer::Deny;
    return std::nullopt;
  };
  book.settle_all(decided, "uid 9", begin + 1s);
  EXPECT_EQ(woken.all, (std::vector<std::pair<std::uint64_t, bool>>{{first, true}, {second, true}}))
      << "both ask the policy again";
  EXPECT_EQ(book.state(begin).asks.size(), 1U);
  EXPECT_TRUE(book.join(question("b.test"), woken, begin)) << "a command's deny is the policy's";
}

TEST_F(AskBooks, AtTheEndNothingWaitsAndNothingIsAsked) {
  const auto first = joined("a.test", begin);
  joined("b.test", begin);
  book.close(begin + 1s);
  EXPECT_EQ(woken.all.size(), 2U);
  EXPECT_FALSE(woken.all[0].second);
  EXPECT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].answer, AskAnswer::Closed);
  EXPECT_FALSE(book.join(question("a.test"), woken, begin + 2s));
  book.close(begin + 2s);
  book.leave(first, true, begin + 2s);
  EXPECT_EQ(ended.size(), 2U);
}

TEST_F(AskBooks, EachChangeIsToldAndHasAnotherVersion) {
  int changes = 0;
  book.on_change([&changes] { ++changes; });
  const auto begun = book.version();
  const auto token = joined("a.test", begin);
  const auto asked = book.version();
  EXPECT_NE(asked, begun);
  EXPECT_EQ(changes, 1);
  joined("a.test", begin);
  EXPECT_NE(book.version(), asked) << "one more waits";
  book.leave(token, true, begin);
  EXPECT_EQ(changes, 3);
  EXPECT_FALSE(book.settle(99, AskAnswer::Allow, "uid 7", begin));
  EXPECT_EQ(changes, 3);
}

TEST(AskBook, HasNoQuestionAboutAnAddressThatCannotBeReached) {
  Woken woken;
  AskBook book(AskLimits{}, true, [](const EndedAsk&) {});
  AskQuestion address = question("192.0.2.1");
  address.destination.kind = HostKind::Ipv4;
  EXPECT_FALSE(book.join(address, woken, Time{1h}));
  EXPECT_TRUE(book.join(question("a.test"), woken, Time{1h}));
}

TEST(AskRecord, SaysWhoAnsweredAndWhat) {
  EndedAsk ask{.question = question("a.test", 8443), .waited = 1500ms, .requests = 2};
  ask.answer = AskAnswer::Once;
  ask.who = "uid 7";
  const std::string passed = audit_line(ask_record(ask));
  for (const char* part : {R"("kind":"ask")", R"("part":"exchanges")", R"("host":"a.test")",
                           R"("port":8443)", R"("answer":"once")", R"("who":"uid 7")",
                           R"("total_ms":1500)", R"("verdict":"allowed")", R"("reason":null)"}) {
    EXPECT_NE(passed.find(part), std::string::npos) << part << " in " << passed;
  }
  ask.answer = AskAnswer::None;
  ask.who.clear();
  const std::string refused = audit_line(ask_record(ask));
  for (const char* part : {R"("part":"refusals")", R"("answer":"none")", R"("who":null)",
                           R"("verdict":"refused")", R"("reason":"host_not_allowed")"}) {
    EXPECT_NE(refused.find(part), std::string::npos) << part << " in " << refused;
  }
}

}  // namespace
}  // namespace bottle
