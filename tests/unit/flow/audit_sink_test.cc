#include "proxy/flow/audit_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/flow/audit_bench.h"

namespace bottle {
namespace {

using nlohmann::json;

TEST(AuditSink, WritesLinesAndMakesItsFilePrivate) {
  const TempDir dir;
  {
    auto sink = AuditSink::open(dir.file());
    ASSERT_TRUE(sink) << sink.error().message;
    (*sink)->write(sample());
    (*sink)->write(sample());
    EXPECT_TRUE((*sink)->healthy());
    EXPECT_EQ((*sink)->written(), 2u);
    EXPECT_EQ((*sink)->lost(), 0u);
    EXPECT_EQ(lines_of(dir.file()).size(), 2u) << "what was written is in the file at once";
  }
  struct stat info{};
  ASSERT_EQ(::stat(dir.file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
  auto again = AuditSink::open(dir.file());
  ASSERT_TRUE(again);
  (*again)->write(sample());
  EXPECT_EQ(lines_of(dir.file()).size(), 4u) << "with the line that ended the log";
}

TEST(AuditSink, LinesOfManyThreadsDoNotMix) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&sink, i] {
      AuditRecord record = sample();
      record.id = "thread" + std::to_string(i);
      for (int n = 0; n < 200; ++n) (*sink)->write(record);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = lines_of(dir.file());
  EXPECT_EQ(lines.size(), 800u);
  for (const std::string& line : lines)
    EXPECT_FALSE(json::parse(line, nullptr, false).is_discarded());
}

TEST(AuditSink, AbsentFileIsOff) {
  auto sink = AuditSink::open("");
  ASSERT_TRUE(sink);
  (*sink)->write(sample());
  EXPECT_TRUE((*sink)->healthy());
  EXPECT_EQ((*sink)->written(), 0u);
}

TEST(AuditSink, UnopenableFileIsAnErrorThatNamesIt) {
  const auto sink = AuditSink::open("/nonexistent/dir/audit.jsonl");
  ASSERT_FALSE(sink);
  EXPECT_NE(sink.error().message.find("/nonexistent/dir/audit.jsonl"), std::string::npos);
}

TEST(AuditSink, FullDiskIsSeen) {
  auto sink = AuditSink::open("/dev/full");
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->healthy());
  (*sink)->write(sample());
  EXPECT_FALSE((*sink)->healthy());
  EXPECT_EQ((*sink)->lost(), 1u);
  EXPECT_FALSE((*sink)->probe());
  AuditRecord record = sample();
  record.kind = AuditKind::Begin;
  EXPECT_FALSE((*sink)->begin(record));
  EXPECT_FALSE((*sink)->close()) << "the log is not complete";
}

TEST(AuditSink, RecoversAndEndsATornLine) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  (*sink)->write(sample());
  const std::size_t whole = std::filesystem::file_size(dir.file());
  // The disk is full after ten more bytes.
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = whole + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  (*sink)->write(sample());
  const bool healthy_when_full = (*sink)->healthy();
  const bool probe_when_full = (*sink)->probe();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_FALSE(healthy_when_full);
  EXPECT_FALSE(probe_when_full);
  EXPECT_TRUE((*sink)->probe());
  EXPECT_TRUE((*sink)->healthy());
  (*sink)->write(sample());
  const auto lines = lines_of(dir.file());
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(unchained(lines[0]) + "\n", audit_line(sample()));
  EXPECT_EQ(lines[1].size(), 10u);
  const json torn = json::parse(lines[2]);
  EXPECT_EQ(torn["kind"], "torn_line");
  EXPECT_EQ(torn["detail"], "10 bytes before this line are a line that was not finished");
  EXPECT_EQ(unchained(lines[3]) + "\n", audit_line(sample()));
  const json lost = json::parse(lines[4]);
  EXPECT_EQ(lost["kind"], "lost_lines");
  EXPECT_EQ(lost["reason"], "audit_unwritable");
  EXPECT_FALSE(lost.contains("count")) << "one line is missing";
  EXPECT_EQ((*sink)->lost(), 1u);
  EXPECT_EQ((*sink)->written(), 2u);
}

// Room for two lines of sample() with their chains, and not for three.
const std::size_t kTwoLines = 2 * audit_line(sample()).size() + 300;

// A client that causes lines must not be able to fill the disk.
// [T64]
TEST(AuditSink, FilesAreBoundedInSizeAndNumber) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file(), kTwoLines);
  ASSERT_TRUE(sink);
  for (int i = 0; i < 2 * kAuditFiles + 3; ++i) (*sink)->write(sample());
  EXPECT_TRUE((*sink)->healthy());
  EXPECT_EQ((*sink)->lost(), 0u);
  EXPECT_EQ(lines_of(dir.file()).size(), 1u);
  for (int i = 1; i < kAuditFiles; ++i) {
    EXPECT_EQ(lines_of(dir.file() + "." + std::to_string(i)).size(), 2u) << i;
  }
  EXPECT_NE(::access((dir.file() + "." + std::to_string(kAuditFiles)).c_str(), F_OK), 0);
}

TEST(AuditSink, WhatStoodInTheFileBeforeCounts) {
  const TempDir dir;
  {
    auto first = AuditSink::open(dir.file(), kTwoLines);
    ASSERT_TRUE(first);
    (*first)->write(sample());
  }
  ASSERT_EQ(lines_of(dir.file()).size(), 2u) << "with the line that ended the log";
  auto second = AuditSink::open(dir.file(), kTwoLines);
  ASSERT_TRUE(second);
  (*second)->write(sample());
  EXPECT_EQ(lines_of(dir.file()).size(), 1u);
  EXPECT_EQ(lines_of(dir.file() + ".1").size(), 2u);
}

json last_line(const std::string& path) { return json::parse(lines_of(path).back()); }

std::uint64_t counted(const std::vector<std::string>& lines) {
  std::uint64_t sum = 0;
  for (const std::string& line : lines) sum += json::parse(line).value("count", std::uint64_t{1});
  return sum;
}

TEST(AuditSink, EachPartHasItsFile) {
  const TempDir dir;
  const auto files = audit_files(dir.file());
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  (*sink)->write(sample());
  (*sink)->write(refused_host("evil.test"));
  AuditRecord finding = sample();
  finding.verdict = Verdict::Refused;
  finding.by = DecidedBy::Guard;
  (*sink)->write(finding);
  EXPECT_EQ(lines_of(files[0]).size(), 1u);
  EXPECT_EQ(lines_of(files[1]).size(), 1u);
  EXPECT_EQ(last_line(files[1])["by"], "guard");
  EXPECT_EQ(lines_of(files[2]).size(), 1u);
  EXPECT_EQ(last_line(files[2])["host"], "evil.test");
  struct stat info{};
  ASSERT_EQ(::stat(files[2].c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
}

TEST(AuditSink, FindingInABodyEndsItsExchangeToo) {
  const TempDir dir;
  const auto files = audit_files(dir.file());
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  AuditRecord begin = sample();
  begin.kind = AuditKind::Begin;
  ASSERT_TRUE((*sink)->begin(begin));
  AuditRecord end = sample();
  end.begun = true;
  end.verdict = Verdict::Refused;
  end.by = DecidedBy::Guard;
  (*sink)->write(end);
  ASSERT_EQ(lines_of(files[0]).size(), 2u);
  EXPECT_EQ(last_line(files[0])["verdict"], "refused");
  EXPECT_FALSE(last_line(files[0]).contains("begun"));
  ASSERT_EQ(lines_of(files[1]).size(), 1u);
  EXPECT_EQ(last_line(files[1])["begun"], true);
}

// An agent that makes refusals must not push out what it did.
TEST(AuditSink, FloodOfRefusalsLeavesExchangesAndCountsExactly) {
  const TempDir dir;
  const auto files = audit_files(dir.file());
  constexpr int kFlood = 20'000;
  {
    auto sink = AuditSink::open(dir.file(), 64 * 1024);
    ASSERT_TRUE(sink);
    (*sink)->write(sample());
    for (int i = 0; i < kFlood; ++i) {
      (*sink)->write(refused_host("h" + std::to_string(i) + ".test"));
    }
  }
  const auto exchanges = lines_of(files[0]);
  ASSERT_EQ(exchanges.size(), 2u) << "with the line that ended the log";
  EXPECT_EQ(json::parse(exchanges[0])["kind"], "exchange");
  auto refusals = lines_of(files[2]);
  for (int i = 1; i < kAuditFiles; ++i) {
    for (auto& line : lines_of(files[2] + "." + std::to_string(i))) refusals.push_back(line);
  }
  EXPECT_EQ(counted(refusals), static_cast<std::uint64_t>(kFlood));
  EXPECT_LT(refusals.size(), 2000u);
}

TEST(AuditSink, WhatWasCountedIsToldWithinASecondOrTwo) {
  const TempDir dir;
  const auto files = audit_files(dir.file());
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  constexpr std::uint64_t kTimes = 100;
  for (std::uint64_t i = 0; i < kTimes; ++i) (*sink)->write(refused_host("evil.test"));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (counted(lines_of(files[2])) < kTimes && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  const auto lines = lines_of(files[2]);
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(kLinesBeforeFolding) + 1);
  EXPECT_EQ(json::parse(lines.back())["count"], kTimes - kLinesBeforeFolding);
  EXPECT_EQ(json::parse(lines.back())["host"], "evil.test");
  EXPECT_TRUE(json::parse(lines.back())["id"].is_null());
}

class Pipe {
 public:
  explicit Pipe(const std::string& path) : path_(path) {
    if (::mkfifo(path.c_str(), 0600) != 0) ADD_FAILURE() << "mkfifo";
    reader_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() { close(); }
  void close() {
    if (reader_ >= 0) ::close(reader_);
    reader_ = -1;
  }
  // Takes what is there now.
  std::string take() const {
    std::string out;
    char piece[4096];
    for (ssize_t n = 0; (n = ::read(reader_, piece, sizeof piece)) > 0;) {
      out.append(piece, static_cast<std::size_t>(n));
    }
    return out;
  }

 private:
  std::string path_;
  int reader_ = -1;
};

// The pipe is not read: the caller goes on, and new exchanges are refused while there is room for
// the ends of those that began.
TEST(AuditSink, FullPipeHoldsNothingUp) {
  const TempDir dir;
  Pipe pipe(dir.file());
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  AuditRecord begin = sample();
  begin.kind = AuditKind::Begin;
  AuditRecord end = sample();
  end.begun = true;
  std::uint64_t told = 0;
  while ((*sink)->begin(begin)) {
    ++told;
    ASSERT_LT(told, 100'000u);
  }
  for (int i = 0; i < 500; ++i) (*sink)->write(end);
  EXPECT_EQ((*sink)->lost(), 0u) << "the ends have room";
  EXPECT_FALSE((*sink)->healthy());
  EXPECT_FALSE((*sink)->probe());
  // The reader comes back: everything arrives, in order, and it goes on.
  std::string all;
  const std::uint64_t lines = told + 500;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto arrived = [&all] {
    return static_cast<std::uint64_t>(std::count(all.begin(), all.end(), '\n'));
  };
  while (arrived() < lines && std::chrono::steady_clock::now() < until) all += pipe.take();
  EXPECT_EQ(arrived(), lines);
  EXPECT_TRUE((*sink)->probe());
  EXPECT_TRUE((*sink)->begin(begin));
  std::istringstream in(all);
  for (std::string line; std::getline(in, line);) {
    ASSERT_FALSE(json::parse(line, nullptr, false).is_discarded()) << line;
  }
  EXPECT_TRUE((*sink)->close());
}

TEST(AuditSink, EndDoesNotWaitForAReaderThatStopped) {
  const TempDir dir;
  const Pipe pipe(dir.file());
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  for (int i = 0; i < 1000; ++i) (*sink)->write(sample());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE((*sink)->close());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_GT((*sink)->lost(), 0u);
}

TEST(AuditSink, ReaderThatIsGoneIsSeen) {
  const TempDir dir;
  Pipe pipe(dir.file());
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  (*sink)->write(sample());
  pipe.close();
  (*sink)->write(sample());
  ::signal(SIGPIPE, before);
  EXPECT_FALSE((*sink)->healthy());
  EXPECT_EQ((*sink)->lost(), 1u);
}

}  // namespace
}  // namespace bottle
