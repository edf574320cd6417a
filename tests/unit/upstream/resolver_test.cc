#include "proxy/upstream/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/task_group.h"
#include "support/run_until.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using Resolved = Result<std::vector<Endpoint>>;

// A name server without a network: "a.test" has an address, "no.test" does not exist, "slow.test"
// answers when the gate opens.
struct Names {
  LookupAnswer operator()(const std::string& name) {
    ++asked;
    LookupAnswer answer;
    if (name.starts_with("slow")) {
      const std::lock_guard wait(gate);
    }
    if (name.starts_with("no")) {
      answer.error = "Name or service not known";
    } else {
      answer.addresses.push_back(asio::ip::make_address("192.0.2.1"));
      answer.addresses.push_back(asio::ip::make_address("2001:db8::1"));
    }
    return answer;
  }
  std::atomic<int> asked{0};
  std::mutex gate;
};

awaitable<void> resolve(Resolver& resolver, Destination destination,
                        std::unique_ptr<Resolved>& out) {
  auto got = co_await resolver.resolve(std::move(destination));
  out = std::make_unique<Resolved>(std::move(got));
}

Destination place(std::string_view text) { return parse_authority(text, std::nullopt).value(); }

struct World {
  explicit World(ResolverLimits limits_in = {}, std::vector<ResolveOverride> overrides = {})
      : wheel(io.get_executor()),
        names(std::make_shared<Names>()),
        threads(2, [n = names](const std::string& name) { return (*n)(name); }),
        resolver(wheel, threads, limits_in, std::move(overrides)) {}
  Resolved ask(std::string_view text) {
    std::unique_ptr<Resolved> out;
    test::run_until_done(io, resolve(resolver, place(text), out));
    return std::move(*out);
  }
  asio::io_context io{1};
  TimerWheel wheel;
  std::shared_ptr<Names> names;
  ResolverThreads threads;
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
  EXPECT_EQ(world.names->asked, 0);
}

TEST(Resolver, AnOverrideReplacesAddressAndPortOfExactlyThatDestination) {
  std::vector<ResolveOverride> overrides;
  overrides.push_back(ResolveOverride::parse("a.test:443=127.0.0.1:8443").value());
  World world({}, std::move(overrides));
  EXPECT_EQ(world.ask("a.test:443")->at(0), Endpoint(asio::ip::make_address("127.0.0.1"), 8443));
  EXPECT_EQ(world.names->asked, 0);
  EXPECT_EQ(world.ask("a.test:80")->at(0), Endpoint(asio::ip::make_address("192.0.2.1"), 80));
}

TEST(Resolver, OverridesThatSayNothingClearAreRefused) {
  for (const char* text :
       {"", "a.test:443", "a.test=127.0.0.1:1", "a.test:443=127.0.0.1", "a.test:443=b.test:1",
        "a.test:0=127.0.0.1:1", "a.test:443=127.1:1", "=127.0.0.1:1", "a.test:443="}) {
    const auto parsed = ResolveOverride::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().reason, "bad_resolve");
  }
  EXPECT_TRUE(ResolveOverride::parse("[2001:db8::1]:443=[::1]:8443"));
}

TEST(Resolver, RemembersAnswersAndForgetsThemSoon) {
  ResolverLimits limits;
  limits.positive = 60ms;
  limits.negative = 60ms;
  World world(limits);
  for (const char* name : {"a.test:443", "no.test:443"}) {
    world.names->asked = 0;
    const bool found = world.ask(name).has_value();
    EXPECT_EQ(world.ask(name).has_value(), found);
    EXPECT_EQ(world.names->asked, 1);
    std::this_thread::sleep_for(70ms);
    EXPECT_EQ(world.ask(name).has_value(), found);
    EXPECT_EQ(world.names->asked, 2);
  }
}

TEST(Resolver, AnUnknownNameIsNamed) {
  World world;
  const auto found = world.ask("no.test:443");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::DnsFailed);
  EXPECT_NE(found.error().detail.find("no.test"), std::string::npos);
}

TEST(Resolver, ASlowAnswerIsNotWaitedForButServesTheNext) {
  ResolverLimits limits;
  limits.resolve = 40ms;
  World world(limits);
  {
    const std::lock_guard closed(world.names->gate);
    const auto found = world.ask("slow.test:443");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::DnsFailed);
    EXPECT_EQ(found.error().reason, "dns_timeout");
  }
  // The same look-up goes on.
  Result<std::vector<Endpoint>> late = Failure{};
  for (int i = 0; i < 50 && !late; ++i) late = world.ask("slow.test:443");
  EXPECT_TRUE(late);
  EXPECT_EQ(world.names->asked, 1);
}

TEST(Resolver, ManyWhoAskForOneNameMakeOneLookUp) {
  World world;
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::unique_ptr<Resolved>> out(20);
  {
    const std::lock_guard closed(world.names->gate);
    for (auto& slot : out) tasks.spawn(resolve(world.resolver, place("slow.test:443"), slot));
    world.io.poll();
  }
  world.io.restart();
  while (!tasks.empty() && world.io.run_one() > 0) {
  }
  for (const auto& slot : out) EXPECT_TRUE(*slot);
  EXPECT_EQ(world.names->asked, 1);
}

TEST(Resolver, LookUpsInFlightAndNamesRememberedAreBounded) {
  ResolverLimits limits;
  limits.in_flight = 2;
  limits.names = 3;
  limits.resolve = 40ms;
  World world(limits);
  {
    const std::lock_guard closed(world.names->gate);
    EXPECT_EQ(world.ask("slow1.test:443").error().code, Code::DnsFailed);
    EXPECT_EQ(world.ask("slow2.test:443").error().code, Code::DnsFailed);
    EXPECT_EQ(world.ask("a.test:443").error().code, Code::Overloaded);
  }
  Result<std::vector<Endpoint>> late = Failure{};
  for (int i = 0; i < 50 && !late; ++i) late = world.ask("slow1.test:443");
  late = Failure{};
  for (int i = 0; i < 50 && !late; ++i) late = world.ask("slow2.test:443");
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(world.ask("a" + std::to_string(i) + ".test:443"));
    EXPECT_LE(world.resolver.remembered(), 3U);
  }
}

TEST(Resolver, ACancelledWaiterIsForgotten) {
  World world;
  TaskGroup tasks(world.io.get_executor());
  std::unique_ptr<Resolved> out;
  {
    const std::lock_guard closed(world.names->gate);
    tasks.spawn(resolve(world.resolver, place("slow.test:443"), out));
    world.io.poll();
    test::cancel_tasks(world.io, tasks);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->error().code, Code::Cancelled);
  }
  EXPECT_TRUE(world.ask("slow.test:443"));
}

TEST(Resolver, GoesAwayWhileALookUpHangs) {
  auto names = std::make_shared<Names>();
  const std::lock_guard closed(names->gate);
  {
    World world;
    ResolverThreads threads(1, [names](const std::string& name) { return (*names)(name); });
    ResolverLimits limits;
    limits.resolve = 20ms;
    Resolver resolver(world.wheel, threads, limits);
    std::unique_ptr<Resolved> out;
    test::run_until_done(world.io, resolve(resolver, place("slow.test:443"), out));
    EXPECT_FALSE(*out);
  }
}

TEST(Resolver, TheSystemKnowsLocalhost) {
  const LookupAnswer answer = system_lookup("localhost");
  ASSERT_FALSE(answer.addresses.empty()) << answer.error;
  EXPECT_TRUE(answer.addresses.front().is_loopback());
}

}  // namespace
}  // namespace bottle
