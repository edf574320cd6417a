#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "proxy/base/deadline.h"
#include "proxy/base/task_group.h"
#include "proxy/upstream/h2_client.h"
#include "tests/support/interim_log.h"
#include "tests/support/memory_pipe.h"
#include "tests/support/run_until.h"
#include "tests/support/script_handler.h"

namespace bottle::test {

inline Request request(std::string method, std::string target,
                       std::unique_ptr<BodySource> body = {}) {
  Request r;
  r.head.version = Version::Http2;
  r.head.method = std::move(method);
  r.head.authority = "a.test";
  r.head.target = std::move(target);
  r.head.has_body = body != nullptr;
  r.body = std::move(body);
  return r;
}

// H2Client at one end of a pipe; the tests have the other end.
class H2ClientBench : public testing::Test {
 protected:
  H2ClientBench()
      : wheel(io.get_executor()), pipe(io.get_executor(), 64 * 1024), tasks(io.get_executor()) {}

  void start_client() {
    client.emplace(pipe.take_a(), io.get_executor(), wheel, limits);
    tasks.spawn(client_life());
  }
  awaitable<void> client_life() {
    co_await client->run();
    client_over = true;
  }
  std::unique_ptr<Exchange> exchange() {
    return std::make_unique<Exchange>(io.get_executor(), wheel, "x", a_test(), Scheme::Https,
                                      Version::Http2, &hints);
  }
  // One request, whole.
  awaitable<void> ask(std::string method, std::string target, std::unique_ptr<BodySource> body,
                      Result<Bytes>& into) {
    auto x = exchange();
    Request r = request(std::move(method), std::move(target), std::move(body));
    H2Answer answer = co_await client->send(std::move(r), *x);
    if (!answer.response) {
      into = answer.response.error();
    } else {
      last_head = answer.response->head;
      if (answer.response->body) {
        into = co_await read_all(*answer.response->body);
      } else {
        into = Bytes();
      }
    }
    answer.response = Failure{Code::Cancelled, "done with it"};
    x->tasks().cancel();
    co_await x->tasks().join();
  }
  awaitable<void> end() {
    client->drain();
    co_await tasks.join();
    EXPECT_TRUE(client_over);
  }
  awaitable<void> settle() {
    for (int i = 0; i < 50; ++i) co_await asio::post(io, asio::use_awaitable);
  }
  void play(awaitable<void> body_of_test) { run_until_done(io, std::move(body_of_test)); }

  asio::io_context io{1};
  TimerWheel wheel;
  H2ClientLimits limits;
  InterimLog hints;
  MemoryPipe pipe;
  TaskGroup tasks;
  std::optional<H2Client> client;
  ResponseHead last_head;
  bool client_over = false;
};

}  // namespace bottle::test
