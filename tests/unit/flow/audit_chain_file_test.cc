// The chain over the audit lines in files: over rotations, restarts, kills and full disks; and what
// brings them to the disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
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

void add(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::app) << bytes;
}

TEST(AuditChainFile, EveryPartHasOneThatItsEndNames) {
  const TempDir dir;
  const auto files = audit_files(dir.file());
  {
    auto sink = AuditSink::open(dir.file());
    ASSERT_TRUE(sink);
    for (int i = 0; i < 3; ++i) (*sink)->write(sample());
    (*sink)->write(refused_host("evil.test"));
    EXPECT_TRUE((*sink)->close());
  }
  ChainLink refusals;
  EXPECT_EQ(checked(files[0]), 4);
  EXPECT_EQ(checked(files[1]), 0);
  EXPECT_EQ(checked(files[2], &refusals), 1);
  const json end = json::parse(lines_of(files[0]).back());
  EXPECT_EQ(end["kind"], "log_end");
  EXPECT_EQ(end["ends"]["exchanges"]["line"], 3);
  EXPECT_EQ(end["ends"]["findings"]["line"], 0);
  EXPECT_EQ(end["ends"]["refusals"]["line"], 1);
  EXPECT_EQ(end["ends"]["refusals"]["chain"], refusals.value);
}

TEST(AuditChainFile, GoesOnOverRotationsAndRestarts) {
  const TempDir dir;
  for (int run = 0; run < 3; ++run) {
    auto sink = AuditSink::open(dir.file(), 4096);
    ASSERT_TRUE(sink);
    for (int i = 0; i < 5; ++i) (*sink)->write(sample());
  }
  ChainLink last;
  EXPECT_GT(checked(dir.file(), &last), 6);
  EXPECT_EQ(last.line, 18u) << "three times five and an end";
  EXPECT_TRUE(std::filesystem::exists(dir.file() + ".1"));
  EXPECT_FALSE(std::filesystem::exists(dir.file() + ".new"));
}

TEST(AuditChainFile, OneOrderForManyThreads) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file(), 64 * 1024);
  ASSERT_TRUE(sink);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&sink] {
      for (int n = 0; n < 100; ++n) (*sink)->write(sample());
    });
  }
  for (std::thread& thread : threads) thread.join();
  ChainLink last;
  EXPECT_GT(checked(dir.file(), &last), 0);
  EXPECT_EQ(last.line, 400u);
}

TEST(AuditChainFile, GoesOnAfterAKill) {
  const TempDir dir;
  for (int run = 0; run < 3; ++run) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto sink = AuditSink::open(dir.file());
      if (sink) (*sink)->write(sample());
      if (sink) (*sink)->write(sample());
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  EXPECT_EQ(checked(dir.file()), 6);
}

TEST(AuditChainFile, EndsATornLineOfAKilledProcessAndTellsOfIt) {
  const TempDir dir;
  AuditSink::open(dir.file()).value()->write(sample());
  add(dir.file(), R"({"time":"20)");
  {
    auto sink = AuditSink::open(dir.file());
    ASSERT_TRUE(sink);
    EXPECT_EQ(lines_of(dir.file()).size(), 4u) << "told before anything else happens";
    (*sink)->write(sample());
  }
  const auto lines = lines_of(dir.file());
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[2], R"({"time":"20)");
  EXPECT_EQ(json::parse(lines[3])["kind"], "torn_line");
  EXPECT_EQ(json::parse(lines[3])["part"], "exchanges");
  EXPECT_EQ(checked(dir.file()), 5);
}

TEST(AuditChainFile, LineThatLacksItsLineEndAloneIsALine) {
  const TempDir dir;
  AuditSink::open(dir.file()).value()->write(sample());
  const auto size = std::filesystem::file_size(dir.file());
  std::filesystem::resize_file(dir.file(), size - 1);
  AuditSink::open(dir.file()).value()->write(sample());
  EXPECT_EQ(lines_of(dir.file()).size(), 4u);
  EXPECT_EQ(checked(dir.file()), 4);
}

TEST(AuditChainFile, KilledWithinARotation) {
  const TempDir dir;
  AuditSink::open(dir.file()).value()->write(sample());
  for (const bool there : {false, true}) {
    std::filesystem::rename(dir.file(), dir.file() + ".1");
    if (there) add(dir.file(), "");
    AuditSink::open(dir.file()).value()->write(sample());
    ChainLink last;
    EXPECT_EQ(checked(dir.file(), &last), 4);
    EXPECT_EQ(last.line, there ? 6u : 4u);
  }
}

TEST(AuditChainFile, LinesOfAnOlderVersionAreLeftAlone) {
  const TempDir dir;
  add(dir.file(), audit_line(sample()));
  AuditSink::open(dir.file()).value()->write(sample());
  const auto lines = lines_of(dir.file());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0] + "\n", audit_line(sample()));
  const auto parts = chain_parts(lines[1]);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->line, 1u);
}

TEST(AuditChainFile, TwoProxiesCannotHaveOne) {
  const TempDir dir;
  auto first = AuditSink::open(dir.file());
  ASSERT_TRUE(first);
  const auto second = AuditSink::open(dir.file());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another process writes to it"), std::string::npos);
  first->reset();
  EXPECT_TRUE(AuditSink::open(dir.file()));
}

TEST(AuditChainFile, WaitsForAProxyThatIsAboutToEnd) {
  const TempDir dir;
  auto first = AuditSink::open(dir.file());
  ASSERT_TRUE(first);
  std::thread ending([&first] { first->reset(); });
  EXPECT_TRUE(AuditSink::open(dir.file()));
  ending.join();
}

// ---- the disk ----------------------------------------------------------------------------------

std::atomic<int> syncs{0};
std::atomic<int> sync_error{0};
std::atomic<bool> disk_hangs{false};

int counting_sync(int fd) {
  ++syncs;
  while (disk_hangs) std::this_thread::yield();
  errno = sync_error;
  return sync_error != 0 || ::fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

class AuditDisk : public testing::Test {
 protected:
  void SetUp() override {
    syncs = 0;
    sync_error = 0;
    disk_hangs = false;
  }
  static bool until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return done();
  }
  const TempDir dir_;
};

TEST_F(AuditDisk, LinesAreOnItASecondLater) {
  auto sink = AuditSink::open(dir_.file(), kMaxAuditFile, &counting_sync);
  ASSERT_TRUE(sink);
  std::this_thread::sleep_for(kAuditSyncEvery / 4);
  EXPECT_EQ(syncs, 0) << "there is no line";
  const auto began = std::chrono::steady_clock::now();
  (*sink)->write(sample());
  ASSERT_TRUE(until([] { return syncs > 0; }));
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, kAuditSyncEvery * 9 / 10) << "many lines are synced together";
  EXPECT_LT(took, kAuditSyncEvery * 10);
}

TEST_F(AuditDisk, NothingWaitsForIt) {
  auto sink = AuditSink::open(dir_.file(), kMaxAuditFile, &counting_sync);
  ASSERT_TRUE(sink);
  disk_hangs = true;
  (*sink)->write(sample());
  ASSERT_TRUE(until([] { return syncs > 0; }));
  const auto began = std::chrono::steady_clock::now();
  AuditRecord begin = sample();
  begin.kind = AuditKind::Begin;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE((*sink)->begin(begin));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  disk_hangs = false;
}

TEST_F(AuditDisk, EndWaitsForIt) {
  auto sink = AuditSink::open(dir_.file(), kMaxAuditFile, &counting_sync);
  ASSERT_TRUE(sink);
  (*sink)->write(sample());
  EXPECT_TRUE((*sink)->close());
  EXPECT_GT(syncs, 0);
}

TEST_F(AuditDisk, RotatedFilesAreSyncedToo) {
  auto sink = AuditSink::open(dir_.file(), 1200, &counting_sync);
  ASSERT_TRUE(sink);
  for (int i = 0; i < 6; ++i) (*sink)->write(sample());
  EXPECT_TRUE((*sink)->close());
  EXPECT_GE(syncs, 4) << "the current file, two older ones, and the directory";
}

TEST_F(AuditDisk, RefusingOneIsTold) {
  auto sink = AuditSink::open(dir_.file(), kMaxAuditFile, &counting_sync);
  ASSERT_TRUE(sink);
  sync_error = EIO;
  (*sink)->write(sample());
  (*sink)->write(sample());
  ASSERT_TRUE(until([&sink] { return !(*sink)->healthy(); }));
  EXPECT_EQ((*sink)->lost(), 2u);
  sync_error = 0;
  EXPECT_TRUE((*sink)->probe());
  (*sink)->write(sample());
  const json lost = json::parse(lines_of(dir_.file()).back());
  EXPECT_EQ(lost["kind"], "lost_lines");
  EXPECT_EQ(lost["count"], 2);
  EXPECT_FALSE((*sink)->close());
}

TEST_F(AuditDisk, FileSystemWithoutSyncIsNoFailure) {
  auto sink = AuditSink::open(dir_.file(), kMaxAuditFile, &counting_sync);
  ASSERT_TRUE(sink);
  sync_error = EINVAL;
  (*sink)->write(sample());
  EXPECT_TRUE((*sink)->close());
}

}  // namespace
}  // namespace bottle
