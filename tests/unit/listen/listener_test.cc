#include "proxy/listen/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bottle {
namespace {

class Listening : public testing::Test {
 protected:
  ~Listening() override {
    for (const int fd : open) ::close(fd);
  }
  Expected<Listeners> listen(const Listen& at, unsigned workers = 1) {
    auto made = open_listeners(at, workers);
    if (made) open.insert(open.end(), made->descriptors.begin(), made->descriptors.end());
    return made;
  }
  static bool can_connect(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    ::close(fd);
    return connected;
  }
  std::vector<int> open;
};

TEST_F(Listening, PortZeroIsAFreePort) {
  const auto made = listen(Listen{}, 3);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->host, "127.0.0.1");
  EXPECT_GT(made->port, 0);
  EXPECT_EQ(made->descriptors.size(), 3U) << "one a worker";
  EXPECT_TRUE(can_connect(made->port));
}

TEST_F(Listening, PortInUseIsSaid) {
  const auto first = listen(Listen{});
  ASSERT_TRUE(first);
  Listen again;
  again.port = first->port;
  const auto second = listen(again);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ExitCode::kListen);
  const std::string& said = second.error().message;
  EXPECT_NE(said.find("127.0.0.1:" + std::to_string(first->port)), std::string::npos) << said;
  EXPECT_NE(said.find("another program has the port"), std::string::npos) << said;
}

TEST_F(Listening, AddressThatIsNotHereIsSaid) {
  Listen at;
  at.host = "192.0.2.1";
  const auto made = listen(at);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("does not have that address"), std::string::npos);
}

TEST_F(Listening, TakesOverASocket) {
  const auto first = listen(Listen{});
  ASSERT_TRUE(first);
  Listen given;
  given.fd = ::dup(first->descriptors.front());
  const auto adopted = listen(given, 2);
  ASSERT_TRUE(adopted) << adopted.error().message;
  EXPECT_EQ(adopted->port, first->port);
  EXPECT_EQ(adopted->descriptors.size(), 2U);
  EXPECT_EQ(::fcntl(*given.fd, F_GETFD), -1) << "the original is still open";
  for (const int fd : adopted->descriptors) EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(Listening, WhatIsNoListeningSocketIsRefused) {
  const int unbound = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (const int fd : {unbound, file, 60'000}) {
    Listen given;
    given.fd = fd;
    const auto made = listen(given);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find("fd:" + std::to_string(fd)), std::string::npos);
  }
  ::close(unbound);
  ::close(file);
}

TEST(ConnectionBudget, IsNoMoreThanTheDescriptorsAllow) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(connection_budget(1), 1U);
  const std::size_t most = connection_budget(1'000'000'000);
  rlimit now{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
  if (now.rlim_cur != RLIM_INFINITY) {
    EXPECT_LE(most, now.rlim_cur / 10 * 4);
  }
  EXPECT_GE(most, 1U);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace bottle
