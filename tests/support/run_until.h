#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "proxy/base/awaitable.h"
#include "proxy/base/task_group.h"

namespace bottle::test {

// Runs one coroutine to its end, and no longer: timers that are still set are not waited for.
inline void run_until_done(asio::io_context& io, awaitable<void> body) {
  std::exception_ptr error;
  bool done = false;
  auto ended = [&error, &done](std::exception_ptr e) {
    error = std::move(e);
    done = true;
  };
  asio::co_spawn(io.get_executor(), std::move(body), ended);
  io.restart();
  while (!done && io.run_one() > 0) {
  }
  if (error) std::rethrow_exception(error);
  ASSERT_TRUE(done) << "the coroutine waits for something that nobody will do";
}

// Cancels from inside the loop, as all code except a test's body does: Asio hands a cancel that
// comes from elsewhere to the loop as a bare pointer, which a task that ends meanwhile leaves
// dangling. Then runs what is due.
inline void cancel_tasks(asio::io_context& io, TaskGroup& tasks) {
  asio::post(io, [&tasks] { tasks.cancel(); });
  io.restart();
  io.poll();
}

}  // namespace bottle::test
