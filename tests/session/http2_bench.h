#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/base/deadline.h"
#include "proxy/base/task_group.h"
#include "proxy/http/http2_session.h"
#include "tests/support/h2_frames.h"
#include "tests/support/memory_pipe.h"
#include "tests/support/run_until.h"
#include "tests/support/script_handler.h"

namespace bottle::test {

// A session over a pipe, and a client made of frames at its other end.
class Http2Bench : public testing::Test {
 protected:
  Http2Bench()
      : wheel(io.get_executor()),
        handler(io.get_executor()),
        pipe(io.get_executor(), 64 * 1024),
        tasks(io.get_executor()) {}

  void start() {
    const SessionContext context{io.get_executor(), wheel,        handler, drain, limits, rules,
                                 a_test(),          Scheme::Https};
    session.emplace(pipe.b(), context);
    tasks.spawn(serve());
  }
  awaitable<void> serve() {
    co_await session->run();
    over = true;
  }
  awaitable<void> say(Bytes bytes) {
    const IoResult put = co_await pipe.a().write_all(bytes);
    static_cast<void>(put);
  }
  awaitable<void> greet() {
    const Bytes hello = kClientPreface + settings() + settings_ack();
    co_await say(hello);
  }
  // Reads frames until `enough`; false if the connection ended before.
  awaitable<bool> read_until(std::function<bool()> enough) {
    Deadline patience(wheel, pipe.a(), std::chrono::seconds(5));
    std::vector<char> buffer(16 * 1024);
    while (!enough()) {
      const IoResult got = co_await pipe.a().read_some(ByteSpan(buffer));
      if (!got.ok()) {
        timed_out = patience.fired();
        co_return enough();
      }
      rest.append(buffer.data(), got.n);
      for (auto& f : parse_frames(rest)) frames.push_back(std::move(f));
    }
    co_return true;
  }
  // Until the answer on that stream is whole.
  awaitable<void> until_ended(std::int32_t stream) {
    auto enough = [this, stream] { return ended(stream); };
    const bool done = co_await read_until(enough);
    EXPECT_TRUE(done) << "stream " << stream << " did not end";
  }
  // Until such a frame came.
  awaitable<void> until(std::uint8_t type, std::int32_t stream) {
    auto enough = [this, type, stream] { return has(type, stream); };
    const bool done = co_await read_until(enough);
    EXPECT_TRUE(done) << "no frame of type " << int{type} << " on stream " << stream;
  }
  // Until the session closes the connection.
  awaitable<void> read_to_end() {
    auto never = [] { return false; };
    const bool ended = co_await read_until(never);
    static_cast<void>(ended);
    EXPECT_FALSE(timed_out) << "the session did not close the connection";
  }
  awaitable<void> close_and_join() {
    pipe.a().close();
    co_await tasks.join();
    EXPECT_TRUE(over);
  }
  // Lets everything that is due run.
  awaitable<void> settle() {
    for (int i = 0; i < 50; ++i) co_await asio::post(io, asio::use_awaitable);
  }

  bool has(std::uint8_t type, std::int32_t stream) const {
    return std::any_of(frames.begin(), frames.end(),
                       [&](const SeenFrame& f) { return f.type == type && f.stream == stream; });
  }
  std::ptrdiff_t count(std::uint8_t type) const {
    return std::count_if(frames.begin(), frames.end(),
                         [&](const SeenFrame& f) { return f.type == type; });
  }
  bool ended(std::int32_t stream) const {
    return std::any_of(frames.begin(), frames.end(),
                       [&](const SeenFrame& f) { return f.stream == stream && f.ends(); });
  }
  Bytes body(std::int32_t stream) const {
    Bytes all;
    for (const auto& f : frames) {
      if (f.type == kDataFrame && f.stream == stream) all += f.payload;
    }
    return all;
  }
  std::int64_t rst_code(std::int32_t stream) const {
    for (const auto& f : frames) {
      if (f.type == kRstFrame && f.stream == stream) return f.word();
    }
    return -1;
  }
  std::int64_t goaway_code() const {
    std::int64_t code = -1;
    for (const auto& f : frames) {
      if (f.type == kGoAwayFrame) code = f.word(4);
    }
    return code;
  }
  void play(awaitable<void> body_of_test) { run_until_done(io, std::move(body_of_test)); }

  asio::io_context io{1};
  TimerWheel wheel;
  ScriptHandler handler;
  DrainSignal drain;
  SessionLimits limits;
  RequestRules rules;
  MemoryPipe pipe;
  TaskGroup tasks;
  std::optional<Http2Session> session;
  std::vector<SeenFrame> frames;
  Bytes rest;
  bool over = false;
  bool timed_out = false;
};

}  // namespace bottle::test
