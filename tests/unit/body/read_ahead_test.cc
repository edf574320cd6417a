#include "proxy/body/read_ahead.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>

#include "proxy/base/task_group.h"
#include "tests/support/run.h"
#include "tests/support/script_handler.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

class ReadAheads : public testing::Test {
 protected:
  ReadAheads()
      : wheel(io.get_executor()),
        exchange(io.get_executor(), wheel, "t-1", a_test(), Scheme::Https, Version::Http11,
                 nullptr),
        live(io.get_executor()) {}

  std::unique_ptr<ReadAhead> ahead() {
    return std::make_unique<ReadAhead>(std::make_unique<LiveSource>(live), exchange);
  }
  // The body to its end, or to its failure.
  awaitable<void> read_to_end(BodySource& body, std::size_t max) {
    for (;;) {
      auto chunk = co_await body.read(max);
      if (!chunk) {
        failure = chunk.error();
        co_return;
      }
      EXPECT_LE(chunk->data.size(), max);
      text += chunk->data;
      trailers = trailers || chunk->trailers.has_value();
      if (chunk->end) co_return;
    }
  }

  awaitable<void> in_pieces(std::size_t max);
  awaitable<void> enough();
  awaitable<void> late();
  awaitable<void> fails();
  awaitable<void> stopped();
  awaitable<void> cancelled();
  awaitable<void> gather(ReadAhead& body, std::optional<bool>& gathered) {
    gathered = co_await body.gather(1024, 10s);
  }
  awaitable<void> left();

  asio::io_context io{1};
  TimerWheel wheel;
  Exchange exchange;
  LiveFeed live;
  Bytes text;
  bool trailers = false;
  std::optional<Failure> failure;
};

awaitable<void> ReadAheads::in_pieces(std::size_t max) {
  live.pieces = {"one ", "two ", "three"};
  live.end = true;
  live.trailers.emplace();
  auto body = ahead();
  const bool gathered = co_await body->gather(6, 1s);
  EXPECT_TRUE(gathered);
  EXPECT_TRUE(body->ready());
  co_await read_to_end(*body, max);
  EXPECT_EQ(text, "one two three");
  EXPECT_TRUE(trailers);
  EXPECT_FALSE(failure);
  co_await exchange.tasks().join();
}
TEST_F(ReadAheads, AreWholeByteByByte) { run(io, in_pieces(1)); }
TEST_F(ReadAheads, AreWholeInPieces) { run(io, in_pieces(5)); }
TEST_F(ReadAheads, AreWholeAtOnce) { run(io, in_pieces(1024)); }

awaitable<void> ReadAheads::enough() {
  live.pieces = {"1234", "5678", "9"};
  auto body = ahead();
  const bool gathered = co_await body->gather(5, 1s);
  EXPECT_TRUE(gathered);
  EXPECT_EQ(live.next, 2U) << "more was read than was asked for";
  auto first = co_await body->read(1024);
  EXPECT_TRUE(first && !first->end && first->data.starts_with("1234"));
  co_await exchange.tasks().join();
}
TEST_F(ReadAheads, ReadNoMoreThanTheyAreAskedFor) { run(io, enough()); }

awaitable<void> ReadAheads::late() {
  live.pieces = {"early "};
  auto body = ahead();
  const bool gathered = co_await body->gather(1024, 20ms);
  EXPECT_TRUE(gathered) << "time is up, and that is no failure";
  EXPECT_TRUE(body->ready());
  auto first = co_await body->read(1024);
  EXPECT_TRUE(first && first->data == "early ");
  EXPECT_FALSE(body->ready()) << "the child still reads";
  live.push("late");
  live.finish();
  co_await read_to_end(*body, 1024);
  EXPECT_EQ(text, "late");
  co_await exchange.tasks().join();
}
TEST_F(ReadAheads, GoOnBehindTheirTime) { run(io, late()); }

awaitable<void> ReadAheads::fails() {
  live.pieces = {"some "};
  live.fail(Failure{Code::UpstreamBroken, "it broke"});
  auto body = ahead();
  const bool gathered = co_await body->gather(1024, 1s);
  EXPECT_TRUE(gathered);
  co_await read_to_end(*body, 1024);
  EXPECT_EQ(text, "some ") << "what came before the failure is an answer, too";
  EXPECT_TRUE(failure && failure->detail == "it broke");
  body->stop(Failure{Code::Denied, "no"});
  EXPECT_FALSE(live.stopped) << "a body that failed is not stopped";
  co_await exchange.tasks().join();
}
TEST_F(ReadAheads, FailBehindWhatCame) { run(io, fails()); }

awaitable<void> ReadAheads::stopped() {
  live.pieces = {"some "};
  auto body = ahead();
  const bool gathered = co_await body->gather(5, 1s);
  EXPECT_TRUE(gathered);
  body->stop(Failure{Code::Denied, "no"});
  EXPECT_TRUE(live.stopped && live.stopped->code == Code::Denied);
  co_await exchange.tasks().join();
}
TEST_F(ReadAheads, StopTheirSource) { run(io, stopped()); }

awaitable<void> ReadAheads::cancelled() {
  live.pieces = {"some "};
  auto body = ahead();
  std::optional<bool> gathered;
  TaskGroup asking(io.get_executor());
  asking.spawn(gather(*body, gathered));
  EXPECT_FALSE(gathered);
  asking.cancel();
  co_await asking.join();
  EXPECT_EQ(gathered, false);
  live.finish();
  co_await exchange.tasks().join();
}
TEST_F(ReadAheads, SayThatTheirReaderWasCancelled) { run(io, cancelled()); }

// The child outlives it: the source is both of theirs.
awaitable<void> ReadAheads::left() {
  live.pieces = {"some "};
  {
    auto body = ahead();
    const bool gathered = co_await body->gather(1024, 20ms);
    EXPECT_TRUE(gathered);
  }
  live.push("late");
  live.finish();
  co_await exchange.tasks().join();
}
TEST_F(ReadAheads, MayBeLeftWhileTheirChildReads) { run(io, left()); }

}  // namespace
}  // namespace bottle
