#include "proxy/tls/door.h"

#include <algorithm>
#include <new>
#include <thread>
#include <utility>

namespace bottle {

using asio::ip::tcp;

namespace {

// A connection that was told to end does so within a few turns of the loop; one whose peer takes
// nothing needs a moment longer, and the next one is not held up by it.
constexpr std::chrono::milliseconds kEnding{20};
// Memory comes back without a word.
constexpr std::chrono::milliseconds kMemoryLook{100};

// After memory ran out: others give some back meanwhile.
constexpr std::chrono::milliseconds kBreath{50};

}  // namespace

Door::Door(TimerWheel& wheel, int descriptor, const TaskGroup& connections, std::size_t capacity,
           IdleList& idle, const MemoryBudget* memory)
    : wheel_(wheel),
      listener_(wheel.executor(), descriptor),
      connections_(connections),
      capacity_(capacity),
      idle_(idle),
      memory_(memory),
      room_made_(wheel.executor()),
      breath_(wheel.executor()) {
  idle_.add_waiter(room_made_);
}

Door::~Door() { idle_.remove_waiter(room_made_); }

awaitable<std::optional<tcp::socket>> Door::next() {
  for (;;) {
    // No connection has to go before somebody wants its place. Memory may become short meanwhile.
    const bool wanted = co_await listener_.client_waits();
    if (!wanted || closed_) co_return std::nullopt;
    if (!full()) break;
    const bool room = co_await make_room();
    if (!room) co_return std::nullopt;
  }
  auto socket = co_await listener_.accept();
  co_return std::move(socket);
}

awaitable<void> Door::let_in(std::function<void(tcp::socket)> take) {
  Deadline breathes(wheel_, breath_);
  for (;;) {
    bool open = true;
    bool no_memory = false;
    try {
      open = co_await let_one_in(take);
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
    if (!open) co_return;
    if (!no_memory) continue;
    breathes.arm(kBreath);
    try {
      co_await breath_.wait();
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(kBreath);  // not even for this: nothing goes on anyway
    }
  }
}

awaitable<bool> Door::let_one_in(const std::function<void(tcp::socket)>& take) {
  auto socket = co_await next();
  if (!socket) co_return false;
  take(std::move(*socket));
  co_return true;
}

// False: the task was cancelled.
awaitable<bool> Door::make_room() {
  Deadline again(wheel_, room_made_);
  bool patient = idle_.ending() > 0;
  while (!closed_ && full()) {
    std::optional<std::chrono::milliseconds> wait = kEnding;
    if (!patient) wait = idle_.evict_oldest(wheel_.now());
    if (!wait && short_of_memory()) wait = kMemoryLook;
    if (wait) again.arm(std::max(*wait, kEnding));
    const bool news = co_await room_made_.wait();
    const bool cancelled = co_await task_cancelled();
    if (cancelled) co_return false;
    // For memory they end one at a time: it may be others that hold it.
    patient = news && (idle_.ending() > 0 || short_of_memory());
  }
  co_return true;
}

void Door::close() noexcept {
  closed_ = true;
  listener_.close();
  room_made_.set_later();
  breath_.cancel();
}

}  // namespace bottle
