#include "proxy/base/idle_list.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <list>

#include "proxy/contract/fd.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;

struct Ending final : Cancellable {
  void cancel() noexcept override { ++told; }
  int told = 0;
};

struct Connection {
  explicit Connection(IdleList& list) : place(list, ending) {}
  Ending ending;
  IdleList::Place place;
};

class IdleLists : public ::testing::Test {
 protected:
  Connection& open() { return connections.emplace_back(list); }
  std::optional<std::chrono::milliseconds> evict_later(std::chrono::milliseconds later) {
    return list.evict_oldest(std::chrono::steady_clock::now() + later);
  }

  const IdleList::Moments moments;
  IdleList list;
  std::list<Connection> connections;
};

TEST_F(IdleLists, TheOneThatIsIdleForLongestGoesFirst) {
  Connection& first = open();
  Connection& second = open();
  EXPECT_EQ(evict_later(1s), 0ms);
  EXPECT_EQ(first.ending.told, 1);
  EXPECT_EQ(second.ending.told, 0);
  EXPECT_EQ(evict_later(1s), 0ms);
  EXPECT_EQ(second.ending.told, 1);
  EXPECT_EQ(evict_later(1s), std::nullopt) << "none is left";
  EXPECT_EQ(list.ending(), 2U);
  connections.clear();
  EXPECT_EQ(list.ending(), 0U);
}

TEST_F(IdleLists, OneThatWorksIsLeftAloneAndIsTheNewestAfterwards) {
  Connection& first = open();
  Connection& second = open();
  {
    const IdleList::Busy busy(&first.place);
    EXPECT_EQ(list.size(), 1U);
    EXPECT_EQ(evict_later(1s), 0ms);
    EXPECT_EQ(second.ending.told, 1);
    EXPECT_EQ(evict_later(1s), std::nullopt);
  }
  Connection& third = open();
  EXPECT_EQ(evict_later(1s), 0ms);
  EXPECT_EQ(first.ending.told, 1);
  EXPECT_EQ(third.ending.told, 0);
}

TEST_F(IdleLists, OneThatGotOnBeginsAnew) {
  Connection& first = open();
  Connection& second = open();
  first.place.idle();
  EXPECT_EQ(evict_later(1s), 0ms);
  EXPECT_EQ(second.ending.told, 1);
  EXPECT_EQ(first.ending.told, 0);
}

TEST_F(IdleLists, AFreshOneHasAMoment) {
  Connection& only = open();
  const auto wait = evict_later(0ms);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, 0ms);
  EXPECT_LE(*wait, moments.never_served);
  EXPECT_EQ(only.ending.told, 0);
  EXPECT_EQ(evict_later(moments.never_served), 0ms);
  EXPECT_EQ(only.ending.told, 1);
}

TEST_F(IdleLists, OneThatWasServedGoesBeforeOneThatHadNoTurnYet) {
  Connection& silent = open();
  Connection& served = open();
  {
    const IdleList::Busy busy(&served.place);
  }
  EXPECT_EQ(evict_later(moments.served), 0ms);
  EXPECT_EQ(served.ending.told, 1);
  const auto wait = evict_later(moments.served);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, 0ms) << "the other's moment is longer";
  EXPECT_EQ(silent.ending.told, 0);
}

TEST_F(IdleLists, OneThatSaysSomethingIsPassedOver) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  Ending ending;
  const IdleList::Place place(list, ending, ours.get());
  Connection& silent = open();
  ASSERT_EQ(::send(theirs.get(), "G", 1, 0), 1);
  EXPECT_EQ(evict_later(1s), 0ms);
  EXPECT_EQ(ending.told, 0);
  EXPECT_EQ(silent.ending.told, 1);
  EXPECT_GT(evict_later(0ms), 0ms) << "it begins anew";
  EXPECT_EQ(list.size(), 1U);
  theirs.reset();
  EXPECT_EQ(evict_later(3s), 0ms) << "after its end a client has no more to say";
  EXPECT_EQ(ending.told, 1);
}

TEST_F(IdleLists, HoweverManySaySomethingOneCallEnds) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  ASSERT_EQ(::send(theirs.get(), "G", 1, 0), 1);
  Ending ending;
  std::list<IdleList::Place> places;
  for (int i = 0; i < 100; ++i) places.emplace_back(list, ending, ours.get());
  EXPECT_GT(evict_later(1s), 0ms);
  EXPECT_EQ(ending.told, 0);
  EXPECT_EQ(list.size(), 100U);
}

TEST_F(IdleLists, OneThatWasToldIsNotToldAgain) {
  Connection& only = open();
  EXPECT_EQ(evict_later(1s), 0ms);
  only.place.busy();
  only.place.idle();
  EXPECT_EQ(list.size(), 0U);
  EXPECT_EQ(evict_later(1s), std::nullopt);
  EXPECT_EQ(only.ending.told, 1);
}

TEST_F(IdleLists, TheWayOutMayChangeForATime) {
  Connection& first = open();
  Connection& second = open();
  Ending other;
  {
    const IdleList::EndedBy ended_by(&first.place, other);
    EXPECT_EQ(evict_later(1s), 0ms);
    EXPECT_EQ(other.told, 1);
  }
  {
    const IdleList::EndedBy ended_by(&second.place, other);
  }
  EXPECT_EQ(evict_later(1s), 0ms);
  EXPECT_EQ(second.ending.told, 1);
}

TEST_F(IdleLists, OneThatBecomesIdleIsToldToWhoWaits) {
  boost::asio::io_context io;
  Event event(io.get_executor());
  list.add_waiter(event);
  Connection& only = open();
  EXPECT_TRUE(event.is_set());
  event.reset();
  only.place.busy();
  EXPECT_FALSE(event.is_set());
  only.place.idle();
  EXPECT_TRUE(event.is_set());
  list.remove_waiter(event);
}

TEST_F(IdleLists, WithoutAPlaceNothingHappens) {
  Ending ending;
  const IdleList::Busy busy(nullptr);
  const IdleList::EndedBy ended_by(nullptr, ending);
  EXPECT_EQ(ending.told, 0);
}

}  // namespace
}  // namespace bottle
