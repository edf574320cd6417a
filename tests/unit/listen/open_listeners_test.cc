#include "proxy/listen/open_listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bottle {
namespace {

Listeners at(const std::string& host, std::uint16_t port) {
  Listeners made;
  made.host = host;
  made.port = port;
  return made;
}

void close_all(const OpenListeners& listeners) {
  for (const int fd : listeners.front.descriptors) ::close(fd);
  for (const auto* list : {&listeners.tls, &listeners.http, &listeners.exit}) {
    for (const Listeners& one : *list) {
      for (const int fd : one.descriptors) ::close(fd);
    }
  }
  for (const auto* socket : {&listeners.names, &listeners.exit_names}) {
    if (*socket) ::close((*socket)->descriptor);
  }
}

TEST(AnsweredAddresses, AreTheFirstOfEachKindThatIsListenedAt) {
  auto answers = answered_addresses(
      "", {at("0.0.0.0", 1), at("10.0.0.2", 443), at("fd00::2", 443), at("10.0.0.3", 443)},
      "--names-address");
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->v4->to_string(), "10.0.0.2");
  EXPECT_EQ(answers->v6->to_string(), "fd00::2");
  answers = answered_addresses("", {at("::1", 443)}, "--names-address");
  ASSERT_TRUE(answers);
  EXPECT_FALSE(answers->v4);
  EXPECT_EQ(answers->v6->to_string(), "::1");
}

TEST(AnsweredAddresses, TheConfiguredOneStandsAlone) {
  const auto answers = answered_addresses("fd00::9", {at("10.0.0.2", 443)}, "--exit-address");
  ASSERT_TRUE(answers);
  EXPECT_FALSE(answers->v4);
  EXPECT_EQ(answers->v6->to_string(), "fd00::9");
}

TEST(AnsweredAddresses, EveryAddressOfTheMachineIsNone) {
  for (const std::string host : {"0.0.0.0", "::"}) {
    const auto answers = answered_addresses("", {at(host, 443)}, "--exit-address");
    ASSERT_FALSE(answers);
    EXPECT_EQ(answers.error().code, ExitCode::kUsage);
    EXPECT_NE(answers.error().message.find("--exit-address is needed"), std::string::npos);
    EXPECT_TRUE(answered_addresses("10.0.0.2", {at(host, 443)}, "--exit-address"));
  }
}

TEST(OpenListeners, AreOpenedAsConfiguredAndSaid) {
  Config config;
  config.threads = 2;
  config.listen_tls.resize(2);
  config.listen_http.resize(1);
  config.exit_listen.resize(1);
  config.names = Listen{};
  config.exit_names = Listen{};
  config.exit_address = "192.0.2.7";
  const auto listeners = open_listeners(config);
  ASSERT_TRUE(listeners) << listeners.error().message;
  EXPECT_EQ(listeners->front.descriptors.size(), 2U);
  EXPECT_EQ(listeners->tls[1].descriptors.size(), 2U) << "every worker takes these clients";
  EXPECT_EQ(listeners->exit[0].descriptors.size(), 1U) << "the exit is on one worker";
  EXPECT_EQ(listeners->names_answer.v4->to_string(), "127.0.0.1");
  EXPECT_EQ(listeners->exit_answer.v4->to_string(), "192.0.2.7");
  const auto word = [](std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); };
  EXPECT_EQ(front_word(*listeners), word(listeners->front.port));
  EXPECT_EQ(other_words(*listeners), " exit=" + word(listeners->exit[0].port) +
                                         " exit_names=" + word(listeners->exit_names->port) +
                                         " listen_tls=" + word(listeners->tls[0].port) + "," +
                                         word(listeners->tls[1].port) +
                                         " listen_http=" + word(listeners->http[0].port) +
                                         " names=" + word(listeners->names->port));
  close_all(*listeners);
}

TEST(OpenListeners, WithoutThemNothingIsSaid) {
  const auto listeners = open_listeners(Config{});
  ASSERT_TRUE(listeners);
  EXPECT_EQ(other_words(*listeners), "");
  close_all(*listeners);
}

TEST(OpenListeners, ANameServerWithoutAnAddressIsNotOpened) {
  Config config;
  config.listen_tls.resize(1);
  config.listen_tls[0].host = "0.0.0.0";
  config.names = Listen{};
  const auto listeners = open_listeners(config);
  ASSERT_FALSE(listeners);
  EXPECT_EQ(listeners.error().code, ExitCode::kUsage);
  EXPECT_NE(listeners.error().message.find("--names-address"), std::string::npos);
}

// ---- sockets for names

int bound(int type) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_in to{};
  socklen_t size = sizeof to;
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&to), &size), 0);
  return ntohs(to.sin_port);
}

TEST(NameSocket, IsBoundOrTakenOver) {
  const auto made = open_name_socket(Listen{});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GT(made->port, 0);
  EXPECT_EQ(port_of(made->descriptor), made->port);
  Listen same;
  same.port = made->port;
  const auto taken = open_name_socket(same);
  ASSERT_FALSE(taken) << "nobody else may have the port too";
  EXPECT_EQ(taken.error().code, ExitCode::kListen);
  ::close(made->descriptor);

  Listen given;
  given.fd = bound(SOCK_DGRAM);
  const std::uint16_t port = port_of(*given.fd);
  const auto adopted = open_name_socket(given);
  ASSERT_TRUE(adopted) << adopted.error().message;
  EXPECT_EQ(adopted->port, port);
  EXPECT_EQ(::fcntl(*given.fd, F_GETFD), -1) << "the original is still open";
  ::close(adopted->descriptor);
}

TEST(NameSocket, OtherDescriptorsAreRefused) {
  const int unbound = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int stream = bound(SOCK_STREAM);
  ::listen(stream, 1);
  const int other = bound(SOCK_DGRAM);
  const int connected = bound(SOCK_DGRAM);
  sockaddr_in to{};
  socklen_t size = sizeof to;
  ::getsockname(other, reinterpret_cast<sockaddr*>(&to), &size);
  EXPECT_EQ(::connect(connected, reinterpret_cast<sockaddr*>(&to), size), 0);
  for (const int fd : {unbound, stream, connected, 60'000}) {
    Listen given;
    given.fd = fd;
    const auto made = open_name_socket(given);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find("fd:" + std::to_string(fd)), std::string::npos);
  }
  for (const int fd : {unbound, stream, other, connected}) ::close(fd);
}

}  // namespace
}  // namespace bottle
