#include "proxy/guard/host_watch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace bottle {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr HostWatch::TimePoint kStart{};

TEST(LooksLikeData, NamesThatServicesMakePass) {
  for (const char* labels : {
           "www",
           "d111111abcdef8",
           "my-bucket.s3.eu-central-1",
           "my-bucket-with-a-very-long-and-telling-name-for-production.s3.eu-central-1",
           "search-logs-k5xw4ytq2mzrhd6abcdefghijk.eu-west-1.es",
           "internal-a1b2c3d4e5f6471c8bd8d9e0f1a2b3c4-1234567890.eu-west-1.elb",
           "ec2-203-0-113-25.eu-central-1.compute",
           "123456789012.dkr.ecr.us-east-1",
           "vpce-0a1b2c3d4e5f67890-abcdefgh.s3.us-east-1.vpce",
           "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
           "3f2504e0-4f89-41d3-9a0c-0305e82c3301.westeurope.prod",
           "rr3---sn-4g5e6nez",
           "project-git-feature-new-login-page-team-name-9f3kq2v1x",
           "a1b2c3d4.my-project.pages",
           "service-abcdefghij-ew.a",
           "h7xq2vkzk5ag4hvwbm3n2ft6sm0ztnlb.lambda-url.eu-west-1",
           "da39a3ee5e6b4b0d3255bfef95601890afd80709",
           "registry-1.docker",
           "storage.europe-west3.rep",
           "llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
           "this-is-my-very-long-branch-name-that-somebody-typed-in-full-with-all-words.preview",
       }) {
    EXPECT_FALSE(looks_like_data(labels)) << labels;
  }
}

TEST(LooksLikeData, EncodedTextIsSeen) {
  for (const char* labels : {
           // 32 random bytes: hex, base32 in one label and in two, base36
           "3b7c1e9a5d2f804c6b1a9e8d7f3c5a2e4b6d8f0a1c3e5b79d2",
           "ge3tqnzxha4tsobzgi2dmmrtgu2tknjvgq2timrxha",
           "ge3tqnzxha4tsobzgi2dmmrtgu2tknjv.gq2timrxhe3tqnzxha4tsobzgi2dmmrt",
           "zq8w2k4x7n1v5b9m3c6l0j2h4g7f8d1s5a9p3o6i",
           "x.zq8w2k4x7n1v5b9m3c6l0j2h4g7f8d1s5a9p3o6i2.y",
           // the same cut up by hyphens
           "ge3tqnzx-ha4tsobz-gi2dmmrt-gu2tknjv-gq2timrx-ha4tsobz-gi2dmmrt-gu2tknjv",
           // letters alone
           "qwxzjkvbpyhgfmtdnrlcsauoeiqzxwvkjybphgfmtdnr",
           "12345678901234567890123456789012345678901",
       }) {
    const bool short_of_41 = std::string_view(labels).size() == 40;
    EXPECT_EQ(looks_like_data(labels), !short_of_41) << labels;
  }
}

TEST(HostWatch, DataIsRefusedUnlessItIsTheWildcardsOwnName) {
  NewNames names{};
  HostWatch watch(names);
  EXPECT_TRUE(watch.look("x.test", "x.test", kStart));
  EXPECT_TRUE(watch.look("a.x.test", "x.test", kStart));
  const auto refused =
      watch.look("ge3tqnzxha4tsobzgi2dmmrtgu2tknjvgq2timrxha.x.test", "x.test", kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Denied);
  EXPECT_EQ(refused.error().reason, "host_name_suspicious");
  EXPECT_NE(refused.error().hint.find("*.x.test"), std::string::npos);
}

TEST(HostWatch, ManyNewNamesAreRefusedUntilTheWindowHasPassed) {
  NewNames names{};
  HostWatch watch(names);
  const auto name = [](std::size_t n) { return "n" + std::to_string(n) + ".x.test"; };
  for (std::size_t n = 0; n < HostWatch::kMaxNewNames; ++n) {
    ASSERT_TRUE(watch.look(name(n), "x.test", kStart + seconds(n))) << n;
  }
  const auto refused = watch.look("new.x.test", "x.test", kStart + minutes(9));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "too_many_names");
  // Names that were used before, and other parents, go on.
  EXPECT_TRUE(watch.look(name(7), "x.test", kStart + minutes(9)));
  EXPECT_TRUE(watch.look("new.y.test", "y.test", kStart + minutes(9)));
  // The first of them has left the window, and only that.
  EXPECT_TRUE(watch.look("new.x.test", "x.test", kStart + HostWatch::kWindow));
  EXPECT_FALSE(watch.look("newer.x.test", "x.test", kStart + HostWatch::kWindow));
}

// [T40]
TEST(HostWatch, NamesAndCountsOutliveTheWatch) {
  NewNames names{};
  const auto name = [](std::size_t n) { return "n" + std::to_string(n) + ".x.test"; };
  {
    HostWatch watch(names);
    for (std::size_t n = 0; n < HostWatch::kMaxNewNames; ++n) {
      ASSERT_TRUE(watch.look(name(n), "x.test", kStart));
    }
  }
  HostWatch next(names);
  EXPECT_FALSE(next.look("new.x.test", "x.test", kStart + minutes(9)));
  EXPECT_TRUE(next.look(name(7), "x.test", kStart + minutes(9)));
  EXPECT_TRUE(next.look("new.x.test", "x.test", kStart + HostWatch::kWindow));
}

// More wildcards than places: those that share one have less, and none has more.
TEST(HostWatch, WildcardsBeyondTheTableShareAPlace) {
  NewNames names{};
  HostWatch watch(names);
  for (std::size_t n = 0; n < 2 * NewNames::kParents; ++n) {
    const std::string parent = "p" + std::to_string(n) + ".test";
    ASSERT_TRUE(watch.look("a." + parent, parent, kStart)) << n;
  }
  std::size_t passed = 0;
  for (std::size_t n = 0; n < 2 * HostWatch::kMaxNewNames; ++n) {
    passed += watch.look("n" + std::to_string(n) + ".more.test", "more.test", kStart) ? 1 : 0;
  }
  EXPECT_LT(passed, HostWatch::kMaxNewNames);
  EXPECT_GT(passed, HostWatch::kMaxNewNames / 2);
}

TEST(HostWatch, MemoryIsBoundedAndTheOldestIsForgotten) {
  NewNames names{};
  HostWatch watch(names);
  HostWatch::TimePoint now = kStart;
  for (std::size_t n = 0; n < HostWatch::kMaxNames + 1; ++n) {
    if (n % HostWatch::kMaxNewNames == 0) now += HostWatch::kWindow;
    ASSERT_TRUE(watch.look("n" + std::to_string(n) + ".x.test", "x.test", now)) << n;
  }
  for (std::size_t n = 0; watch.look("m" + std::to_string(n) + ".x.test", "x.test", now); ++n) {
  }
  EXPECT_TRUE(watch.look("n" + std::to_string(HostWatch::kMaxNames) + ".x.test", "x.test", now));
  EXPECT_FALSE(watch.look("n0.x.test", "x.test", now));
}

}  // namespace
}  // namespace bottle
