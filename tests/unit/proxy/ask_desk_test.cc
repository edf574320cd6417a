#include "proxy/ask_desk.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Woken final : AskWaker {
  void wake(std::uint64_t token, bool again) override { all.emplace_back(token, again); }
  std::vector<std::pair<std::uint64_t, bool>> all;
};

// One worker, which takes each policy at once.
class AskDesks : public testing::Test {
 protected:
  AskDesks() : book(*PolicyBook::make({"a.test"}, {"closed.test=deny"}, rules())) {
    policy.on_change([this](const std::string& who) { desk.policy_changed(who); });
  }
  static PolicyBook::Rules rules() {
    PolicyBook::Rules rules;
    rules.takes_commands = true;
    return rules;
  }
  static std::unique_ptr<AuditSink> no_audit() { return std::move(*AuditSink::open("")); }
  Snapshot first() const {
    return Snapshot{.secrets = nullptr, .credentials = nullptr, .policy = book.policy()};
  }
  static SnapshotStore::Worker worker() {
    return [](const Snapshot&, const std::function<void(bool)>& taken) { taken(true); };
  }

  // Its answer, once it has come.
  std::optional<json> say(const std::string& message) {
    auto said = std::make_shared<std::optional<json>>();
    desk.handle(parse_control(message).request, "uid 7",
                [said](const std::string& line) { *said = json::parse(line); });
    run();
    pending = said;
    return *said;
  }
  void run() {
    io.restart();
    io.poll();
  }
  json list() { return say(R"({"v":1,"verb":"asks.list"})").value(); }
  json answer(const std::string& ask, const std::string& word) {
    return say(R"({"v":1,"verb":"asks.answer","ask":")" + ask + R"(","answer":")" + word + "\"}")
        .value();
  }
  void ask(const std::string& host, std::uint16_t port = 443) {
    const AskQuestion question{.destination = Destination{host, port, HostKind::Name},
                               .method = "GET",
                               .path = "/",
                               .reason = std::string(problem_code::kHostNotAllowed)};
    EXPECT_TRUE(asks.join(question, woken, Clock::now()));
  }
  bool passes(const std::string& host, std::uint16_t port = 443) const {
    return !book.policy()->decide(Destination{host, port, HostKind::Name}, Scheme::Https).refusal;
  }

  boost::asio::io_context io{1};
  PolicyBook book;
  std::unique_ptr<AuditSink> audit = no_audit();
  SnapshotStore store{io, first(), {worker()}};
  PolicyDesk policy{book, store, *audit};
  std::vector<EndedAsk> ended;
  Woken woken;
  AskBook asks{AskLimits{}, false, [this](const EndedAsk& one) { ended.push_back(one); }};
  AskDesk desk{io, &asks, policy, book};
  std::shared_ptr<std::optional<json>> pending;
};

TEST_F(AskDesks, AllowIsAnEntryAndReleasesTheRequests) {
  ask("new.test");
  const json listed = list();
  ASSERT_EQ(listed["asks"].size(), 1U);
  EXPECT_EQ(listed["asks"][0]["host"], "new.test");
  const json done = answer(listed["asks"][0]["ask"], "allow");
  EXPECT_EQ(done["ok"], true);
  EXPECT_EQ(done["changed"][0], "allow new.test");
  EXPECT_TRUE(passes("new.test"));
  ASSERT_EQ(woken.all.size(), 1U);
  EXPECT_TRUE(woken.all[0].second);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].answer, AskAnswer::Allow);
  EXPECT_EQ(ended[0].who, "uid 7");
  EXPECT_EQ(answer(listed["asks"][0]["ask"], "deny")["ok"], false) << "it is over";
}

TEST_F(AskDesks, OnceAndAnotherPort) {
  ask("new.test", 8443);
  EXPECT_EQ(answer(list()["asks"][0]["ask"], "once")["changed"][0],
            "allow new.test:8443 for one request");
  EXPECT_EQ(ended.at(0).answer, AskAnswer::Once);
  EXPECT_TRUE(passes("new.test", 8443));
  EXPECT_FALSE(passes("new.test"));
}

TEST_F(AskDesks, DenyChangesNoPolicy) {
  ask("new.test");
  EXPECT_EQ(answer(list()["asks"][0]["ask"], "deny")["ok"], true);
  ASSERT_EQ(woken.all.size(), 1U);
  EXPECT_FALSE(woken.all[0].second);
  EXPECT_FALSE(passes("new.test"));
  EXPECT_EQ(ended.at(0).answer, AskAnswer::Deny);
}

TEST_F(AskDesks, OtherCommandsReleaseToo) {
  ask("one.test");
  ask("other.test");
  ask("third.test");
  policy.handle(parse_control(R"({"v":1,"verb":"policy.allow","host":"*.one.test"})").request,
                "uid 8", [](const std::string&) {});
  policy.handle(parse_control(R"({"v":1,"verb":"policy.deny","host":"other.test"})").request,
                "uid 8", [](const std::string&) {});
  run();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].answer, AskAnswer::Allow);
  EXPECT_EQ(ended[0].who, "uid 8");
  EXPECT_EQ(ended[1].answer, AskAnswer::Deny);
  EXPECT_EQ(list()["asks"].size(), 1U);
}

TEST_F(AskDesks, AListThatIsKnownIsAnsweredAtTheNextChange) {
  const json now = list();
  const std::string wait = R"({"v":1,"verb":"asks.list","after":)" + now["version"].dump() + "}";
  EXPECT_FALSE(say(wait));
  ask("new.test");
  run();
  ASSERT_TRUE(*pending);
  EXPECT_EQ((**pending)["asks"].size(), 1U);
  EXPECT_TRUE(say(wait)) << "it is not known any more";
}

TEST_F(AskDesks, AListThatIsKnownIsAnsweredInTheEnd) {
  const std::string wait = R"({"v":1,"verb":"asks.list","after":)" + list()["version"].dump() + "}";
  EXPECT_FALSE(say(wait));
  const auto begun = Clock::now();
  io.restart();
  io.run();
  EXPECT_TRUE(*pending);
  EXPECT_GE(Clock::now() - begun, std::chrono::seconds(4));
}

TEST_F(AskDesks, NothingWaitsAfterTheEnd) {
  EXPECT_FALSE(say(R"({"v":1,"verb":"asks.list","after":)" + list()["version"].dump() + "}"));
  desk.close();
  const auto begun = Clock::now();
  io.restart();
  io.run();
  EXPECT_FALSE(*pending);
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(4));
}

TEST_F(AskDesks, WithoutAsksItSaysSo) {
  AskDesk none(io, nullptr, policy, book);
  std::string said;
  none.handle(parse_control(R"({"v":1,"id":"9","verb":"asks.list"})").request, "uid 7",
              [&said](const std::string& line) { said = line; });
  EXPECT_NE(said.find(R"("ok":false)"), std::string::npos) << said;
  EXPECT_NE(said.find("--ask"), std::string::npos) << said;
}

}  // namespace
}  // namespace bottle
