#include "proxy/base/turn_budget.h"

#include "proxy/base/io_wait.h"

namespace bottle {

awaitable<void> TurnBudget::give_way() {
  renew();
  co_await later_turn();
}

}  // namespace bottle
