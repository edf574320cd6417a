#include "proxy/tls/door.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "tests/support/run_until.h"
#include "tests/unit/tls/peer.h"

namespace bottle {
namespace {

using asio::ip::tcp;

// A server with room for two connections, each of which lasts until the test ends it.
class Doors : public ::testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 2;

  void open() {
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    place_ = acceptor.local_endpoint();
    door.emplace(wheel, acceptor.release(), connections, kCapacity, idle, &memory);
    accepting.spawn(accept_all());
  }
  Fd client() const {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), place_.data(), static_cast<socklen_t>(place_.size())), 0);
    return fd;
  }
  // On the loop, as where a connection ends.
  void end_one() {
    asio::post(io, [this] {
      ends.front().set();
      ends.pop_front();
    });
  }
  // Until nothing is left to do but to wait.
  void settle() {
    io.restart();
    while (io.poll() > 0) {
    }
  }
  // In a second at most.
  bool takes_one() {
    for (int i = 0; i < 100 && connections.size() != 1; ++i) {
      io.restart();
      io.run_for(std::chrono::milliseconds(10));
    }
    return connections.size() == 1;
  }
  void TearDown() override {
    door->close();
    for (std::size_t left = ends.size(); left > 0; --left) end_one();
    settle();
  }

  asio::io_context io{1};
  TimerWheel wheel{io.get_executor()};
  IdleList idle{IdleList::Moments{.never_served = {}, .served = {}}};
  TaskGroup connections{io.get_executor(), TaskGroup::Children::Independent};
  TaskGroup accepting{io.get_executor()};
  MemoryBudget memory{1000};
  std::optional<Door> door;
  bool busy = true;  // connections have something under way
  std::vector<std::size_t> evicted;
  std::list<Event> ends;  // of the connections that are open

 private:
  awaitable<void> accept_all() {
    for (;;) {
      auto socket = co_await door->next();
      if (!socket) co_return;
      Event& end = ends.emplace_back(io.get_executor());
      connections.spawn(serve(std::move(*socket), end));
    }
  }
  awaitable<void> serve(tcp::socket socket, Event& end) {
    const auto number = ends.size() - 1;
    IdleList::Place place(idle, end);
    if (busy) place.busy();
    const bool ended_by_us = co_await end.wait();
    if (!ended_by_us) evicted.push_back(number);
    socket.close();
    door->room_made();
  }

  tcp::endpoint place_;
};

TEST_F(Doors, TakesClientsWhileThereIsRoom) {
  open();
  const Fd first = client();
  const Fd second = client();
  const Fd third = client();
  settle();
  EXPECT_EQ(ends.size(), kCapacity);
  end_one();
  settle();
  EXPECT_EQ(ends.size(), kCapacity) << "the third had to wait, and was not lost";
  EXPECT_EQ(connections.size(), kCapacity);
}

// [T58]
TEST_F(Doors, AFullOneEndsTheConnectionThatIsIdleForLongest) {
  busy = false;
  open();
  const Fd first = client();
  const Fd second = client();
  settle();
  EXPECT_TRUE(evicted.empty()) << "no connection has to go before somebody wants its place";
  const Fd third = client();
  settle();
  EXPECT_EQ(evicted, std::vector<std::size_t>{0});
  EXPECT_EQ(ends.size(), 3U);
  const Fd fourth = client();
  settle();
  EXPECT_EQ(evicted, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(connections.size(), kCapacity);
}

// [T95]
TEST_F(Doors, WithoutMemoryAClientWaitsUntilThereIsSome) {
  open();
  memory.take(800);
  const Fd first = client();
  settle();
  EXPECT_EQ(connections.size(), 0U);
  memory.give_back(1);
  EXPECT_TRUE(takes_one()) << "memory comes back without a word";
}

// [T95]
TEST_F(Doors, WithoutMemoryIdleConnectionsMakeRoomOneAtATime) {
  busy = false;
  open();
  const Fd first = client();
  settle();
  memory.take(800);
  const Fd second = client();
  settle();
  EXPECT_EQ(evicted, std::vector<std::size_t>{0});
  EXPECT_EQ(connections.size(), 0U) << "it gave back too little";
  memory.give_back(800);
  EXPECT_TRUE(takes_one());
}

TEST_F(Doors, ClosingEndsTheWaitForAClient) {
  open();
  settle();
  EXPECT_FALSE(accepting.empty());
  door->close();
  settle();
  EXPECT_TRUE(accepting.empty());
}

TEST_F(Doors, ClosingEndsTheWaitForRoom) {
  open();
  const Fd first = client();
  const Fd second = client();
  const Fd third = client();
  settle();
  door->close();
  settle();
  EXPECT_TRUE(accepting.empty());
  EXPECT_EQ(connections.size(), kCapacity) << "those that were taken go on";
}

TEST_F(Doors, RoomThatIsMadeAfterTheEndTakesNobody) {
  open();
  const Fd first = client();
  const Fd second = client();
  const Fd third = client();
  settle();
  door->close();
  end_one();
  settle();
  EXPECT_TRUE(accepting.empty());
  EXPECT_EQ(connections.size(), kCapacity - 1);
}

TEST_F(Doors, CancellingTheTaskEndsTheWaitForRoom) {
  open();
  const Fd first = client();
  const Fd second = client();
  settle();
  EXPECT_FALSE(accepting.empty());
  test::cancel_tasks(io, accepting);
  EXPECT_TRUE(accepting.empty());
}

}  // namespace
}  // namespace bottle
