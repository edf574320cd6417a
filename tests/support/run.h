#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

#include "proxy/base/awaitable.h"

namespace bottle::test {

// Runs one coroutine to its end on a fresh turn of `io`, and everything it started.
inline void run(asio::io_context& io, awaitable<void> body) {
  std::exception_ptr error;
  auto done = [&error](std::exception_ptr e) { error = std::move(e); };
  asio::co_spawn(io.get_executor(), std::move(body), done);
  io.restart();
  io.run();
  if (error) std::rethrow_exception(error);
}

}  // namespace bottle::test
