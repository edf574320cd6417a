#include "proxy/base/turn_budget.h"

#include <boost/asio/post.hpp>

namespace bottle {

awaitable<void> TurnBudget::give_way() {
  renew();
  const Executor executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable_t<Executor>());
}

}  // namespace bottle
