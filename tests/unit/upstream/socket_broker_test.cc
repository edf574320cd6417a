#include "proxy/upstream/socket_broker.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "proxy/base/task_group.h"
#include "proxy/contract/fd_message.h"
#include "proxy/upstream/dialer.h"
#include "proxy/upstream/system_names.h"
#include "tests/support/run_until.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

awaitable<void> take_one(SocketBroker& broker, std::optional<Result<tcp::socket>>& out) {
  auto got = co_await broker.take();
  out.emplace(std::move(got));
}

// A broker whose answers the test gives.
struct World {
  World() : wheel(io.get_executor()), tasks(io.get_executor()) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  }
  ~World() {
    ::close(ends[0]);
    end_broker();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void end_broker() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  // How many questions came since the last look.
  int questions() const {
    int count = 0;
    char word = 0;
    while (::recv(ends[1], &word, 1, MSG_DONTWAIT) == 1) {
      EXPECT_EQ(word, kAskSocket.front());
      ++count;
    }
    return count;
  }
  void give(int domain = AF_INET, char word = kSocketGiven.front()) const {
    const int fd = ::socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    iovec part{&word, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    EXPECT_EQ(::sendmsg(ends[1], &message, 0), 1);
    ::close(fd);
  }
  void give_none() const { EXPECT_EQ(::send(ends[1], kSocketNone.data(), 1, 0), 1); }

  Result<tcp::socket> take(SocketBroker& broker) {
    std::optional<Result<tcp::socket>> out;
    test::run_until_done(io, take_one(broker, out));
    return std::move(*out);
  }
  void run_to_the_end() {
    io.restart();
    while (!tasks.empty() && io.run_one() > 0) {
    }
  }

  asio::io_context io{1};
  TimerWheel wheel;
  TaskGroup tasks;
  std::array<int, 2> ends{-1, -1};
};

TEST(SocketBroker, GivesAnUnconnectedSocketForEachQuestion) {
  World world;
  SocketBroker broker(world.wheel, world.ends[0], 5s);
  world.give();
  auto socket = world.take(broker);
  ASSERT_TRUE(socket) << socket.error().detail;
  boost::system::error_code ec;
  (void)socket->remote_endpoint(ec);
  EXPECT_TRUE(ec);  // not connected
  EXPECT_EQ(world.questions(), 1);
}

TEST(SocketBroker, WhatCannotBeHadIsAScannerThatIsNotThere) {
  World world;
  SocketBroker broker(world.wheel, world.ends[0], 30ms);
  world.give_none();
  EXPECT_EQ(world.take(broker).error().code, Code::ScannerUnavailable);
  world.give(AF_UNIX);
  EXPECT_EQ(world.take(broker).error().code, Code::ScannerUnavailable);
  world.give(AF_INET, kSocketNone.front() + 1);
  EXPECT_EQ(world.take(broker).error().code, Code::ScannerUnavailable);
  EXPECT_EQ(world.take(broker).error().detail, "it does not answer");
  world.end_broker();
  EXPECT_EQ(world.take(broker).error().detail, "it has ended");
}

// A client that opens many connections must not end those of others.
TEST(SocketBroker, WithoutADescriptorLeftItIsAFailureToo) {
  World world;
  SocketBroker broker(world.wheel, world.ends[0], 5s);
  world.give();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto refused = world.take(broker);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::ScannerUnavailable);
  EXPECT_EQ(world.questions(), 0);
  EXPECT_TRUE(world.take(broker));
}

TEST(SocketBroker, ABrokerThatEndsEndsTheWait) {
  World world;
  SocketBroker broker(world.wheel, world.ends[0], 60s);
  std::optional<Result<tcp::socket>> out;
  world.tasks.spawn(take_one(broker, out));
  world.io.poll();
  EXPECT_FALSE(out);
  world.end_broker();
  world.run_to_the_end();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->error().code, Code::ScannerUnavailable);
}

TEST(SocketBroker, TheAnswerToACancelledQuestionIsTheNextOnes) {
  World world;
  SocketBroker broker(world.wheel, world.ends[0], 60s);
  std::optional<Result<tcp::socket>> cancelled;
  world.tasks.spawn(take_one(broker, cancelled));
  world.io.poll();
  test::cancel_tasks(world.io, world.tasks);
  world.run_to_the_end();
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->error().code, Code::Cancelled);
  EXPECT_EQ(world.questions(), 1);
  world.give();
  EXPECT_TRUE(world.take(broker));
  EXPECT_EQ(world.questions(), 0);  // so that unasked answers cannot pile up
  world.give();
  EXPECT_TRUE(world.take(broker));
  EXPECT_EQ(world.questions(), 1);
}

TEST(SocketBroker, WorkersShareTheDescriptor) {
  World world;
  SocketBroker one(world.wheel, world.ends[0], 60s);
  SocketBroker two(world.wheel, world.ends[0], 60s);
  std::array<std::optional<Result<tcp::socket>>, 6> outs;
  for (std::size_t i = 0; i < outs.size(); ++i) {
    world.tasks.spawn(take_one(i % 2 == 0 ? one : two, outs[i]));
  }
  world.io.poll();
  EXPECT_EQ(world.questions(), 6);
  for (std::size_t i = 0; i < outs.size(); ++i) world.give();
  world.run_to_the_end();
  for (auto& out : outs) {
    ASSERT_TRUE(out);
    EXPECT_TRUE(*out);
  }
}

awaitable<void> dial_one(ScannerDialer& dialer, std::optional<Result<Connection>>& out) {
  const auto anywhere = parse_host("origin.test", 443).value();
  auto got = co_await dialer.dial(anywhere, Scheme::Https, 0);
  out.emplace(std::move(got));
}

TEST(SocketBroker, TheScannerIsDialledWithItsSockets) {
  World world;
  SystemNames names(world.wheel);
  Resolver resolver(world.wheel, names);
  tcp::acceptor scanner(world.io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const auto place = parse_host("127.0.0.1", scanner.local_endpoint().port()).value();
  SocketBroker broker(world.wheel, world.ends[0], 60s);
  FixedWay way(world.wheel, resolver, place, {}, &broker);
  ScannerDialer dialer(way);
  std::optional<Result<Connection>> out;
  world.give();
  test::run_until_done(world.io, dial_one(dialer, out));
  ASSERT_TRUE(*out) << out->error().detail;
  EXPECT_EQ(world.questions(), 1);
  scanner.close();
  world.give();
  test::run_until_done(world.io, dial_one(dialer, out));
  EXPECT_EQ(out->error().code, Code::ScannerUnavailable);
  world.end_broker();
  test::run_until_done(world.io, dial_one(dialer, out));
  EXPECT_EQ(out->error().code, Code::ScannerUnavailable);
  EXPECT_NE(out->error().detail.find("it has ended"), std::string::npos);
}

}  // namespace
}  // namespace bottle
