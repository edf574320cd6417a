#include "proxy/upstream/system_names.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/task_group.h"
#include "proxy/upstream/resolver.h"
#include "tests/support/run_until.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using asio::ip::udp;

// A name server's answer to one question; nothing: it does not answer.
struct Said {
  std::string address;  // of the type that was asked for; empty: none
  int code = 0;         // RCODE
  bool truncated = false;
};
using Says = std::function<std::optional<Said>(const std::string& name, bool v6, bool tcp)>;

// The question's name and type in `query`, a whole message.
std::string name_in(const std::string& query, bool& v6, std::size_t& end) {
  std::string name;
  std::size_t at = 12;
  while (query[at] != '\0') {
    const auto size = static_cast<std::size_t>(query[at]);
    name += (name.empty() ? "" : ".") + query.substr(at + 1, size);
    at += 1 + size;
  }
  v6 = query[at + 2] == 28;
  end = at + 5;
  return name;
}

std::optional<std::string> reply_to(const std::string& query, const Says& says, bool tcp) {
  bool v6 = false;
  std::size_t end = 0;
  const std::string name = name_in(query, v6, end);
  const auto said = says(name, v6, tcp);
  if (!said) return std::nullopt;
  std::string out = query.substr(0, end);
  out[2] = static_cast<char>(0x81 | (said->truncated ? 2 : 0));
  out[3] = static_cast<char>(0x80 | said->code);
  const bool has = !said->address.empty() && !said->truncated;
  out[7] = has ? 1 : 0;
  out[9] = out[11] = 0;
  if (!has) return out;
  const auto address = asio::ip::make_address(said->address);
  out +=
      std::string("\xc0\x0c\0", 3) + (v6 ? '\x1c' : '\x01') + std::string("\0\x01\0\0\0\x3c\0", 7);
  if (v6) {
    const auto bytes = address.to_v6().to_bytes();
    out += '\x10' + std::string(bytes.begin(), bytes.end());
  } else {
    const auto bytes = address.to_v4().to_bytes();
    out += '\x04' + std::string(bytes.begin(), bytes.end());
  }
  return out;
}

// On a loopback port, UDP and TCP.
class NameServerPlay {
 public:
  NameServerPlay(asio::io_context& io, TaskGroup& tasks, Says says)
      : says_(std::move(says)),
        tcp_(io, {asio::ip::address_v4::loopback(), 0}),
        udp_(io, udp::endpoint(asio::ip::address_v4::loopback(), tcp_.local_endpoint().port())) {
    tasks.spawn(serve_udp());
    tasks.spawn(serve_tcp());
  }
  [[nodiscard]] std::string place() const {
    return "127.0.0.1:" + std::to_string(udp_.local_endpoint().port());
  }
  std::vector<std::string> asked;

 private:
  awaitable<void> serve_udp() {
    for (;;) {
      std::string room(512, '\0');
      udp::endpoint from;
      const auto [ec, n] = co_await udp_.async_receive_from(asio::buffer(room), from, use_tuple);
      if (ec) co_return;
      room.resize(n);
      const auto reply = answer(room, false);
      if (reply) udp_.send_to(asio::buffer(*reply), from);
    }
  }
  awaitable<void> serve_tcp() {
    for (;;) {
      asio::ip::tcp::socket socket(tcp_.get_executor());
      const auto [ec] = co_await tcp_.async_accept(socket, use_tuple);
      if (ec) co_return;
      std::string size(2, '\0');
      const auto [no, n] = co_await asio::async_read(socket, asio::buffer(size), use_tuple);
      if (no) continue;
      std::string query(static_cast<unsigned char>(size[1]), '\0');
      const auto [bad, m] = co_await asio::async_read(socket, asio::buffer(query), use_tuple);
      if (bad) continue;
      const auto reply = answer(query, true);
      if (!reply) continue;
      const std::string framed = std::string{'\0', static_cast<char>(reply->size())} + *reply;
      const auto [failed, w] = co_await asio::async_write(socket, asio::buffer(framed), use_tuple);
      if (failed) continue;
    }
  }
  std::optional<std::string> answer(const std::string& query, bool tcp) {
    bool v6 = false;
    std::size_t end = 0;
    asked.push_back(name_in(query, v6, end));
    return reply_to(query, says_, tcp);
  }

  Says says_;
  asio::ip::tcp::acceptor tcp_;
  udp::socket udp_;
};

std::optional<Said> plain(const std::string& name, bool v6, bool) {
  if (name.starts_with("slow")) return std::nullopt;
  if (name.starts_with("no")) return Said{{}, 3};
  if (name.starts_with("four") && v6) return Said{};
  if (name.starts_with("six") && !v6) return Said{};
  if (name.starts_with("fails")) return Said{{}, 2};
  return Said{v6 ? "2001:db8::7" : "192.0.2.7"};
}

awaitable<void> look_up(SystemNames& names, std::string name, std::optional<LookupAnswer>& out) {
  auto got = co_await names.look_up(std::move(name));
  out.emplace(std::move(got));
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

struct World {
  explicit World(Says says = plain, ResolverLimits limits = {})
      : wheel(io.get_executor()),
        tasks(io.get_executor()),
        server(io, tasks, std::move(says)),
        names(wheel, limits, server.place()) {}
  ~World() { test::run_until_done(io, end()); }
  awaitable<void> end() {
    tasks.cancel();
    co_await tasks.join();
  }
  LookupAnswer ask(const std::string& name) {
    std::optional<LookupAnswer> out;
    test::run_until_done(io, look_up(names, name, out));
    return std::move(*out);
  }
  asio::io_context io{1};
  TimerWheel wheel;
  TaskGroup tasks;
  NameServerPlay server;
  SystemNames names;
};

TEST(SystemNames, GiveTheAddressesOfBothFamilies) {
  World world;
  const LookupAnswer both = world.ask("both.example.test");
  ASSERT_EQ(both.addresses.size(), 2U) << both.error;
  const LookupAnswer four = world.ask("four.example.test");
  ASSERT_EQ(four.addresses.size(), 1U) << four.error;
  EXPECT_EQ(four.addresses[0].to_string(), "192.0.2.7");
  const LookupAnswer six = world.ask("six.example.test");
  ASSERT_EQ(six.addresses.size(), 1U) << six.error;
  EXPECT_EQ(six.addresses[0].to_string(), "2001:db8::7");
}

TEST(SystemNames, TellANameThatIsNotThereFromAServerThatFails) {
  ResolverLimits limits;
  limits.server_answer = 50ms;
  World world(plain, limits);
  const LookupAnswer none = world.ask("no.example.test");
  EXPECT_TRUE(none.addresses.empty());
  EXPECT_FALSE(none.temporary);
  EXPECT_FALSE(none.error.empty());
  const LookupAnswer fails = world.ask("fails.example.test");
  EXPECT_TRUE(fails.addresses.empty());
  EXPECT_TRUE(fails.temporary);
}

TEST(SystemNames, AskAgainOverTcpForWhatIsTruncated) {
  World world([](const std::string&, bool v6, bool tcp) -> std::optional<Said> {
    return Said{v6 ? "2001:db8::8" : "192.0.2.8", 0, !tcp};
  });
  EXPECT_EQ(world.ask("large.example.test").addresses.size(), 2U);
}

TEST(SystemNames, GoOnWhenAServerIsSilent) {
  int questions = 0;
  ResolverLimits limits;
  limits.server_answer = 40ms;
  World world(
      [&questions](const std::string&, bool v6, bool) -> std::optional<Said> {
        if (++questions <= 2) return std::nullopt;
        return Said{v6 ? "2001:db8::9" : "192.0.2.9"};
      },
      limits);
  EXPECT_EQ(world.ask("late.example.test").addresses.size(), 2U);
}

TEST(SystemNames, KnowTheHostsFileWithoutAQuestion) {
  World world;
  const LookupAnswer answer = world.ask("localhost");
  ASSERT_FALSE(answer.addresses.empty()) << answer.error;
  for (const auto& address : answer.addresses) EXPECT_TRUE(address.is_loopback());
  EXPECT_TRUE(world.server.asked.empty());
}

TEST(SystemNames, WhatIsCancelledIsGone) {
  World world;
  const std::size_t before = open_descriptors();
  TaskGroup tasks(world.io.get_executor());
  std::vector<std::optional<LookupAnswer>> out(50);
  for (std::size_t i = 0; i < out.size(); ++i) {
    tasks.spawn(look_up(world.names, "slow" + std::to_string(i) + ".example.test", out[i]));
  }
  world.io.restart();
  world.io.poll();
  EXPECT_GE(open_descriptors(), before + out.size());
  test::cancel_tasks(world.io, tasks);
  EXPECT_TRUE(tasks.empty());
  EXPECT_EQ(open_descriptors(), before);
  for (const auto& one : out) EXPECT_TRUE(one && one->addresses.empty());
}

// The whole way: names without an answer, and one that is answered at once.
TEST(SystemNames, SlowNamesDoNotHoldUpOthers) {
  World world;
  Resolver resolver(world.wheel, world.names);
  TaskGroup tasks(world.io.get_executor());
  const auto ask = [](Resolver& from, std::string name, std::uint64_t client,
                      std::optional<bool>& found) -> awaitable<void> {
    auto got = co_await from.resolve(parse_host(name, 443).value(), client);
    found = got.has_value();
  };
  std::vector<std::optional<bool>> slow(200);
  for (std::size_t i = 0; i < slow.size(); ++i) {
    tasks.spawn(ask(resolver, "slow" + std::to_string(i) + ".evil.test", i, slow[i]));
  }
  const auto begin = std::chrono::steady_clock::now();
  std::optional<bool> fast;
  test::run_until_done(world.io, ask(resolver, "fast.example.test", 1000, fast));
  EXPECT_TRUE(fast.value_or(false));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  test::cancel_tasks(world.io, tasks);
  test::run_until_done(world.io, resolver.close());
}

}  // namespace
}  // namespace bottle
