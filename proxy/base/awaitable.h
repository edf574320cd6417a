#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/base/keep_trying.h"

namespace bottle {

namespace asio = boost::asio;

using Executor = asio::any_io_executor;
template <class T>
using awaitable = asio::awaitable<T, Executor>;

// The project's completion token: `auto [ec, n] = co_await socket.async_read_some(b, use_tuple);`
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> use_tuple{};

// True once the running task was cancelled by its TaskGroup. A cancel that arrives between two
// waits would be lost otherwise (the wait it hits has already completed), so every primitive that
// may block asks this first.
// Clean-up asks it too, so it keeps trying when memory is short.
inline awaitable<bool> task_cancelled_coroutine() {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}
inline awaitable<bool> task_cancelled() { return keep_trying(task_cancelled_coroutine); }

}  // namespace bottle
