#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <new>

#include "proxy/base/frame_cache.h"
#include "proxy/base/keep_trying.h"

namespace bottle {

namespace asio = boost::asio;

using Executor = asio::any_io_executor;
template <class T>
using awaitable = asio::awaitable<T, Executor>;

// A sanitizer has to see each frame's end.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kCacheFrames = false;
#elif defined(__has_feature)
inline constexpr bool kCacheFrames =
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
inline constexpr bool kCacheFrames = true;
#endif

}  // namespace bottle

// Where Asio gets the memory of a coroutine's frame, and gives it back.
namespace boost::asio::detail {

template <>
inline void* thread_info_base::allocate<thread_info_base::awaitable_frame_tag>(
    awaitable_frame_tag /*purpose*/, thread_info_base* /*thread*/, std::size_t size,
    std::size_t /*align*/) {
  return bottle::kCacheFrames ? bottle::FrameCache::of_thread().take(size) : ::operator new(size);
}

template <>
inline void thread_info_base::deallocate<thread_info_base::awaitable_frame_tag>(
    awaitable_frame_tag /*purpose*/, thread_info_base* /*thread*/, void* frame, std::size_t size) {
  if constexpr (bottle::kCacheFrames) {
    bottle::FrameCache::of_thread().give(frame, size);
  } else {
    ::operator delete(frame);
  }
}

}  // namespace boost::asio::detail

namespace bottle {

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
