#pragma once

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/error_code.hpp>
#include <utility>

#include "proxy/base/awaitable.h"
#include "proxy/base/place.h"

namespace bottle {

// Operations of Asio that always begin. Asio allocates one after it has suspended the coroutine: an
// exception at that point reaches no coroutine, and Asio destroys their frames without unwinding
// them. Here the operation is in the frame, and the memory for its cancellation is taken before: if
// there is none, the coroutine that wants to wait gets the exception.
using WaitPlace = Place<208>;
using ConnectPlace = Place<320>;

// Takes the memory that Asio needs in the slot of the running coroutine. Throws std::bad_alloc.
void reserve_cancellation(const asio::cancellation_state& state);

// Until a socket or descriptor is ready for `what`, without taking anything from it.
template <class Object>
awaitable<boost::system::error_code> wait_until_ready(Object& object,
                                                      typename Object::wait_type what) {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  reserve_cancellation(state);
  WaitPlace place;
  auto token = asio::bind_allocator(place.allocator(), use_tuple);
  const auto [ec] = co_await object.async_wait(what, std::move(token));
  co_return ec;
}

template <class Socket>
awaitable<boost::system::error_code> connect_socket(Socket& socket,
                                                    typename Socket::endpoint_type endpoint) {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  reserve_cancellation(state);
  ConnectPlace place;
  auto token = asio::bind_allocator(place.allocator(), use_tuple);
  const auto [ec] = co_await socket.async_connect(endpoint, std::move(token));
  co_return ec;
}

// Goes on after everything that is due now, and what has become ready meanwhile.
awaitable<void> later_turn();

}  // namespace bottle
