#include "proxy/control/policy_book.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bottle {
namespace {

using std::chrono_literals::operator""s;
const PolicyBook::Time kNow = std::chrono::system_clock::now();

PolicyBook book_of(std::vector<std::string> allow, std::vector<std::string> routes = {},
                   PolicyBook::Rules rules = {}) {
  auto made = PolicyBook::make(allow, routes, std::move(rules));
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

// Returns the words for the log, or the error.
std::string grant(PolicyBook& book, const AllowWish& wish) {
  auto change = book.with_allowed(wish, "uid 7", kNow);
  if (!change) return "error: " + change.error().message + " | " + change.error().hint;
  std::string words = change->words;
  book.take(std::move(*change));
  return words;
}
std::string allow(PolicyBook& book, const std::string& host) {
  return grant(book, AllowWish{.host = host});
}
std::string close(PolicyBook& book, const std::string& host) {
  auto change = book.with_closed(host, "uid 7", kNow);
  if (!change) return "error: " + change.error().message;
  std::string words = change->words;
  book.take(std::move(*change));
  return words;
}

// The route, or the reason of a refusal, of a request that goes.
std::string goes(const PolicyBook& book, std::string_view authority) {
  const auto to = parse_authority(authority, std::uint16_t{443});
  EXPECT_TRUE(to) << authority;
  const Decision decision = book.policy()->admit(*to, Scheme::Https);
  return decision.refusal ? std::string(decision.refusal->reason)
                          : std::string(to_string(decision.route));
}

TEST(PolicyBook, AnAllowedHostIsOneOfThoseOfTheStart) {
  PolicyBook book = book_of({"a.test"});
  EXPECT_EQ(goes(book, "b.test"), "host_not_allowed");
  EXPECT_EQ(allow(book, "B.test"), "allow b.test");
  EXPECT_EQ(goes(book, "b.test"), "scan");
  EXPECT_EQ(goes(book, "b.test:80"), "scan");
  EXPECT_EQ(goes(book, "b.test:8443"), "port_not_allowed");
  EXPECT_EQ(allow(book, "b.test:8443"), "allow b.test:8443");
  EXPECT_EQ(goes(book, "b.test:8443"), "scan");
  EXPECT_EQ(allow(book, "b.test"), "");  // it is so already
  EXPECT_EQ(allow(book, "A.test"), "");
  const auto rows = book.allowed(kNow);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].host, "b.test:8443");
  EXPECT_EQ(rows[0].by, "uid 7");
  EXPECT_EQ(rows[1].hits, 2U);
  EXPECT_EQ(rows[2].host, "a.test");
  EXPECT_EQ(rows[2].by, "");
}

TEST(PolicyBook, CountsGoOnOverChanges) {
  PolicyBook book = book_of({"a.test"});
  EXPECT_EQ(goes(book, "a.test"), "scan");
  EXPECT_EQ(allow(book, "b.test"), "allow b.test");
  EXPECT_EQ(goes(book, "a.test"), "scan");
  EXPECT_EQ(book.allowed(kNow).back().hits, 2U);
}

TEST(PolicyBook, OnceIsOneRequest) {
  PolicyBook book = book_of({});
  const auto held = book.policy();
  EXPECT_EQ(grant(book, {.host = "b.test", .once = true}), "allow b.test for one request");
  const auto to = parse_authority("b.test", std::uint16_t{443});
  // Questions do not spend it.
  EXPECT_FALSE(book.policy()->decide(*to, Scheme::Https).refusal);
  EXPECT_EQ(goes(book, "b.test"), "scan");
  EXPECT_EQ(goes(book, "b.test"), "host_not_allowed");
  EXPECT_TRUE(book.allowed(kNow)[0].over);
  // Another change forgets it; asked again it is good again.
  EXPECT_EQ(grant(book, {.host = "b.test", .once = true}), "allow b.test for one request");
  EXPECT_EQ(book.allowed(kNow).size(), 1U);
  EXPECT_EQ(goes(book, "b.test"), "scan");
}

TEST(PolicyBook, ATimeEnds) {
  PolicyBook book = book_of({});
  EXPECT_EQ(grant(book, {.host = "b.test", .lasts = 1s}), "allow b.test for 1 s");
  EXPECT_EQ(goes(book, "b.test"), "scan");
  const auto until = std::chrono::steady_clock::now() + 5s;
  while (goes(book, "b.test") == "scan" && std::chrono::steady_clock::now() < until) {
  }
  EXPECT_EQ(goes(book, "b.test"), "host_not_allowed");
}

TEST(PolicyBook, ItsRouteIsThatOfTheCommand) {
  PolicyBook book = book_of({"b.test"}, {"b.test=scan"});
  EXPECT_EQ(grant(book, {.host = "b.test", .route = Route::ScanRequests}),
            "allow b.test on the route scan-requests");
  EXPECT_EQ(goes(book, "b.test"), "scan-requests");
  EXPECT_EQ(allow(book, "b.test"), "allow b.test");
  EXPECT_EQ(goes(book, "b.test"), "scan");
}

// [T04] What the start or a rule for addresses has closed no command opens.
TEST(PolicyBook, ClosedStaysClosed) {
  PolicyBook::Rules rules;
  rules.own = {{"127.0.0.1", std::uint16_t{3128}}, {"proxy.test", std::nullopt}};
  PolicyBook book = book_of({"a.test"}, {"*.closed.test=deny"}, std::move(rules));
  for (const char* host :
       {"x.closed.test", "*.closed.test", "10.0.0.1", "[fd00::1]:443", "169.254.169.254",
        "metadata.google.internal", "127.0.0.1:3128", "proxy.test", "*.deep.closed.test:8443"}) {
    EXPECT_TRUE(allow(book, std::string(host)).starts_with("error: it is not allowed")) << host;
  }
  EXPECT_EQ(allow(book, "*"), "allow *");
  EXPECT_EQ(goes(book, "x.closed.test"), "route_deny");
  EXPECT_EQ(goes(book, "10.0.0.1"), "address_not_allowed");
  EXPECT_NE(allow(book, "x.closed.test").find("*.closed.test=deny"), std::string::npos);
}

TEST(PolicyBook, ACommandTakesItsOwnDenyBack) {
  PolicyBook book = book_of({"a.test", "*.b.test"});
  EXPECT_EQ(close(book, "A.test"), "deny a.test");
  EXPECT_EQ(close(book, "a.test"), "");
  EXPECT_EQ(goes(book, "a.test"), "route_deny");
  EXPECT_EQ(allow(book, "a.test"), "allow a.test");
  EXPECT_EQ(goes(book, "a.test"), "scan");
  EXPECT_EQ(book.allowed(kNow).size(), 2U);  // as at the start
  // A wider one is not taken back by the way.
  EXPECT_EQ(close(book, "*.b.test"), "deny *.b.test");
  EXPECT_NE(allow(book, "x.b.test").find("bottle allow *.b.test"), std::string::npos);
  EXPECT_EQ(goes(book, "x.b.test"), "route_deny");
  EXPECT_EQ(close(book, "*"), "deny *");
  EXPECT_EQ(goes(book, "a.test"), "route_deny");
}

// Else one request, or one port, would open all of the host for good.
TEST(PolicyBook, LessThanAHostDoesNotTakeItsDenyBack) {
  PolicyBook book = book_of({"a.test", "*.b.test", "*"});
  const std::pair<const char*, const char*> cases[] = {
      {"a.test", "a.test"}, {"*.b.test", "x.b.test"}, {"*", "a.test"}};
  for (const auto& [host, request] : cases) {
    EXPECT_EQ(close(book, host), std::string("deny ") + host);
    const std::string port = std::string(host) + ":8443";
    const AllowWish wishes[] = {
        {.host = port}, {.host = host, .once = true}, {.host = host, .lasts = 5s}};
    for (const AllowWish& wish : wishes) {
      const std::string said = grant(book, wish);
      EXPECT_TRUE(said.starts_with("error: it is not allowed")) << said;
      EXPECT_NE(said.find("take that back first: bottle allow " + std::string(host)),
                std::string::npos)
          << said;
    }
    EXPECT_EQ(goes(book, request), "route_deny");
    EXPECT_EQ(allow(book, host), std::string("allow ") + host);
    EXPECT_EQ(goes(book, request), "scan");
  }
  EXPECT_EQ(close(book, "a.test"), "deny a.test");
  EXPECT_EQ(grant(book, {.host = "a.test", .route = Route::ScanRequests}),
            "allow a.test on the route scan-requests");
  EXPECT_EQ(goes(book, "a.test"), "scan-requests");
}

TEST(PolicyBook, ADenyEndsWhatWasAllowed) {
  PolicyBook book = book_of({});
  EXPECT_EQ(allow(book, "b.test:8443"), "allow b.test:8443");
  EXPECT_EQ(close(book, "b.test"), "deny b.test");
  EXPECT_TRUE(book.allowed(kNow).empty());
  EXPECT_EQ(goes(book, "b.test:8443"), "route_deny");
  EXPECT_EQ(allow(book, "b.test"), "allow b.test");
  EXPECT_EQ(goes(book, "b.test:8443"), "port_not_allowed");
}

TEST(PolicyBook, WishesThatCannotBe) {
  PolicyBook::Rules rules;
  rules.bypass_allowed = false;
  rules.ca_is_limited = true;
  rules.needs_names = true;
  PolicyBook book = book_of({"*.a.test", "b.test"}, {}, std::move(rules));
  const struct {
    AllowWish wish;
    const char* says;
  } cases[] = {
      {{.host = "http://x.test/"}, "not a host"},
      {{.host = ""}, "not a host"},
      {{.host = "b.test", .route = Route::Deny}, "bottle deny"},
      {{.host = "b.test", .route = Route::ScanRequests}, "needs the exit"},
      {{.host = "b.test", .once = true, .lasts = 5s}, "not both"},
      {{.host = "b.test", .lasts = 0s}, "30 days"},
      {{.host = "b.test", .lasts = kLongestAllow + 1s}, "30 days"},
      {{.host = "c.test"}, "--ca-names any"},
      {{.host = "*"}, "--ca-names any"},
      {{.host = "8.8.8.8"}, "needs a name"},
  };
  for (const auto& one : cases) {
    EXPECT_NE(grant(book, one.wish).find(one.says), std::string::npos) << one.wish.host;
  }
  EXPECT_EQ(allow(book, "x.a.test:8443"), "allow x.a.test:8443");
  EXPECT_TRUE(close(book, "a.test:443").starts_with("error: not a host"));
}

TEST(PolicyBook, TheListsOfTheStartAreReadAgain) {
  PolicyBook book = book_of({"a.test", "b.test"}, {"b.test=deny"});
  EXPECT_EQ(allow(book, "c.test"), "allow c.test");
  EXPECT_EQ(close(book, "d.test"), "deny d.test");
  auto change = book.with_start({"b.test", "d.test"}, {});
  ASSERT_TRUE(change);
  EXPECT_EQ(change->words, "lists of the start: +d.test -a.test -b.test=deny");
  book.take(std::move(*change));
  EXPECT_EQ(goes(book, "a.test"), "host_not_allowed");
  EXPECT_EQ(goes(book, "b.test"), "scan");
  EXPECT_EQ(goes(book, "c.test"), "scan");
  EXPECT_EQ(goes(book, "d.test"), "route_deny");
  EXPECT_TRUE(book.with_start({"b.test", "d.test"}, {})->words.empty());
  EXPECT_FALSE(book.with_start({"b..test"}, {}));
}

TEST(PolicyBook, EntriesAreBounded) {
  PolicyBook book = book_of({});
  for (std::size_t i = 0; i < kMaxAllowEntries; ++i) {
    ASSERT_EQ(allow(book, "h" + std::to_string(i) + ".test").substr(0, 5), "allow");
  }
  EXPECT_NE(allow(book, "one-more.test").find("more than"), std::string::npos);
}

}  // namespace
}  // namespace bottle
