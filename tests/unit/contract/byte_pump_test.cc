#include "proxy/contract/byte_pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

namespace bottle {
namespace {

// A stream socket, and the end that a test holds.
std::pair<Fd, Fd> make_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string all_of(const Fd& fd) {
  std::string out;
  std::array<char, 65536> chunk{};
  for (ssize_t got = 0; (got = ::read(fd.get(), chunk.data(), chunk.size())) > 0;) {
    out.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return out;
}

void put(const Fd& fd, const std::string& text) {
  ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

bool at_end(const Fd& fd) {
  char byte = 0;
  return ::read(fd.get(), &byte, 1) == 0;
}

TEST(BytePump, AnEndIsPassedOnAndTheOtherWayGoesOn) {
  auto [left, inner_left] = make_pair();
  auto [right, inner_right] = make_pair();
  BytePump pump({std::move(inner_left)}, {std::move(inner_right)});
  put(left, "question");
  ASSERT_TRUE(pump.move());
  EXPECT_EQ(all_of(right), "question");
  EXPECT_FALSE(at_end(right));
  ::shutdown(left.get(), SHUT_WR);
  ASSERT_TRUE(pump.move());
  EXPECT_TRUE(at_end(right));
  EXPECT_TRUE(pump.left_alone());
  put(right, "answer");
  ASSERT_TRUE(pump.move());
  EXPECT_EQ(all_of(left), "answer");
  ::shutdown(right.get(), SHUT_WR);
  EXPECT_FALSE(pump.move());
  EXPECT_TRUE(at_end(left));
}

TEST(BytePump, AReaderThatTakesNothingStopsTheOtherSide) {
  auto [left, inner_left] = make_pair();
  auto [right, inner_right] = make_pair();
  BytePump pump({std::move(inner_left)}, {std::move(inner_right)});
  const std::string piece(4096, 'x');
  std::size_t taken = 0;
  for (int turn = 0; turn < 10'000; ++turn) {
    if (::write(left.get(), piece.data(), piece.size()) > 0) taken += piece.size();
    ASSERT_TRUE(pump.move());
  }
  // Two sockets' buffers and the pump's own.
  EXPECT_LT(taken, 4U << 20U);
  std::array<pollfd, BytePump::kSlots> slots{};
  pump.wanted(slots);
  EXPECT_EQ(slots[0].fd, -1);
  EXPECT_NE(slots[1].fd, -1);
}

TEST(BytePump, ABrokenStreamIsTheEnd) {
  auto [left, inner_left] = make_pair();
  auto [right, inner_right] = make_pair();
  BytePump pump({std::move(inner_left)}, {std::move(inner_right)});
  put(left, "x");
  put(right, "unread");
  ASSERT_TRUE(pump.move());
  left.reset();  // with a byte that it did not read
  put(right, "y");
  EXPECT_FALSE(pump.move() && pump.move());
}

TEST(BytePump, TwoDescriptorsAreAStreamToo) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC | O_NONBLOCK), 0);
  ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC | O_NONBLOCK), 0);
  Fd typed(in[1]);
  const Fd shown(out[0]);
  auto [right, inner_right] = make_pair();
  BytePump pump({Fd(in[0]), Fd(out[1])}, {std::move(inner_right)});
  put(typed, "in");
  put(right, "out");
  ASSERT_TRUE(pump.move());
  EXPECT_EQ(all_of(right), "in");
  EXPECT_EQ(all_of(shown), "out");
  typed.reset();
  ::shutdown(right.get(), SHUT_WR);
  EXPECT_FALSE(pump.move());
  EXPECT_TRUE(at_end(right));
  EXPECT_TRUE(at_end(shown));
}

TEST(OwnPort, IsReachedByBothLoopbackAddresses) {
  for (unsigned attempt = 0; attempt < kOwnAttempts; ++attempt) {
    const int family = attempt == 0 ? AF_INET : AF_INET6;
    const Fd listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage at{};
    at.ss_family = static_cast<sa_family_t>(family);
    if (attempt == 1) reinterpret_cast<sockaddr_in6*>(&at)->sin6_addr = in6addr_loopback;
    if (attempt == 0) reinterpret_cast<sockaddr_in*>(&at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&at);
    if (::bind(listener.get(), any, sizeof at) != 0) GTEST_SKIP() << "no IPv6 here";
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    socklen_t size = sizeof at;
    ASSERT_EQ(::getsockname(listener.get(), any, &size), 0);
    const auto port = ntohs(reinterpret_cast<const sockaddr_in*>(&at)->sin_port);
    const Fd client = dial_own_port(port, attempt);
    ASSERT_TRUE(client);
    pollfd slot{client.get(), POLLOUT, 0};
    ASSERT_EQ(::poll(&slot, 1, 5000), 1);
    EXPECT_EQ(connect_result(client), 0);
  }
}

}  // namespace
}  // namespace bottle
