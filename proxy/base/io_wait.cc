#include "proxy/base/io_wait.h"

#include <boost/asio/async_result.hpp>
#include <cstddef>
#include <utility>

#include "proxy/base/in_turn.h"

namespace bottle {
namespace {

// As large as what Asio puts in its place: the slot reuses the memory.
struct CancellationRoom {
  std::byte bytes[96]{};
  void operator()(asio::cancellation_type) const noexcept {}
};

}  // namespace

void reserve_cancellation(const asio::cancellation_state& state) {
  auto slot = state.slot();
  if (slot.is_connected()) slot.emplace<CancellationRoom>();
}

awaitable<void> later_turn() {
  const Executor executor = co_await asio::this_coro::executor;
  Place<64> place;
  auto start = [&executor, &place](auto handler) {
    run_in_turn(executor, place,
                [handler = std::move(handler)]() mutable { std::move(handler)(); });
  };
  const asio::use_awaitable_t<Executor> token;
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(start, token);
}

}  // namespace bottle
