#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

#include "proxy/base/awaitable.h"

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

}  // namespace bottle::test
