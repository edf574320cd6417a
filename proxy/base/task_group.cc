#include "proxy/base/task_group.h"

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <exception>
#include <new>
#include <utility>

namespace bottle {
namespace {

// Without the memory for one wait nothing goes on in this process.
constexpr int kJoinTries = 100;

std::atomic<void (*)(const char*)> crash_hook{nullptr};

void report(const std::exception_ptr& error) noexcept {
  void (*hook)(const char*) = crash_hook.load();
  if (hook == nullptr) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    hook(e.what());
  } catch (...) {
    hook("an exception that is no std::exception");
  }
}

awaitable<void> run(awaitable<void> task) {
  // Cancellation arrives as values (operation_aborted), so that clean-up may still await.
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(task);
}

}  // namespace

TaskGroup::TaskGroup(Executor executor, Children kind)
    : executor_(std::move(executor)), kind_(kind), idle_(executor_) {}

// In every build: an exception may unwind an owner past its join(), and children that go on with
// what is gone would be worse than the end of the process.
TaskGroup::~TaskGroup() {
  if (!children_.empty()) std::abort();
}

TaskGroup::TaskId TaskGroup::spawn(awaitable<void> task) {
  const TaskId id = next_id_++;
  children_.emplace_back();
  const auto child = std::prev(children_.end());
  child->id = id;
  auto done = [this, child](std::exception_ptr error) {
    if (error) {
      report(error);
      if (kind_ == Children::PartsOfOne) cancel();
    }
    finished(child);
  };
  try {
    asio::co_spawn(executor_, run(std::move(task)),
                   asio::bind_cancellation_slot(child->signal.slot(), std::move(done)));
  } catch (const std::bad_alloc&) {
    finished(child);  // it never began
    throw;
  }
  return id;
}

void TaskGroup::finished(ChildList::iterator child) noexcept {
  children_.erase(child);
  if (children_.empty()) idle_.set();
}

void TaskGroup::cancel(TaskId id) noexcept {
  for (Child& child : children_) {
    if (child.id == id) {
      child.signal.emit(asio::cancellation_type::terminal);
      return;
    }
  }
}

void TaskGroup::cancel() noexcept {
  // A cancelled child may end, or start another, while this runs: go by ids, not by position.
  const TaskId last = next_id_;
  TaskId done_up_to = 0;
  for (;;) {
    Child* next = nullptr;
    for (Child& child : children_) {
      if (child.id > done_up_to && child.id < last) {
        next = &child;
        break;
      }
    }
    if (next == nullptr) return;
    done_up_to = next->id;
    next->signal.emit(asio::cancellation_type::terminal);
  }
}

awaitable<void> TaskGroup::join() {
  int failed = 0;
  while (!children_.empty()) {
    bool idle = false;
    try {
      idle = co_await idle_.wait();
    } catch (const std::bad_alloc&) {
      // The children have to end before their owner may, whatever it is that cannot wait for them.
      if (++failed == kJoinTries) throw;
      continue;
    }
    if (!idle) {
      // The owner was cancelled: so are its children, and the wait for them must go on.
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      cancel();
    }
  }
  idle_.reset();
}

void TaskGroup::on_crash(void (*hook)(const char* what)) noexcept { crash_hook.store(hook); }

}  // namespace bottle
