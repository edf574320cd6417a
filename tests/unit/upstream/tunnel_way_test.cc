#include "proxy/upstream/tunnel_way.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "proxy/base/task_group.h"
#include "proxy/upstream/dialer.h"
#include "tests/support/run_until.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

// Leads to a listener on the loopback, whatever is asked for.
class Hop final : public Way {
 public:
  explicit Hop(tcp::endpoint place) : place_(std::move(place)) {}
  awaitable<Result<tcp::socket>> open(const Destination&, std::uint64_t) override {
    if (failure) co_return *failure;
    const Executor executor = co_await asio::this_coro::executor;
    tcp::socket socket(executor);
    const auto [ec] = co_await socket.async_connect(place_, use_tuple);
    if (ec) co_return Failure(Code::ConnectFailed, ec.message());
    co_return std::move(socket);
  }
  std::optional<Failure> failure;

 private:
  tcp::endpoint place_;
};

awaitable<void> answer(tcp::acceptor& acceptor, std::string text, std::string& request,
                       std::optional<tcp::socket>& kept) {
  auto [ec, socket] = co_await acceptor.async_accept(use_tuple);
  std::array<char, 1024> bytes{};
  while (!request.ends_with("\r\n\r\n")) {
    const auto [failed, n] = co_await socket.async_read_some(asio::buffer(bytes), use_tuple);
    if (failed) co_return;
    request.append(bytes.data(), n);
  }
  // In pieces, so that the head never comes whole.
  for (std::size_t at = 0; at < text.size(); at += 11) {
    const std::string piece = text.substr(at, 11);
    const auto [failed, n] = co_await asio::async_write(socket, asio::buffer(piece), use_tuple);
    if (failed) co_return;
  }
  kept.emplace(std::move(socket));
}

awaitable<void> open_one(Way& way, Destination destination,
                         std::optional<Result<tcp::socket>>& out) {
  auto got = co_await way.open(destination, 1);
  out.emplace(std::move(got));
}

class TunnelWays : public ::testing::Test {
 protected:
  TunnelWays()
      : wheel_(io_.get_executor()),
        acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        hop_(acceptor_.local_endpoint()),
        guard_(AddressGuard::make({}).value()) {}

  Result<tcp::socket> open(const std::string& text, const std::string& host = "a.example.com",
                           TunnelGiver kind = TunnelGiver::Parent) {
    TunnelWay way(wheel_, hop_, TunnelWay::Giver{kind, "proxy.corp:3128", "Basic eA=="},
                  kind == TunnelGiver::Parent ? &guard_ : nullptr, limits_);
    std::optional<Result<tcp::socket>> out;
    TaskGroup servers(io_.get_executor());
    if (!text.empty()) servers.spawn(answer(acceptor_, text, request_, server_));
    test::run_until_done(io_, open_one(way, parse_host(host, 443).value(), out));
    io_.restart();
    while (!servers.empty() && io_.run_one() > 0) {
    }
    return std::move(*out);
  }

  asio::io_context io_{1};
  TimerWheel wheel_;
  tcp::acceptor acceptor_;
  Hop hop_;
  AddressGuard guard_;
  TunnelWayLimits limits_;
  std::string request_;
  std::optional<tcp::socket> server_;
};

// [T86]
TEST_F(TunnelWays, AsksByNameAndLosesNoByteBehindTheHead) {
  auto socket = open("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nearly bird");
  ASSERT_TRUE(socket) << socket.error().detail;
  EXPECT_EQ(request_,
            "CONNECT a.example.com:443 HTTP/1.1\r\nHost: a.example.com:443\r\n"
            "Proxy-Authorization: Basic eA==\r\n\r\n");
  std::string early(10, '\0');
  asio::read(*socket, asio::buffer(early));
  EXPECT_EQ(early, "early bird");
}

TEST_F(TunnelWays, TheParentsRefusalsAreNamed) {
  const auto auth = open("HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nwho").error();
  EXPECT_EQ(auth.code, Code::ConnectFailed);
  EXPECT_EQ(auth.reason, "parent_auth");
  EXPECT_NE(auth.detail.find("proxy.corp:3128 answered 407"), std::string::npos) << auth.detail;
  EXPECT_EQ(open("HTTP/1.1 403 No\r\n\r\n").error().reason, "parent_refused");
  EXPECT_EQ(open("HTTP/1.1 301 There\r\n\r\n").error().reason, "parent_refused");
  EXPECT_EQ(open("220 mail.corp ESMTP\r\n").error().reason, "parent_broken");
  limits_.head_bytes = 20;
  EXPECT_EQ(open("HTTP/1.1 200 OK\r\nVia: a proxy\r\n\r\n").error().reason, "parent_broken");
  hop_.failure = Failure(Code::DnsFailed, "no such name");
  const auto gone = open("").error();
  EXPECT_EQ(gone.reason, "parent_unreachable");
  EXPECT_NE(gone.detail.find("no such name"), std::string::npos);
}

TEST_F(TunnelWays, TheScannersRefusalsAreTheScanners) {
  const auto scanner = [this](const std::string& text) {
    return open(text, "a.example.com", TunnelGiver::Scanner).error();
  };
  const auto denied = scanner("HTTP/1.1 403 Forbidden\r\n\r\nCONNECT blocked: not listed\n");
  EXPECT_EQ(denied.code, Code::UpstreamDenied);
  EXPECT_EQ(denied.by, DecidedBy::Pipelock);
  EXPECT_EQ(scanner("HTTP/1.1 502 Bad\r\n\r\n").reason, "origin_unreachable");
  EXPECT_EQ(scanner("HTTP/1.1 503 Full\r\n\r\n").code, Code::ScannerUnavailable);
  EXPECT_EQ(scanner("nonsense\r\n").code, Code::ScannerUnavailable);
}

TEST_F(TunnelWays, WaitsNoLongerThanItMay) {
  limits_.answer = 60ms;
  const auto slow = open("HTTP/1.1 200").error();
  EXPECT_EQ(slow.code, Code::UpstreamTimeout);
  EXPECT_EQ(slow.reason, "parent_timeout");
}

// [T85]
TEST_F(TunnelWays, WhatLiesInsideIsNotAskedFor) {
  for (const std::string host :
       {"127.0.0.1", "10.1.2.3", "169.254.169.254", "fd00::1", "localhost", "printer",
        "a.localhost", "nas.local", "db.internal", "x.home.arpa", "localhost.localdomain"}) {
    const auto refused = open("", host).error();
    EXPECT_EQ(refused.code, Code::Denied) << host;
    EXPECT_EQ(refused.reason, "address_not_allowed") << host;
  }
  EXPECT_TRUE(open("HTTP/1.1 200 OK\r\n\r\n", "8.8.8.8"));
  guard_ = AddressGuard::make({"10.0.0.0/8"}).value();
  EXPECT_TRUE(open("HTTP/1.1 200 OK\r\n\r\n", "10.1.2.3"));
}

}  // namespace
}  // namespace bottle
