// Every single allocation of a connection fails once: the connection may end, nothing else may.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/deadline.h"
#include "proxy/base/io_wait.h"
#include "proxy/base/task_group.h"
#include "proxy/http/byte_queue.h"
#include "proxy/http/fields.h"
#include "proxy/http/http1_session.h"
#include "proxy/http/http2_session.h"
#include "proxy/upstream/fair_queue.h"
#include "tests/support/h2_frames.h"
#include "tests/support/memory_pipe.h"
#include "tests/support/run_until.h"

namespace {

// The allocation that fails; 0: none does.
std::size_t fails_in = 0;
bool failed = false;
std::size_t live = 0;  // bytes that are allocated

void* allocate(std::size_t size) {
  if (fails_in > 0 && --fails_in == 0) {
    failed = true;
    throw std::bad_alloc();
  }
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  live += ::malloc_usable_size(memory);
  return memory;
}

void release(void* memory) noexcept {
  if (memory != nullptr) live -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// Gives back what it is sent. Counts what begins and ends; nothing of its own may fail at the end.
class Echo final : public Handler {
 public:
  std::string next_id() override { return "an-id-that-is-too-long-to-be-stored-in-place"; }
  awaitable<Response> handle(Request request, Exchange& exchange) override {
    ++begun;
    TaskGroup::TaskId watcher = 0;
    if (request.body) watcher = exchange.tasks().spawn(watch(exchange));
    Response response;
    response.head.status = 200;
    response.head.fields.add("x-a-name-of-some-length", Bytes(300, 'v'));
    response.head.has_body = true;
    Bytes all(1000, 'e');
    while (request.body) {
      auto chunk = co_await request.body->read(16 * 1024);
      if (!chunk) {
        response.head.status = 0;
        co_return response;
      }
      all += chunk->data;
      if (chunk->end) break;
    }
    response.body = std::make_unique<BytesSource>(std::move(all));
    // HTTP/1 waits for what goes on after an answer in good order.
    exchange.tasks().cancel(watcher);
    co_return response;
  }
  Response refuse(const Failure&, Exchange&) override {
    Response response;
    response.head.status = 400;
    return response;
  }
  void finished(const Exchange&) noexcept override { ++ended; }

  int begun = 0;
  int ended = 0;

 private:
  // A child that uses the exchange until it is cancelled. Only a handler that runs out of memory
  // leaves it to the session.
  static awaitable<void> watch(Exchange& exchange) {
    Event never(exchange.wheel().executor());
    const bool happened = co_await never.wait();
    exchange.trace.bytes_in += happened ? 1 : 0;
  }
};

struct Client {
  explicit Client(const Executor& executor) : pipe(executor, 256 * 1024) {}
  MemoryPipe pipe;
  std::unique_ptr<Http1Session> h1;
  std::unique_ptr<Http2Session> h2;
};

class OutOfMemory : public testing::TestWithParam<bool> {
 protected:
  OutOfMemory() : wheel(io.get_executor()) {
    destination.host = "a.test";
    destination.port = 443;
  }

  [[nodiscard]] bool is_h2() const { return GetParam(); }

  // As the connection's owner in the proxy, whose stream goes with its frame.
  struct Closes {
    ByteStream& stream;
    ~Closes() { stream.close(); }
  };

  awaitable<void> serve(Client& client) {
    const Closes at_the_end{client.pipe.b()};
    const SessionContext context{io.get_executor(), wheel,        handler, drain, limits, rules,
                                 destination,       Scheme::Https};
    if (is_h2()) {
      Http2Session session(client.pipe.b(), context);
      co_await session.run();
    } else {
      Http1Session session(client.pipe.b(), context, Http1Session::Arrival::Tunnel);
      co_await session.run(Bytes());
    }
  }

  [[nodiscard]] Bytes hello() const {
    return is_h2() ? kClientPreface + settings() + settings_ack() : Bytes();
  }
  [[nodiscard]] Bytes upload(int number) const {
    const Bytes body(3000, 'u');
    if (is_h2()) {
      FieldList fields = request_fields("POST", "/echo");
      fields.emplace_back("x-another-name-of-some-length", Bytes(300, 'f'));
      return headers(2 * number + 1, fields, false) + data(2 * number + 1, body) +
             data(2 * number + 1, body, true);
    }
    return "POST /echo HTTP/1.1\r\nHost: a.test\r\nX-Another-Name-Of-Some-Length: " +
           Bytes(300, 'f') + "\r\nContent-Length: 6000\r\n\r\n" + body + body;
  }

  // Until so many bytes came, or the end.
  static awaitable<std::size_t> hear(ByteStream& stream, std::size_t enough) {
    std::vector<char> space(64 * 1024);
    std::size_t heard = 0;
    while (heard < enough) {
      const IoResult got = co_await stream.read_some(ByteSpan(space));
      if (!got.ok()) break;
      heard += got.n;
    }
    co_return heard;
  }

  // One connection whose n-th allocation fails, beside one that goes on.
  awaitable<void> play(std::size_t nth) {
    TaskGroup connections(io.get_executor(), TaskGroup::Children::Independent);
    Client other(io.get_executor());
    Client victim(io.get_executor());
    connections.spawn(serve(other));
    const Bytes first = hello() + upload(0);
    const Bytes second = upload(1);
    co_await other.pipe.a().write_all(first);
    const std::size_t answered = co_await hear(other.pipe.a(), 7000);
    EXPECT_GE(answered, 7000U);

    failed = false;
    fails_in = nth;
    try {
      connections.spawn(serve(victim));
      co_await victim.pipe.a().write_all(first);
      co_await hear(victim.pipe.a(), 7000);
    } catch (const std::bad_alloc&) {
      // The test's own, or that of the spawn.
    }
    fails_in = 0;

    co_await other.pipe.a().write_all(second);
    const std::size_t again = co_await hear(other.pipe.a(), 7000);
    EXPECT_GE(again, 7000U) << "the other connection must not notice";
    victim.pipe.a().close();
    other.pipe.a().close();
    co_await connections.join();
  }

  asio::io_context io{1};
  TimerWheel wheel;
  Echo handler;
  DrainSignal drain;
  SessionLimits limits;
  RequestRules rules;
  Destination destination;
};

TEST_P(OutOfMemory, EndsNoMoreThanItsConnection) {
  std::size_t nth = 1;
  do {
    SCOPED_TRACE(nth);
    run_until_done(io, play(nth++));
  } while (failed && nth < 5000 && !HasFatalFailure());
  EXPECT_FALSE(failed) << "every allocation had its turn";
  EXPECT_GT(nth, 30U);
  EXPECT_LE(handler.begun, handler.ended) << "each exchange has its line";
}

INSTANTIATE_TEST_SUITE_P(Sessions, OutOfMemory, testing::Bool(),
                         [](const auto& shape) { return shape.param ? "Http2" : "Http1"; });

// ---- the pieces that ends in good order are made of

// Lets the n-th allocation of `act` fail, for each n until there is none.
template <class Act>
void each_fails(Act act) {
  std::size_t nth = 1;
  do {
    SCOPED_TRACE(nth);
    failed = false;
    fails_in = nth++;
    act();
    fails_in = 0;
  } while (failed && nth < 1000 && !testing::Test::HasFatalFailure());
  EXPECT_FALSE(failed) << "every allocation had its turn";
}

awaitable<void> wait_for_bytes(asio::posix::stream_descriptor& from, int& ends) {
  try {
    co_await wait_until_ready(from, asio::posix::descriptor_base::wait_read);
    co_await later_turn();
    co_await sleep_for(1ms);
  } catch (const std::bad_alloc&) {
  }
  ++ends;
}

TEST(Waits, BeginOrThrowInTheCoroutineThatWantsToWait) {
  asio::io_context io{1};
  int begun = 0;
  int ends = 0;
  each_fails([&] {
    int ends_of_pipe[2];
    ASSERT_EQ(::pipe(ends_of_pipe), 0);
    std::optional<asio::posix::stream_descriptor> from;
    TaskGroup tasks(io.get_executor());
    try {
      from.emplace(io, ends_of_pipe[0]);
      tasks.spawn(wait_for_bytes(*from, ends));
      ++begun;
    } catch (const std::bad_alloc&) {
      if (!from) ::close(ends_of_pipe[0]);
    }
    ::close(ends_of_pipe[1]);  // the end is something to read
    for (int i = 0; i < 200 && !tasks.empty(); ++i) {
      io.restart();
      io.run_for(5ms);
    }
    EXPECT_TRUE(tasks.empty()) << "a coroutine was lost";
  });
  EXPECT_GE(ends, begun);
}

TEST(Waits, AWaiterThatHasNoMemoryIsInNoQueue) {
  asio::io_context io{1};
  each_fails([&] {
    FairQueue queue;
    FairQueue::Waiter first(io.get_executor(), Party{1, 1});
    FairQueue::Waiter same_place(io.get_executor(), Party{2, 1});
    for (FairQueue::Waiter* waiter : {&first, &same_place}) {
      try {
        const FairQueue::Stay stay(queue, *waiter);
        EXPECT_FALSE(queue.empty());
      } catch (const std::bad_alloc&) {
      }
      EXPECT_TRUE(queue.empty());
      EXPECT_FALSE(queue.grant_next());
    }
  });
}

TEST(ByteQueues, HaveWhatTheySay) {
  each_fails([] {
    ByteQueue queue;
    std::size_t pushed = 0;
    for (const std::size_t size : {5000U, 10U, 10U, 5000U}) {
      try {
        queue.push(Bytes(size, 'x'));
        pushed += size;
      } catch (const std::bad_alloc&) {
      }
    }
    fails_in = 0;
    std::size_t taken = 0;
    while (!queue.empty()) taken += queue.take(100'000).size();
    EXPECT_EQ(taken, pushed);
  });
}

// An upload that goes out a little slower than it comes: its queue always has something in it.
TEST(Held, AByteQueueThatIsNeverEmptyHoldsWhatItSaysAndNoMore) {
  ByteQueue queue;
  const std::size_t before = live;
  queue.push(Bytes(20'000, 'x'));
  Bytes out(16'000, '\0');
  for (int i = 0; i < 1000; ++i) {
    queue.push(Bytes(16'000, 'x'));
    if (i % 2 == 0) {
      queue.take_into(out.data(), out.size());
    } else {
      for (std::size_t left = 16'000; left > 0;)
        left -= queue.take(std::min<std::size_t>(left, 9'000)).size();
    }
  }
  EXPECT_EQ(queue.size(), 20'000U);
  EXPECT_LT(live - before, 128'000U);
}

TEST(Held, FreedFieldsAndBytesHoldNothing) {
  const std::size_t before = live;
  Fields fields;
  fields.add("a-name", Bytes(10'000, 'v'));
  Bytes bytes(10'000, 'v');
  fields.free();
  free_bytes(bytes);
  EXPECT_EQ(live, before);
  EXPECT_TRUE(fields.empty());
}

}  // namespace
}  // namespace bottle
