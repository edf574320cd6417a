#include "proxy/tls/tcp_listener.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "proxy/base/task_group.h"
#include "tests/support/run_until.h"
#include "tests/unit/tls/peer.h"

namespace bottle {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

class Listener : public ::testing::Test {
 protected:
  // A bound and listening descriptor, which the listener takes over.
  int listening(int family) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int bound = family == AF_INET6
                          ? ::bind(fd, reinterpret_cast<const sockaddr*>(&v6), sizeof v6)
                          : ::bind(fd, reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
    EXPECT_EQ(bound, 0);
    listen_again(fd);
    return fd;
  }
  void listen_again(int fd) {
    EXPECT_EQ(::listen(fd, 8), 0);
    size_ = sizeof address_;
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address_), &size_), 0);
  }
  // A client that has connected: the kernel does that without a call of accept.
  Fd client() {
    Fd fd(::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_), size_), 0);
    return fd;
  }
  static awaitable<void> take(TcpListener& listener, std::optional<tcp::socket>& out, bool& over) {
    out = co_await listener.accept();
    over = true;
  }

  asio::io_context io{1};
  std::optional<tcp::socket> got;
  bool over = false;

 private:
  sockaddr_storage address_{};
  socklen_t size_ = 0;
};

TEST_F(Listener, TakesClientsOfBothFamilies) {
  for (const int family : {AF_INET, AF_INET6}) {
    TcpListener listener(io.get_executor(), listening(family));
    const Fd theirs = client();
    test::run_until_done(io, take(listener, got, over));
    ASSERT_TRUE(got) << family;
    EXPECT_EQ(got->remote_endpoint().protocol(), family == AF_INET ? tcp::v4() : tcp::v6());
  }
}

TEST_F(Listener, ClosingEndsTheWaitAndAllThatFollow) {
  TcpListener listener(io.get_executor(), listening(AF_INET));
  asio::post(io, [&listener] { listener.close(); });
  test::run_until_done(io, take(listener, got, over));
  EXPECT_TRUE(over);
  EXPECT_FALSE(got);
  over = false;
  test::run_until_done(io, take(listener, got, over));
  EXPECT_TRUE(over);
  EXPECT_FALSE(got);
}

TEST_F(Listener, CancellingTheTaskEndsTheWait) {
  TcpListener listener(io.get_executor(), listening(AF_INET));
  TaskGroup tasks(io.get_executor());
  tasks.spawn(take(listener, got, over));
  io.poll();
  EXPECT_FALSE(over);
  test::cancel_tasks(io, tasks);
  EXPECT_TRUE(over);
  EXPECT_FALSE(got);
}

// A process without a descriptor left sees an error like this one.
TEST_F(Listener, AfterAnErrorItTriesAgain) {
  const int fd = listening(AF_INET);
  TcpListener listener(io.get_executor(), fd);
  ASSERT_EQ(::shutdown(fd, SHUT_RDWR), 0);
  TaskGroup tasks(io.get_executor());
  tasks.spawn(take(listener, got, over));
  io.run_for(30ms);
  EXPECT_FALSE(over);
  listen_again(fd);
  const Fd theirs = client();
  io.run_for(5s);
  EXPECT_TRUE(over);
  EXPECT_TRUE(got) << "the client had to wait, and was not lost";
}

}  // namespace
}  // namespace bottle
