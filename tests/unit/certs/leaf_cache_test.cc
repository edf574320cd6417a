#include "certs/leaf_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "certs/certificate_authority.h"

namespace bottle {
namespace {

ServerName name_of(std::string_view text) { return ServerName::parse(text).value(); }

class Cache : public ::testing::Test {
 protected:
  LeafCache::Now clock() {
    return [this] { return now_; };
  }
  std::string get(LeafCache& cache, const std::string& name, LeafFor why = LeafFor::Allowed) {
    const Result<const Leaf*> leaf = cache.get(name_of(name), why);
    return leaf ? (*leaf)->pem() : leaf.error().reason;
  }

  WallClock::time_point now_ = WallClock::now();
  std::unique_ptr<CertificateAuthority> ca_ = [] {
    CaOptions options;
    options.names = CaNames::Any;
    return CertificateAuthority::create(options).value();
  }();
};

TEST_F(Cache, SameNameSameCertificate) {
  LeafCache cache(*ca_, {}, clock());
  const std::string first = get(cache, "a.test");
  EXPECT_EQ(get(cache, "a.test"), first);
  EXPECT_EQ(cache.minted(), 1U);
  EXPECT_NE(get(cache, "b.test"), first);
}

TEST_F(Cache, RenewsBeforeTheEnd) {
  LeafCache cache(*ca_, {}, clock());
  const std::string first = get(cache, "a.test");
  const auto start = now_;
  now_ = start + std::chrono::hours(22) + std::chrono::minutes(50);
  EXPECT_EQ(get(cache, "a.test"), first);
  now_ = start + std::chrono::hours(23);
  EXPECT_NE(get(cache, "a.test"), first);
  EXPECT_EQ(cache.size(), 1U);
}

TEST_F(Cache, AClockThatWentBackGetsALeafOfItsOwn) {
  LeafCache cache(*ca_, {}, clock());
  const std::string first = get(cache, "a.test");
  now_ -= std::chrono::minutes(4);
  EXPECT_EQ(get(cache, "a.test"), first);
  now_ -= std::chrono::hours(1);
  EXPECT_NE(get(cache, "a.test"), first);
}

TEST_F(Cache, NearTheEndOfTheCaTheLastLeafStays) {
  LeafCache cache(*ca_, {}, clock());
  now_ = ca_->not_after() - std::chrono::minutes(10);
  const std::string last = get(cache, "a.test");
  now_ += std::chrono::minutes(9);
  EXPECT_EQ(get(cache, "a.test"), last);
  now_ += std::chrono::minutes(2);
  EXPECT_EQ(get(cache, "a.test"), "ca_expired");
}

TEST_F(Cache, HoldsItsCapacityAndDropsTheLeastRecentlyUsed) {
  LeafCacheLimits limits;
  limits.capacity = 3;
  LeafCache cache(*ca_, limits, clock());
  const std::string a = get(cache, "a.test");
  const std::string b = get(cache, "b.test");
  get(cache, "c.test");
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(get(cache, "a.test"), a);
  get(cache, "d.test");
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(get(cache, "a.test"), a);
  EXPECT_NE(get(cache, "b.test"), b) << "it was the oldest";
}

TEST_F(Cache, TwoThousandNamesLeaveTheCapacity) {
  LeafCacheLimits limits;
  limits.new_names_a_minute = 10'000;
  LeafCache cache(*ca_, limits, clock());
  for (int i = 0; i < 2'000; ++i) get(cache, "h" + std::to_string(i) + ".test");
  EXPECT_EQ(cache.size(), 1024U);
}

TEST_F(Cache, NewNamesAreLimitedByTheMinuteAndComeBackOneByOne) {
  LeafCache cache(*ca_, {}, clock());
  for (int i = 0; i < 200; ++i) {
    EXPECT_NE(get(cache, "h" + std::to_string(i) + ".test"), "too_many_names") << i;
  }
  EXPECT_EQ(get(cache, "one-more.test"), "too_many_names");
  EXPECT_NE(get(cache, "h7.test"), "too_many_names") << "known names go on";
  EXPECT_EQ(cache.minted(), 200U);
  now_ += std::chrono::milliseconds(299);
  EXPECT_EQ(get(cache, "one-more.test"), "too_many_names");
  now_ += std::chrono::milliseconds(1);
  EXPECT_NE(get(cache, "one-more.test"), "too_many_names");
  EXPECT_EQ(get(cache, "and-more.test"), "too_many_names");
  now_ += std::chrono::hours(1);
  int minted = 0;
  while (get(cache, "later" + std::to_string(minted) + ".test") != "too_many_names") ++minted;
  EXPECT_EQ(minted, 200) << "no more than a minute is saved up";
}

TEST_F(Cache, EachKindOfNameHasAnAllowanceOfItsOwn) {
  LeafCache cache(*ca_, {}, clock());
  const auto spend = [this, &cache](LeafFor why, const std::string& below) {
    int minted = 0;
    while (get(cache, std::to_string(minted) + below, why) != "too_many_names") ++minted;
    return minted;
  };
  EXPECT_EQ(spend(LeafFor::Refusal, ".refused.test"), 60);
  EXPECT_FALSE(cache.has_room_for(name_of("new.refused.test"), LeafFor::Refusal));
  EXPECT_TRUE(cache.has_room_for(name_of("7.refused.test"), LeafFor::Refusal));
  EXPECT_EQ(spend(LeafFor::Wildcard, ".wild.test"), 100);
  EXPECT_EQ(spend(LeafFor::Allowed, ".allowed.test"), 200);
  now_ += std::chrono::seconds(1);
  EXPECT_TRUE(cache.has_room_for(name_of("new.refused.test"), LeafFor::Refusal));
}

TEST_F(Cache, AClockThatGoesBackFreezesNoAllowance) {
  LeafCacheLimits limits;
  limits.new_names_a_minute = 1;
  LeafCache cache(*ca_, limits, clock());
  EXPECT_NE(get(cache, "a.test"), "too_many_names");
  now_ -= std::chrono::minutes(3);
  EXPECT_EQ(get(cache, "b.test"), "too_many_names");
  now_ += std::chrono::minutes(1);
  EXPECT_NE(get(cache, "b.test"), "too_many_names");
}

}  // namespace
}  // namespace bottle
