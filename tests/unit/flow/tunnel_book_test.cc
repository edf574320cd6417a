#include "proxy/flow/tunnel_book.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

using Direction = TunnelBook::Direction;

// [T84]
TEST(TunnelBook, CountsOfAHostOutliveItsTunnels) {
  TunnelLimits limits;
  limits.bytes_up = 100;
  limits.bytes_down = 1000;
  CarriedBytes carried{};
  TunnelBook book(limits, carried);
  {
    const auto place = book.enter("a.test").value();
    EXPECT_EQ(place->take(Direction::Up, 60), 60U);
    EXPECT_EQ(place->take(Direction::Down, 1000), 1000U);
  }
  EXPECT_EQ(book.open(), 0U);
  // Nothing is left of what may come down.
  EXPECT_EQ(book.enter("a.test").error().reason, "splice_budget");
  const auto one = book.enter("b.test").value();
  const auto two = book.enter("b.test").value();
  EXPECT_EQ(one->take(Direction::Up, 99), 99U);
  EXPECT_EQ(two->take(Direction::Up, 2), 1U);
  EXPECT_EQ(one->take(Direction::Up, 1), 0U);
  EXPECT_EQ(two->take(Direction::Down, 7), 7U);
}

// [T40]
TEST(TunnelBook, CountsOutliveTheBook) {
  TunnelLimits limits;
  limits.bytes_up = 100;
  limits.hosts = 1;
  CarriedBytes carried{};
  {
    TunnelBook book(limits, carried);
    EXPECT_EQ(book.enter("a.test").value()->take(Direction::Up, 99), 99U);
  }
  TunnelBook next(limits, carried);
  EXPECT_EQ(next.enter("a.test").value()->take(Direction::Up, 99), 1U);
  EXPECT_EQ(next.enter("a.test").error().reason, "splice_budget");
  EXPECT_EQ(next.enter("b.test").error().reason, "too_many_tunnels");  // the host counts, too
}

TEST(TunnelBook, OpenOnesAndHostsAreBounded) {
  TunnelLimits limits;
  limits.open = 3;
  limits.open_per_host = 2;
  limits.hosts = 2;
  CarriedBytes carried{};
  TunnelBook book(limits, carried);
  const auto one = book.enter("a.test").value();
  auto two = book.enter("a.test").value();
  EXPECT_EQ(book.enter("a.test").error().code, Code::Overloaded);
  const auto three = book.enter("b.test").value();
  two.reset();
  EXPECT_EQ(book.enter("c.test").error().reason, "too_many_tunnels");  // a third host
  two = book.enter("b.test").value();
  EXPECT_EQ(book.enter("b.test").error().reason, "too_many_tunnels");  // of the process
  EXPECT_EQ(book.open(), 3U);
}

}  // namespace
}  // namespace bottle
