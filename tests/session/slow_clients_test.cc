// Clients that send or take a little now and then, and connections that have to make room for
// others: over HTTP/1.1 and HTTP/2.
#include <gtest/gtest.h>

#include "tests/session/session_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

class SlowClients : public SessionBench, public testing::WithParamInterface<Protocol> {
 protected:
  SlowClients() : SessionBench(GetParam()) {
    limits.least_rate = 1000;  // a byte each millisecond
    limits.body_stall = 80ms;
    limits.write_stall = 80ms;
  }

  awaitable<void> drip(int pieces, std::size_t size, std::chrono::milliseconds pause) {
    const Bytes piece(size, 'd');
    for (int i = 0; i < pieces && handler.log.empty(); ++i) {
      co_await send_piece(piece, false);
      const bool slept = co_await sleep_for(pause);
      if (!slept) co_return;
    }
  }
  awaitable<void> body_drips();
  awaitable<void> body_at_the_rate();
  awaitable<void> nobody_reads();
  awaitable<void> idle_goes();
  awaitable<void> busy_stays();
  awaitable<void> largest_goes(std::string_view path);
};

// Memory runs out while the handler, or the client, is waited for.
awaitable<void> SlowClients::largest_goes(std::string_view path) {
  MemoryBudget budget(10 * 1024 * 1024);
  account = MemoryAccount::open(budget, io.get_executor());
  MemoryAccount& counted = *account;
  limits.write_stall = 10s;
  handler.big = 8 * 1024 * 1024;
  start();
  co_await greet();
  co_await ask("GET", path);
  co_await settle();
  EXPECT_GE(counted.held(), Exchange::kMemory);
  EXPECT_TRUE(handler.log.empty());
  budget.take(10 * 1024 * 1024);  // others, of which none can be ended
  co_await until_over();
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_EQ(handler.log[0].failure, Code::Overloaded);
  h1.reset();
  h2_session.reset();
  EXPECT_EQ(counted.held(), 0U);
  context.reset();
  account.reset();
  budget.give_back(10 * 1024 * 1024);
}
// [T95]
TEST_P(SlowClients, TheLargestIsEndedBeforeItsAnswer) { play(largest_goes("/never")); }
TEST_P(SlowClients, TheLargestIsEndedWithinItsAnswer) { play(largest_goes("/big")); }

awaitable<void> SlowClients::body_drips() {
  start();
  co_await greet();
  co_await begin_upload("/echo", 1000);
  co_await drip(100, 1, 10ms);
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(handler.body_failure, Code::ClientSlow);
  co_await leave();
}
// [T56]
TEST_P(SlowClients, ABodyThatDripsIsRefused) { play(body_drips()); }

awaitable<void> SlowClients::body_at_the_rate() {
  start();
  co_await greet();
  co_await begin_upload("/echo", 17 * 1000);
  co_await drip(16, 1000, 15ms);
  EXPECT_TRUE(handler.log.empty()) << "it took three times as long as a pause may";
  EXPECT_EQ(handler.body_failure, std::nullopt);
  co_await leave();
}
TEST_P(SlowClients, ABodyAtTheRateMayTakeItsTime) { play(body_at_the_rate()); }

// A handler that reads no body keeps the client waiting; the client is not at fault.
awaitable<void> SlowClients::nobody_reads() {
  start();
  co_await greet();
  co_await begin_upload("/hold", 1 << 20);
  const Bytes piece(1000, 'p');
  co_await send_piece(piece, false);
  const bool slept = co_await sleep_for(200ms);
  EXPECT_TRUE(slept);
  EXPECT_TRUE(handler.log.empty());
  co_await leave();
}
TEST_P(SlowClients, TimeInWhichNobodyReadsDoesNotCount) { play(nobody_reads()); }

awaitable<void> SlowClients::idle_goes() {
  IdleList idle(IdleList::Moments{.never_served = 0ms, .served = 0ms});
  IdleList::Place its_place(idle, pipe.b());
  place = &its_place;
  start();
  co_await greet();
  co_await ask("GET", "/hello");
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.body, "hello");
  co_await settle();
  EXPECT_EQ(idle.size(), 1U);
  const auto evicted = idle.evict_oldest(wheel.now());
  EXPECT_EQ(evicted, 0ms);
  co_await until_over();
}
// [T58]
TEST_P(SlowClients, AnIdleSessionMakesRoomInGoodOrder) { play(idle_goes()); }

awaitable<void> SlowClients::busy_stays() {
  IdleList idle(IdleList::Moments{.never_served = 0ms, .served = 0ms});
  IdleList::Place its_place(idle, pipe.b());
  place = &its_place;
  start();
  co_await greet();
  co_await ask("GET", "/never");
  co_await settle();
  EXPECT_EQ(idle.size(), 0U) << "it has an exchange under way";
  co_await leave();
  EXPECT_EQ(idle.size(), 1U);
}
TEST_P(SlowClients, ASessionWithAnExchangeStays) { play(busy_stays()); }

INSTANTIATE_TEST_SUITE_P(Both, SlowClients, testing::Values(Protocol::H1, Protocol::H2),
                         [](const testing::TestParamInfo<Protocol>& which) {
                           return which.param == Protocol::H1 ? "Http1" : "Http2";
                         });

// Over HTTP/2 the client says with each WINDOW_UPDATE how much it takes.
class SlowReaders : public SessionBench {
 protected:
  SlowReaders() : SessionBench(Protocol::H2) {
    limits.least_rate = 1000;
    limits.body_stall = 80ms;
    limits.write_stall = 80ms;
  }
  awaitable<void> sips(std::string path) {
    const Bytes hello = kClientPreface + settings({{4, 0}}) + settings_ack();
    co_await say(hello);
    co_await ask("GET", path);
    for (int i = 0; i < 60 && handler.log.empty(); ++i) {
      const Bytes sip = window_update(1, 1);
      co_await say(sip);
      const bool slept = co_await sleep_for(10ms);
      if (!slept) co_return;
    }
  }
  awaitable<void> takes_a_byte() {
    handler.big = 100'000;
    start();
    co_await sips("/big");
    EXPECT_EQ(handler.log.size(), 1U);
    if (!handler.log.empty()) {
      EXPECT_EQ(handler.log[0].failure, Code::ClientSlow);
    }
    co_await leave();
  }
};
// [T57]
TEST_F(SlowReaders, AStreamThatTakesAByteNowAndThenIsReset) { play(takes_a_byte()); }

}  // namespace
}  // namespace bottle
