#include "launcher/backend/port_forward.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "proxy/contract/byte_pump.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Instead of a bottle: this process's own ports. The first attempts fail.
class OwnPorts final : public PortDialer {
 public:
  explicit OwnPorts(std::uint16_t port, unsigned failures = 0) : port_(port), failures_(failures) {}
  Fd dial(std::uint16_t, unsigned attempt) override {
    ++dialled;
    return attempt < failures_ ? Fd() : dial_own_port(port_, 0);
  }
  unsigned attempts() const override { return 2; }
  void tidy() override { ++tidied; }

  std::atomic<int> dialled = 0;
  std::atomic<int> tidied = 0;

 private:
  std::uint16_t port_;
  unsigned failures_;
};

class PortForward : public testing::Test {
 protected:
  PortForward() {
    auto server = open_ports({{1, 0}}, "127.0.0.1");
    auto opened = open_ports({{3000, 0}}, "127.0.0.1");
    EXPECT_TRUE(server && opened);
    server_ = std::move(server->front());
    ports_ = std::move(*opened);
    auto end = make_pipe();
    EXPECT_TRUE(end);
    end_ = std::move(*end);
  }
  ~PortForward() override { stop(); }

  void forward(PortDialer& dialer, std::chrono::milliseconds left_limit = kLeftLimit) {
    thread_ = std::thread([this, &dialer, left_limit] {
      EXPECT_EQ(forward_ports(ports_, dialer, end_.read.get(), nullptr, left_limit), 0);
    });
  }
  void stop() {
    end_.write.reset();
    if (thread_.joinable()) thread_.join();
  }
  // A connection to the opened port.
  Fd client() const {
    Fd out = dial_own_port(ports_.front().rule.host, 0);
    pollfd slot{out.get(), POLLOUT, 0};
    EXPECT_EQ(::poll(&slot, 1, 5000), 1);
    return out;
  }
  // The next connection that arrives at the server; empty if none does in time.
  Fd accepted(int limit = 5000) const {
    pollfd slot{server_.listener.get(), POLLIN, 0};
    if (::poll(&slot, 1, limit) != 1) return Fd();
    return Fd(::accept4(slot.fd, nullptr, nullptr, SOCK_CLOEXEC));
  }
  // Up to the end; "broken" if it does not end well in time.
  static std::string read_all(const Fd& fd) {
    std::string out;
    std::array<char, 4096> chunk{};
    for (;;) {
      pollfd slot{fd.get(), POLLIN, 0};
      if (::poll(&slot, 1, 5000) != 1) return "broken";
      const auto got = ::read(fd.get(), chunk.data(), chunk.size());
      if (got == 0) return out;
      if (got < 0) return "broken";
      out.append(chunk.data(), static_cast<std::size_t>(got));
    }
  }

  HostPort server_{};
  std::vector<HostPort> ports_{};
  Pipe end_{};
  std::thread thread_{};
};

TEST_F(PortForward, CarriesBothWaysAndTheEnds) {
  OwnPorts dialer(server_.rule.host, 1);  // its first attempt is in vain
  forward(dialer);
  const Fd mine = client();
  const Fd other = accepted();
  ASSERT_TRUE(other);
  ASSERT_TRUE(write_all(mine.get(), "question"));
  ::shutdown(mine.get(), SHUT_WR);
  EXPECT_EQ(read_all(other), "question");
  ASSERT_TRUE(write_all(other.get(), "answer"));
  ::shutdown(other.get(), SHUT_WR);
  EXPECT_EQ(read_all(mine), "answer");
  stop();
  EXPECT_EQ(dialer.dialled, 2);
  EXPECT_EQ(dialer.tidied, 1);
}

TEST_F(PortForward, APortWithoutAServerClosesTheConnection) {
  const std::uint16_t port = server_.rule.host;
  server_.listener.reset();
  OwnPorts dialer(port);
  forward(dialer);
  const Fd mine = client();
  EXPECT_EQ(read_all(mine), "");
  stop();
  EXPECT_EQ(dialer.dialled, 2);
}

TEST_F(PortForward, OnlySoManyAreCarriedAtATime) {
  OwnPorts dialer(server_.rule.host);
  forward(dialer);
  std::vector<Fd> mine;
  std::vector<Fd> others;
  for (std::size_t i = 0; i < kMaxForwarded; ++i) {
    mine.push_back(client());
    others.push_back(accepted());
    ASSERT_TRUE(others.back()) << i;
  }
  const Fd late = client();
  EXPECT_FALSE(accepted(300));
  mine.front().reset();
  others.front().reset();
  const Fd served = accepted();
  ASSERT_TRUE(served);
  ASSERT_TRUE(write_all(late.get(), "late"));
  ::shutdown(late.get(), SHUT_WR);
  EXPECT_EQ(read_all(served), "late");
  stop();  // before the dialer goes
}

// The program of the agent may keep its sides open for ever.
TEST_F(PortForward, AConnectionThatItsClientLeftEnds) {
  OwnPorts dialer(server_.rule.host);
  forward(dialer, std::chrono::milliseconds(200));
  const Fd stays = client();
  const Fd its_other = accepted();
  std::vector<Fd> others;
  for (std::size_t i = 1; i < kMaxForwarded; ++i) {
    const Fd mine = client();
    others.push_back(accepted());
    ASSERT_TRUE(others.back()) << i;
    if (i != 1) continue;
    // More than the way holds: its end is not read.
    ::fcntl(mine.get(), F_SETFL, O_NONBLOCK);
    const std::string much(1 << 20, 'x');
    pollfd slot{mine.get(), POLLOUT, 0};
    while (::poll(&slot, 1, 100) == 1) {
      if (::write(mine.get(), much.data(), much.size()) < 0) break;
    }
  }
  const Fd late = client();
  const Fd served = accepted();
  ASSERT_TRUE(served);
  // The first of them is over, too, after what the kernel still had.
  std::array<char, 4096> chunk{};
  auto got = ssize_t{1};
  while (got > 0) {
    pollfd slot{others.front().get(), POLLIN, 0};
    ASSERT_EQ(::poll(&slot, 1, 5000), 1);
    got = ::read(others.front().get(), chunk.data(), chunk.size());
  }
  // One whose client is there is not.
  ASSERT_TRUE(write_all(its_other.get(), "answer"));
  ::shutdown(its_other.get(), SHUT_WR);
  EXPECT_EQ(read_all(stays), "answer");
  stop();  // before the dialer goes
}

TEST_F(PortForward, NotesAreListedWhileTheirProcessRuns) {
  std::string pattern = testing::TempDir() + "ports-XXXXXX";
  const fs::path runtime = ::mkdtemp(pattern.data());
  {
    const auto note = PortNote::write(runtime, ports_);
    ASSERT_TRUE(note) << note.error().message;
    std::ofstream(runtime / "ports-1") << R"({"pid":1,"start":1,"ports":[{"inside":1,"host":1,)"
                                       << R"("address":"127.0.0.1"}]})";
    std::ofstream(runtime / "ports-2") << "{";
    const auto listed = ports_of(runtime);
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed.front().rule, ports_.front().rule);
    EXPECT_EQ(place_of(listed.front()), "127.0.0.1:" + std::to_string(ports_.front().rule.host));
  }
  EXPECT_TRUE(ports_of(runtime).empty());
  EXPECT_EQ(place_of({.rule = {1, 2}, .address = "::1"}), "[::1]:2");
  fs::remove_all(runtime);
}

}  // namespace
}  // namespace bottle::launcher
