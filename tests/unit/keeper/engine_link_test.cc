#include "proxy/keeper/engine_link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "proxy/contract/fd_message.h"
#include "proxy/keeper/memory_file.h"

namespace bottle {
namespace {

struct Link {
  Link() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    keeper.emplace(Fd(ends[0]));
    engine.emplace(Fd(ends[1]));
  }
  std::optional<KeeperLink> keeper;
  std::optional<EngineLink> engine;
};

TEST(EngineLink, OrdersArriveInTheirOrder) {
  Link link;
  EXPECT_FALSE(link.engine->next());
  link.keeper->order(KeeperOrder::Reload);
  link.keeper->order(KeeperOrder::Terminate);
  EXPECT_EQ(link.engine->next(), KeeperOrder::Reload);
  EXPECT_EQ(link.engine->next(), KeeperOrder::Terminate);
  EXPECT_FALSE(link.engine->next());
  link.keeper.reset();
  EXPECT_EQ(link.engine->next(), KeeperOrder::Gone);
}

TEST(EngineLink, WhatIsKeptOutlivesTheEngine) {
  Link link;
  link.engine->tell_ready();
  const std::string text(100'000, 's');
  ASSERT_TRUE(link.engine->keep(KeptKind::Secrets, text));
  ASSERT_TRUE(link.engine->keep(KeptKind::Policy, ""));
  link.engine.reset();
  auto ready = link.keeper->next();
  ASSERT_TRUE(ready);
  EXPECT_TRUE(ready->ready);
  auto secrets = link.keeper->next();
  ASSERT_TRUE(secrets);
  EXPECT_EQ(secrets->kind, KeptKind::Secrets);
  // Two engines may read it, one after the other.
  EXPECT_EQ(text_of_file(secrets->file.get(), kMostKept), text);
  EXPECT_EQ(text_of_file(secrets->file.get(), kMostKept), text);
  EXPECT_FALSE(text_of_file(secrets->file.get(), text.size() - 1));
  auto policy = link.keeper->next();
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->kind, KeptKind::Policy);
  EXPECT_FALSE(link.keeper->next());
}

TEST(EngineLink, MessagesThatMeanNothingAreLeftOut) {
  Link link;
  const int socket = link.engine->fd();
  ASSERT_TRUE(send_message(socket, "x", {}));
  ASSERT_TRUE(send_message(socket, "p", {}));  // without its file
  ASSERT_TRUE(send_message(socket, "ready", {}));
  link.engine->tell_ready();
  const auto news = link.keeper->next();
  ASSERT_TRUE(news);
  EXPECT_TRUE(news->ready);
}

TEST(MemoryFile, NobodyChangesIt) {
  const Fd file = memory_file("test", "text");
  ASSERT_TRUE(file);
  EXPECT_EQ(::pwrite(file.get(), "X", 1, 0), -1);
  EXPECT_EQ(::ftruncate(file.get(), 0), -1);
  EXPECT_EQ(text_of_file(file.get(), 4), "text");
}

}  // namespace
}  // namespace bottle
