#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "proxy/control/kept_policy.h"
#include "proxy/control/kept_secrets.h"
#include "proxy/control/policy_book.h"
#include "proxy/http/authority.h"

namespace bottle {
namespace {

using Time = PolicyBook::Time;

PolicyBook new_book() {
  return PolicyBook::make({"start.test"}, {"start.test=relay"}, PolicyBook::Rules()).value();
}

bool allows(const PolicyBook& book, const char* host) {
  const auto destination = parse_host(host, 443).value();
  return !book.policy()->decide(destination, Scheme::Https).refusal;
}

void allow(PolicyBook& book, AllowWish wish) {
  book.take(book.with_allowed(wish, "ann", Time() + std::chrono::seconds(5)).value());
}

TEST(KeptPolicy, TheNextProcessHasTheChanges) {
  PolicyBook book = new_book();
  allow(book, {.host = "more.test", .route = Route::Relay});
  allow(book, {.host = "hour.test", .lasts = std::chrono::seconds(3600)});
  book.take(book.with_closed("start.test", "bob", Time()).value());

  PolicyBook next = new_book();
  const auto kept = kept_policy_in(to_text(book.kept()));
  ASSERT_TRUE(kept);
  ASSERT_TRUE(next.restore(*kept));
  EXPECT_TRUE(allows(next, "more.test"));
  EXPECT_TRUE(allows(next, "hour.test"));
  EXPECT_FALSE(allows(next, "start.test"));
  const auto rows = next.allowed(Time());
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].host, "more.test");
  EXPECT_EQ(rows[1].by, "ann");
  EXPECT_EQ(rows[1].since, Time() + std::chrono::seconds(5));
  EXPECT_EQ(rows[1].route, Route::Relay);
  EXPECT_TRUE(rows[0].until);
}

TEST(KeptPolicy, AnEntryForOneRequestIsNotKept) {
  PolicyBook book = new_book();
  allow(book, {.host = "once.test", .once = true});
  EXPECT_TRUE(allows(book, "once.test"));
  PolicyBook next = new_book();
  ASSERT_TRUE(next.restore(*kept_policy_in(to_text(book.kept()))));
  EXPECT_FALSE(allows(next, "once.test"));
}

TEST(KeptPolicy, ReadsNothingElse) {
  EXPECT_FALSE(kept_policy_in(""));
  EXPECT_FALSE(kept_policy_in("{}"));
  EXPECT_FALSE(kept_policy_in(R"({"added":1,"closed":[],"allow":[],"routes":[]})"));
}

TEST(KeptSecrets, ComeBackAsTheyWere) {
  SecretSpec plain{.name = "A", .value = std::string("\xff\0\n value", 9), .hosts = std::nullopt};
  SecretSpec kept{.name = "B", .value = "the value of b, long enough", .hosts = {{"b.test"}}};
  kept.in_body = true;
  kept.kept_out = KeptOut{.placeholder = "placeholder", .in_header = false, .in_query = true};
  kept.former = {"older", "oldest"};
  const auto back = kept_secrets_in(to_text({plain, kept}));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 2U);
  const SecretSpec& a = back->front();
  EXPECT_EQ(a.name, plain.name);
  EXPECT_EQ(a.value, plain.value);
  EXPECT_EQ(a.hosts, plain.hosts);
  EXPECT_FALSE(a.kept_out);
  const SecretSpec& b = back->back();
  EXPECT_EQ(b.value, kept.value);
  EXPECT_EQ(b.hosts, kept.hosts);
  EXPECT_TRUE(b.in_body);
  EXPECT_EQ(b.former, kept.former);
  ASSERT_TRUE(b.kept_out);
  EXPECT_EQ(b.kept_out->placeholder, "placeholder");
  EXPECT_FALSE(b.kept_out->in_header);
  EXPECT_TRUE(b.kept_out->in_query);
}

TEST(KeptSecrets, ReadsNothingElse) {
  EXPECT_FALSE(kept_secrets_in("\xff"));
  EXPECT_FALSE(kept_secrets_in(to_text(std::vector<SecretSpec>{}).substr(1)));
}

}  // namespace
}  // namespace bottle
