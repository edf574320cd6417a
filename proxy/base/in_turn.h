#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "proxy/base/awaitable.h"
#include "proxy/base/place.h"

namespace bottle {

// Has `work` run in a later turn of the loop, in a place that is free until then. Allocates nothing
// and throws nothing where the executor is a loop's, as all of ours are.
template <std::size_t kSize, class Work>
void run_in_turn(const Executor& executor, Place<kSize>& place, Work work) {
  if (const auto* loop = executor.target<asio::io_context::executor_type>()) {
    asio::require(*loop, asio::execution::blocking.never,
                  asio::execution::allocator(place.allocator()))
        .execute(std::move(work));
    return;
  }
  asio::post(executor, std::move(work));
}

}  // namespace bottle
