#include "proxy/flow/audit_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "proxy/flow/audit_sink.h"
#include "tests/unit/flow/audit_bench.h"

namespace bottle {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// Receives the copies.
class Receiver {
 public:
  explicit Receiver(const std::string& path) {
    fd_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ::unlink(path.c_str());
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ADD_FAILURE() << "bind " << path;
    }
  }
  // The next datagram; empty: none came in 20 s.
  [[nodiscard]] std::string take() const {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 20'000) <= 0) return {};
    std::string out(256 * 1024, '\0');
    const ssize_t got = ::recv(fd_.get(), out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
  }

 private:
  Fd fd_;
};

std::string socket_of(const TempDir& dir) { return dir.file() + ".socket"; }

std::unique_ptr<AuditSink> sink_with_copy(const TempDir& dir) {
  auto copy = AuditCopy::open("unix:" + socket_of(dir));
  if (!copy) return nullptr;
  auto sink = AuditSink::open(dir.file(), kMaxAuditFile, &sync_to_disk, std::move(*copy));
  return sink ? std::move(*sink) : nullptr;
}

TEST(AuditCopy, EachLineIsADatagramAsTheFileHasIt) {
  const TempDir dir;
  const Receiver receiver(socket_of(dir));
  const auto sink = sink_with_copy(dir);
  ASSERT_TRUE(sink);
  sink->write(sample());
  sink->write(refused_host("evil.test"));
  EXPECT_EQ(receiver.take(), lines_of(dir.file()).at(0) + "\n");
  EXPECT_EQ(receiver.take(), lines_of(dir.file() + ".refusals").at(0) + "\n");
  EXPECT_TRUE(sink->close());
  EXPECT_EQ(json::parse(receiver.take())["kind"], "log_end");
}

TEST(AuditCopy, WordsThatItKnows) {
  EXPECT_TRUE(AuditCopy::is_word("syslog"));
  EXPECT_TRUE(AuditCopy::is_word("journald"));
  EXPECT_TRUE(AuditCopy::is_word("unix:/run/x"));
  for (const std::string& word : {std::string(), std::string("unix:"), std::string("tcp:1.2.3.4:5"),
                                  std::string("Syslog"), "unix:/" + std::string(200, 'x')}) {
    EXPECT_FALSE(AuditCopy::is_word(word)) << word;
    EXPECT_FALSE(AuditCopy::open(word));
  }
}

// RFC 3164 in the form of syslog(3), with the facility authpriv; and journald's native protocol.
TEST(AuditCopy, FormsOfSyslogAndJournald) {
  using Kind = AuditCopy::Kind;
  const std::string line = "{\"a\":1}\n";
  const std::string pid = std::to_string(::getpid());
  EXPECT_THAT(AuditCopy::datagram(Kind::Syslog, line, AuditPart::Exchanges),
              testing::MatchesRegex("<86>[A-Z][a-z][a-z] [ 1-3][0-9] [0-9:]+ bottle\\[" + pid +
                                    "\\]: \\{\"a\":1\\}"));
  EXPECT_THAT(AuditCopy::datagram(Kind::Syslog, line, AuditPart::Findings),
              testing::StartsWith("<84>"));
  EXPECT_EQ(AuditCopy::datagram(Kind::Journald, line, AuditPart::Refusals),
            "PRIORITY=5\nSYSLOG_IDENTIFIER=bottle\nBOTTLE_PART=refusals\nMESSAGE={\"a\":1}\n");
  EXPECT_EQ(AuditCopy::datagram(Kind::Plain, line, AuditPart::Refusals), line);
}

TEST(AuditCopy, MissingReceiverIsAnErrorAtTheStart) {
  const TempDir dir;
  const auto copy = AuditCopy::open("unix:" + socket_of(dir));
  ASSERT_FALSE(copy);
  EXPECT_EQ(copy.error().code, ExitCode::kFiles);
  EXPECT_THAT(copy.error().message, HasSubstr(socket_of(dir)));
}

// The receiver does not read: requests go on, and what it did not get is told in the log.
TEST(AuditCopy, ReceiverThatStopsHoldsNothingUpAndTheLogTellsWhatItLacks) {
  const TempDir dir;
  const Receiver receiver(socket_of(dir));
  const auto sink = sink_with_copy(dir);
  ASSERT_TRUE(sink);
  AuditRecord begin = sample();
  begin.kind = AuditKind::Begin;
  const auto began = std::chrono::steady_clock::now();
  constexpr std::uint64_t kLines = 8000;  // more than the queue and a socket's buffer hold
  for (std::uint64_t i = 0; i < kLines; ++i) ASSERT_TRUE(sink->begin(begin));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
  EXPECT_TRUE(sink->healthy());
  EXPECT_TRUE(sink->close()) << "the log itself has all lines";
  std::uint64_t told = 0;
  std::uint64_t lines = 0;
  for (const std::string& line : lines_of(dir.file())) {
    const json entry = json::parse(line);
    ++lines;
    if (entry["kind"] == "lost_copies") told += entry.value("count", std::uint64_t{1});
  }
  EXPECT_EQ(json::parse(lines_of(dir.file()).back())["kind"], "log_end");
  EXPECT_GE(lines, kLines);
  EXPECT_GT(told, 1000u);
  EXPECT_LE(told, lines);
}

TEST(AuditCopy, ReceiverThatComesBackGetsWhatWaited) {
  const TempDir dir;
  auto receiver = std::make_unique<Receiver>(socket_of(dir));
  const auto sink = sink_with_copy(dir);
  ASSERT_TRUE(sink);
  sink->write(sample());
  EXPECT_FALSE(receiver->take().empty());
  receiver.reset();
  sink->write(sample());
  std::this_thread::sleep_for(kAuditCopyPause);
  receiver = std::make_unique<Receiver>(socket_of(dir));
  EXPECT_EQ(receiver->take(), lines_of(dir.file()).at(1) + "\n");
}

TEST(AuditCopy, EndDoesNotWaitForAReceiverThatIsGone) {
  const TempDir dir;
  auto receiver = std::make_unique<Receiver>(socket_of(dir));
  const auto sink = sink_with_copy(dir);
  ASSERT_TRUE(sink);
  receiver.reset();
  sink->write(sample());
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(sink->close());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  const auto lines = lines_of(dir.file());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(json::parse(lines[1])["kind"], "lost_copies");
  EXPECT_EQ(json::parse(lines[2])["kind"], "log_end");
}

}  // namespace
}  // namespace bottle
