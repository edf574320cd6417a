#include "proxy/base/shares.h"

#include <gtest/gtest.h>

#include <list>
#include <utility>
#include <vector>

namespace bottle {
namespace {

// Takes one by one for each of the parties in turn, until none may have more. How many each has.
std::vector<std::size_t> fill(Shares& shares, const std::vector<Party>& parties) {
  std::vector<Shares::Part> parts;
  for (const Party& party : parties) parts.emplace_back(shares, party);
  for (bool more = true; more;) {
    more = false;
    for (Shares::Part& part : parts) {
      if (!part.has_room()) continue;
      part.take();
      more = true;
    }
  }
  std::vector<std::size_t> held;
  for (const Shares::Part& part : parts) held.push_back(part.held());
  return held;
}

TEST(Shares, OneClientLeavesAThirdAndTwoLeaveAFifth) {
  Shares shares(30);
  EXPECT_EQ(fill(shares, {{1, 0}}), (std::vector<std::size_t>{20}));
  EXPECT_EQ(fill(shares, {{1, 0}, {2, 0}}), (std::vector<std::size_t>{12, 12}));
  EXPECT_TRUE(shares.unused()) << "all gave back what they held";
}

TEST(Shares, ADestinationHasAShareHoweverManyClientsAskForIt) {
  Shares shares(30);
  std::vector<Party> crowd;
  for (std::uint64_t client = 1; client <= 100; ++client) crowd.push_back({client, 7});
  std::vector<Shares::Part> parts;
  for (const Party& party : crowd) parts.emplace_back(shares, party);
  for (Shares::Part& part : parts) {
    if (part.has_room()) part.take();
  }
  EXPECT_EQ(shares.taken(), 20U);
  const Shares::Part elsewhere(shares, {200, 8});
  EXPECT_TRUE(elsewhere.has_room());
  const Shares::Part there(shares, {200, 7});
  EXPECT_FALSE(there.has_room());
  EXPECT_FALSE(there.place_has_room());
}

TEST(Shares, APartyThatHasNoneGetsTheLastOne) {
  for (std::size_t most = 1; most < 40; ++most) {
    Shares shares(most);
    std::list<Shares::Part> greedy;
    // Ever new clients and destinations, each as greedy as it may be.
    for (std::uint64_t id = 1; id < 20 && shares.left() > 1; ++id) {
      Shares::Part& part = greedy.emplace_back(shares, Party{id, id});
      while (part.has_room() && shares.left() > 1) part.take();
    }
    ASSERT_GE(shares.left(), 1U);
    const Shares::Part newcomer(shares, {1000, 1000});
    EXPECT_TRUE(newcomer.has_room()) << most;
  }
}

TEST(Shares, NobodysPartIsBoundedByTheWholeAlone) {
  Shares shares(10);
  Shares::Part part(shares, {});
  EXPECT_TRUE(part.has_room(10));
  EXPECT_FALSE(part.has_room(11));
  part.take(10);
  EXPECT_FALSE(part.has_room());
  EXPECT_TRUE(part.has_room(0));
}

TEST(Shares, WithOneTimesAPartyHoldsAsMuchAsItLeaves) {
  Shares shares(100, 1);
  Shares::Part part(shares, {1, 1});
  EXPECT_TRUE(part.has_room(100)) << "it is all left before it is taken";
  part.take(30);
  EXPECT_TRUE(part.has_room(40));
  EXPECT_FALSE(part.has_room(41));
}

TEST(Shares, APartThatMovesIsCountedOnce) {
  Shares shares(10);
  Shares::Part first(shares, {1, 1});
  first.take(3);
  Shares::Part second = std::move(first);
  EXPECT_EQ(second.held(), 3U);
  EXPECT_EQ(shares.taken(), 3U);
  first = Shares::Part(shares, {2, 2});
  first.take(2);
  second = std::move(first);
  EXPECT_EQ(shares.taken(), 2U) << "what it held before went back";
  second.give_back(2);
  EXPECT_TRUE(shares.unused());
}

}  // namespace
}  // namespace bottle
