#include "proxy/upstream/resolver.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/task_group.h"
#include "tests/support/run_until.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using Resolved = Result<std::vector<Endpoint>>;

// A name server without a network: "a.test" has an address, "no.test" does not exist, "slow.test"
// answers when the gate opens.
class Names final : public NameLookup {
 public:
  awaitable<LookupAnswer> look_up(std::string name) override {
    ++asked;
    const bool slow = name.starts_with("slow");
    while (slow && closed) {
      ++running;
      most = std::max(most, running);
      const bool slept = co_await sleep_for(2ms);
      --running;
      if (!slept) {
        ++cancelled;
        co_return LookupAnswer{{}, "cancelled", true};
      }
    }
    LookupAnswer answer;
    if (name.starts_with("no")) {
      answer.error = "Name or service not known";
    } else {
      answer.addresses.push_back(asio::ip::make_address("192.0.2.1"));
      answer.addresses.push_back(asio::ip::make_address("2001:db8::1"));
    }
    co_return answer;
  }
  int asked = 0;
  int running = 0;
  int most = 0;
  int cancelled = 0;
  bool closed = false;
};

awaitable<void> resolve(Resolver& resolver, Destination destination, std::uint64_t client,
                        std::unique_ptr<Resolved>& out) {
  auto got = co_await resolver.resolve(std::move(destination), client);
  out = std::make_unique<Resolved>(std::move(got));
}

Destination place(std::string_view text) { return parse_authority(text, std::nullopt).value(); }

struct World {
  explicit World(ResolverLimits limits_in = {}, std::vector<ResolveOverride> overrides = {})
      : wheel(io.get_executor()), resolver(wheel, names, limits_in, std::move(overrides)) {}
  ~World() { test::run_until_done(io, resolver.close()); }
  Resolved ask(std::string_view text, std::uint64_t client = 0) {
    std::unique_ptr<Resolved> out;
    test::run_until_done(io, resolve(resolver, place(text), client, out));
    return std::move(*out);
  }
  void run(TaskGroup& tasks) {
    io.restart();
    while (!tasks.empty() && io.run_one() > 0) {
    }
  }
  asio::io_context io{1};
  TimerWheel wheel;
  Names names;
  Resolver resolver;
};

TEST(Resolver, GivesEveryAddressWithThePort) {
  World world;
  const auto found = world.ask("a.test:443");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0], Endpoint(asio::ip::make_address("192.0.2.1"), 443));
  EXPECT_EQ((*found)[1], Endpoint(asio::ip::make_address("2001:db8::1"), 443));
}

TEST(Resolver, AddressesNeedNoLookUp) {
  World world;
  EXPECT_EQ(world.ask("10.1.2.3:80")->at(0), Endpoint(asio::ip::make_address("10.1.2.3"), 80));
  EXPECT_EQ(world.ask("[::1]:80")->at(0), Endpoint(asio::ip::make_address("::1"), 80));
  EXPECT_EQ(world.names.asked, 0);
}

TEST(Resolver, AnOverrideReplacesAddressAndPortOfExactlyThatDestination) {
  std::vector<ResolveOverride> overrides;
  overrides.push_back(ResolveOverride::parse("a.test:443=127.0.0.1:8443").value());
  World world({}, std::move(overrides));
  EXPECT_EQ(world.ask("a.test:443")->at(0), Endpoint(asio::ip::make_address("127.0.0.1"), 8443));
  EXPECT_EQ(world.names.asked, 0);
  EXPECT_EQ(world.ask("a.test:80")->at(0), Endpoint(asio::ip::make_address("192.0.2.1"), 80));
}

TEST(Resolver, OverridesThatSayNothingClearAreRefused) {
  for (const char* text :
       {"", "a.test:443", "a.test=127.0.0.1:1", "a.test:443=127.0.0.1", "a.test:443=b.test:1",
        "a.test:0=127.0.0.1:1", "a.test:443=127.1:1", "=127.0.0.1:1", "a.test:443="}) {
    const auto parsed = ResolveOverride::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ExitCode::kUsage);
  }
  EXPECT_TRUE(ResolveOverride::parse("[2001:db8::1]:443=[::1]:8443"));
}

TEST(Resolver, RemembersAnswersAndForgetsThemSoon) {
  ResolverLimits limits;
  limits.positive = 60ms;
  limits.negative = 60ms;
  World world(limits);
  for (const char* name : {"a.test:443", "no.test:443"}) {
    world.names.asked = 0;
    const bool found = world.ask(name).has_value();
    EXPECT_EQ(world.ask(name).has_value(), found);
    EXPECT_EQ(world.names.asked, 1);
    std::this_thread::sleep_for(70ms);
    EXPECT_EQ(world.ask(name).has_value(), found);
    EXPECT_EQ(world.names.asked, 2);
  }
}

TEST(Resolver, AnUnknownNameIsNamed) {
  World world;
  const auto found = world.ask("no.test:443");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::DnsFailed);
  EXPECT_NE(found.error().detail.find("no.test"), std::string::npos);
}

TEST(Resolver, ALookUpEndsAtItsDeadline) {
  ResolverLimits limits;
  limits.resolve = 40ms;
  limits.negative = 40ms;
  World world(limits);
  world.names.closed = true;
  const auto found = world.ask("slow.test:443");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::DnsFailed);
  EXPECT_EQ(found.error().reason, "dns_timeout");
  EXPECT_EQ(world.names.cancelled, 1);
  EXPECT_EQ(world.resolver.in_flight(), 0U);
  // For a moment that is the answer; then it is asked again.
  EXPECT_FALSE(world.ask("slow.test:443"));
  EXPECT_EQ(world.names.asked, 1);
  world.names.closed = false;
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(world.ask("slow.test:443"));
}

TEST(Resolver, ManyWhoAskForOneNameMakeOneLookUp) {
  World world;
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::unique_ptr<Resolved>> out(20);
  world.names.closed = true;
  for (auto& slot : out) tasks.spawn(resolve(world.resolver, place("slow.test:443"), 0, slot));
  world.io.poll();
  world.names.closed = false;
  world.run(tasks);
  for (const auto& slot : out) EXPECT_TRUE(*slot);
  EXPECT_EQ(world.names.asked, 1);
}

// Names without an answer, of one owner or asked for by one client, leave room for the others.
TEST(Resolver, SlowNamesDoNotHoldUpOthers) {
  for (const bool one_parent : {true, false}) {
    World world;
    world.names.closed = true;
    TaskGroup tasks(world.io.get_executor());
    std::vector<std::unique_ptr<Resolved>> out(200);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::string number = std::to_string(i);
      const std::string name =
          one_parent ? "slow" + number + ".evil.test" : "slow" + number + ".test" + number;
      const std::uint64_t client = one_parent ? 100 + i : 1;
      tasks.spawn(resolve(world.resolver, place(name + ":443"), client, out[i]));
    }
    world.io.poll();
    EXPECT_EQ(world.names.running, 16);
    EXPECT_TRUE(world.ask("a.test:443", 2));
    EXPECT_TRUE(world.ask("a.other.test:443", 3));
    world.names.closed = false;
    world.run(tasks);
    for (const auto& slot : out) EXPECT_TRUE(*slot);
    EXPECT_EQ(world.names.most, 16);
    EXPECT_EQ(world.resolver.in_flight(), 0U);
  }
}

// Each of them has its share; together they do not take all.
TEST(Resolver, ManyClientsAndOwnersOfSlowNamesLeaveALookUp) {
  ResolverLimits limits;
  limits.in_flight = 12;
  World world(limits);
  world.names.closed = true;
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::unique_ptr<Resolved>> out(30);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string party = std::to_string(i % 3);
    const std::string name = "slow" + std::to_string(i) + ".evil.test" + party;
    tasks.spawn(resolve(world.resolver, place(name + ":443"), 1 + i % 3, out[i]));
  }
  world.io.poll();
  EXPECT_EQ(world.names.running, 11);
  EXPECT_TRUE(world.ask("a.test:443", 9));
  world.names.closed = false;
  world.run(tasks);
  for (const auto& slot : out) EXPECT_TRUE(*slot);
  EXPECT_EQ(world.resolver.in_flight(), 0U);
}

TEST(Resolver, WhatHadNoTurnWasBusyAndIsNotRemembered) {
  ResolverLimits limits;
  limits.in_flight = 1;
  limits.resolve = 40ms;
  World world(limits);
  world.names.closed = true;
  TaskGroup tasks(world.io.get_executor());
  std::unique_ptr<Resolved> first;
  std::unique_ptr<Resolved> second;
  tasks.spawn(resolve(world.resolver, place("slow1.test:443"), 1, first));
  tasks.spawn(resolve(world.resolver, place("slow2.test:443"), 2, second));
  std::this_thread::sleep_for(80ms);  // both deadlines come in one turn of the loop
  world.run(tasks);
  EXPECT_EQ(first->error().reason, "dns_timeout");
  EXPECT_EQ(second->error().code, Code::Overloaded);
  EXPECT_EQ(second->error().reason, "dns_busy");
  EXPECT_EQ(world.names.asked, 1);
  world.names.closed = false;
  EXPECT_TRUE(world.ask("slow2.test:443"));
}

TEST(Resolver, LookUpsInFlightAndNamesRememberedAreBounded) {
  ResolverLimits limits;
  limits.names = 3;
  World world(limits);
  world.names.closed = true;
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::unique_ptr<Resolved>> out(3);
  for (std::size_t i = 0; i < out.size(); ++i) {
    tasks.spawn(resolve(world.resolver, place("slow" + std::to_string(i) + ".test:1"), i, out[i]));
  }
  world.io.poll();
  EXPECT_EQ(world.ask("a.test:443").error().code, Code::Overloaded);
  world.names.closed = false;
  world.run(tasks);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(world.ask("a" + std::to_string(i) + ".test:443"));
    EXPECT_LE(world.resolver.remembered(), 3U);
  }
}

TEST(Resolver, ALookUpThatNobodyWaitsForEnds) {
  World world;
  world.names.closed = true;
  TaskGroup leave(world.io.get_executor());
  TaskGroup stay(world.io.get_executor());
  std::unique_ptr<Resolved> first;
  std::unique_ptr<Resolved> second;
  leave.spawn(resolve(world.resolver, place("slow.test:443"), 1, first));
  stay.spawn(resolve(world.resolver, place("slow.test:443"), 2, second));
  world.io.poll();
  test::cancel_tasks(world.io, leave);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->error().code, Code::Cancelled);
  EXPECT_EQ(world.names.cancelled, 0);
  test::cancel_tasks(world.io, stay);
  EXPECT_EQ(second->error().code, Code::Cancelled);
  EXPECT_EQ(world.names.cancelled, 1);
  EXPECT_EQ(world.resolver.in_flight(), 0U);
  EXPECT_EQ(world.resolver.remembered(), 0U);
  world.names.closed = false;
  EXPECT_TRUE(world.ask("slow.test:443"));
}

TEST(Resolver, CloseEndsWhatIsUnderWay) {
  World world;
  world.names.closed = true;
  TaskGroup tasks(world.io.get_executor());
  std::unique_ptr<Resolved> out;
  tasks.spawn(resolve(world.resolver, place("slow.test:443"), 1, out));
  world.io.poll();
  test::run_until_done(world.io, world.resolver.close());
  world.run(tasks);
  ASSERT_TRUE(out);
  EXPECT_FALSE(*out);
}

}  // namespace
}  // namespace bottle
