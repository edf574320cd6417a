// Lines of the audit log that wait for another to be written with.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "proxy/flow/audit_flush.h"
#include "tests/unit/flow/audit_bench.h"

namespace bottle {
namespace {

using nlohmann::json;

AuditRecord named(const std::string& id) {
  AuditRecord record = sample();
  record.id = id;
  return record;
}

std::string ids_of(const std::string& path) {
  std::string out;
  for (const std::string& line : lines_of(path)) {
    const json object = json::parse(line, nullptr, false);
    out += object.is_discarded() ? "?" : object.value("id", json()).is_null() ? "-" : object["id"];
  }
  return out;
}

TEST(AuditLater, ALineGoesWithTheNextThatMayNotWait) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->write_soon(named("a")));
  EXPECT_TRUE((*sink)->write_soon(named("b")));
  EXPECT_EQ(ids_of(dir.file()), "");
  AuditRecord begin = named("c");
  begin.kind = AuditKind::Begin;
  EXPECT_TRUE((*sink)->begin(begin));
  EXPECT_EQ(ids_of(dir.file()), "abc");
  EXPECT_EQ(checked(dir.file()), 3);
  EXPECT_EQ((*sink)->written(), 3u);
}

TEST(AuditLater, AFlushAndTheEndWriteWhatWaits) {
  const TempDir dir;
  {
    auto sink = AuditSink::open(dir.file());
    ASSERT_TRUE(sink);
    EXPECT_TRUE((*sink)->write_soon(named("a")));
    (*sink)->flush();
    EXPECT_EQ(ids_of(dir.file()), "a");
    EXPECT_TRUE((*sink)->write_soon(named("b")));
    EXPECT_TRUE((*sink)->close());
  }
  EXPECT_EQ(ids_of(dir.file()), "ab-") << "with the line that ended the log";
  EXPECT_EQ(checked(dir.file()), 3);
}

TEST(AuditLater, ARefusalDoesNotWait) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  EXPECT_FALSE((*sink)->write_soon(refused_host("evil.test")));
  EXPECT_EQ(lines_of(audit_files(dir.file())[2]).size(), 1u);
}

TEST(AuditLater, MoreThanItsBoundDoesNotWait) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  std::size_t waiting = 0;
  while ((*sink)->write_soon(sample())) ++waiting;
  EXPECT_EQ(waiting, kMostAuditWaiting / audit_line(sample()).size());
  EXPECT_EQ(lines_of(dir.file()).size(), waiting + 1);
}

TEST(AuditLater, GoesOnOverRotations) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file(), 2 * audit_line(sample()).size() + 300);
  ASSERT_TRUE(sink);
  for (const char* id : {"a", "b", "c", "d", "e"}) EXPECT_TRUE((*sink)->write_soon(named(id)));
  (*sink)->flush();
  EXPECT_EQ(ids_of(older_audit_file(dir.file(), 2)), "ab");
  EXPECT_EQ(ids_of(older_audit_file(dir.file(), 1)), "cd");
  EXPECT_EQ(ids_of(dir.file()), "e");
  EXPECT_EQ(checked(dir.file()), 5);
  EXPECT_EQ((*sink)->lost(), 0u);
}

TEST(AuditLater, WhatCannotBeWrittenIsCounted) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  (*sink)->write(named("a"));
  const std::size_t line = std::filesystem::file_size(dir.file());
  for (const char* id : {"b", "c", "d"}) EXPECT_TRUE((*sink)->write_soon(named(id)));
  // The disk is full within the line of "c": the first line of a file is longer than the others.
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 2 * line + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  AuditRecord begin = named("e");
  begin.kind = AuditKind::Begin;
  const bool begun = (*sink)->begin(begin);
  const bool healthy = (*sink)->healthy();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_FALSE(begun);
  EXPECT_FALSE(healthy);
  EXPECT_EQ((*sink)->lost(), 2u) << "and e was not sent";
  EXPECT_EQ((*sink)->written(), 2u);
  EXPECT_TRUE((*sink)->probe());
  (*sink)->write(named("f"));
  EXPECT_EQ(ids_of(dir.file()), "ab?-f-") << "a torn line, its note, and behind f what is missing";
  const json lost = json::parse(lines_of(dir.file()).back());
  EXPECT_EQ(lost["kind"], "lost_lines");
  EXPECT_EQ(lost["count"], 2);
}

TEST(AuditLater, AWorkerWritesWhatWaitsSoon) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  boost::asio::io_context io;
  TimerWheel wheel(io.get_executor());
  AuditFlush soon(**sink, wheel);
  for (const std::string expected : {"a", "aa"}) {
    soon.write(named("a"));
    EXPECT_NE(ids_of(dir.file()), expected);
    io.restart();
    io.run_for(kAuditFlushAfter + std::chrono::milliseconds(80));
    EXPECT_EQ(ids_of(dir.file()), expected);
  }
}

// Without a worker that flushes, the sync does.
TEST(AuditLater, TheSyncWritesWhatWaits) {
  const TempDir dir;
  auto sink = AuditSink::open(dir.file());
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->write_soon(named("a")));
  const auto end = std::chrono::steady_clock::now() + 3 * kAuditSyncEvery;
  while (ids_of(dir.file()).empty() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(ids_of(dir.file()), "a");
}

}  // namespace
}  // namespace bottle
