#include "proxy/base/task_group.h"

#include <atomic>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <exception>
#include <new>
#include <utility>

namespace bottle {
namespace {

std::atomic<void (*)(const char*)> crash_hook{nullptr};

void report(const std::exception_ptr& error) noexcept {
  void (*hook)(const char*) = crash_hook.load();
  if (hook == nullptr) return;
  try {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      hook(e.what());
    } catch (...) {
      hook("an exception that is no std::exception");
    }
  } catch (...) {
    // No memory for a line about it either.
  }
}

}  // namespace

// A child's place among the others, which goes with the bottom of its frames.
class TaskGroup::Place {
 public:
  Place(TaskGroup& group, ChildList::iterator child)
      : group_(&group),
        child_(child),
        work_(asio::prefer(group.executor_, asio::execution::outstanding_work.tracked)) {}
  Place(Place&& other) noexcept
      : group_(std::exchange(other.group_, nullptr)),
        child_(other.child_),
        work_(std::move(other.work_)) {}
  Place& operator=(Place&&) = delete;
  ~Place() { leave(nullptr); }

  void leave(const std::exception_ptr& error) noexcept {
    TaskGroup* const group = std::exchange(group_, nullptr);
    if (group == nullptr) return;
    if (error) {
      report(error);
      if (group->kind_ == Children::PartsOfOne) {
        group->failed_ = true;
        group->cancel();
      }
      if (group->target_ != nullptr) group->target_->cancel();
    }
    group->finished(child_);
  }

 private:
  TaskGroup* group_;
  ChildList::iterator child_;
  Executor work_;  // the loop goes on while a child waits for another
};

// As co_spawn has it, with two differences. Neither its beginning nor its end needs memory beyond
// this frame; and the group is told from here, whatever becomes of the frames.
asio::awaitable<TaskGroup::Bottom, Executor> TaskGroup::run(awaitable<void> task, Place place) {
  std::exception_ptr error;
  // Cancellation arrives as values (operation_aborted), so that clean-up may still await.
  co_await asio::this_coro::throw_if_cancelled(false);
  try {
    co_await std::move(task);
  } catch (...) {
    error = std::current_exception();
  }
  place.leave(error);
}

TaskGroup::TaskGroup(Executor executor, Children kind)
    : executor_(std::move(executor)), kind_(kind), idle_(executor_) {}

// In every build: an exception may unwind an owner past its join(), and children that go on with
// what is gone would be worse than the end of the process.
TaskGroup::~TaskGroup() {
  if (!children_.empty()) std::abort();
}

TaskGroup::TaskId TaskGroup::spawn(awaitable<void> task) {
  if (failed_) throw std::bad_alloc();
  const TaskId id = next_id_++;
  children_.emplace_back();
  const auto child = std::prev(children_.end());
  child->id = id;
  Place place(*this, child);
  const asio::cancellation_slot slot = child->signal.slot();
  const asio::cancellation_state state(slot);
  asio::detail::awaitable_thread<Executor> thread(run(std::move(task), std::move(place)), executor_,
                                                  slot, state);
  const auto* loop = executor_.target<asio::io_context::executor_type>();
  if (loop == nullptr || !loop->running_in_this_thread()) {
    auto start = [thread = std::move(thread)]() mutable { thread.launch(); };
    asio::post(executor_, std::move(start));
    return id;
  }
  ++starting_;
  thread.launch();
  --starting_;
  return id;
}

// One that has ended before spawn() returns wakes the owner later: the caller may be what it owns.
void TaskGroup::finished(ChildList::iterator child) noexcept {
  children_.erase(child);
  if (!children_.empty()) return;
  starting_ > 0 ? idle_.set_later() : idle_.set();
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
  return keep_trying([this] { return join_all(); });
}

awaitable<void> TaskGroup::join_all() {
  while (!children_.empty()) {
    const bool idle = co_await idle_.wait_surely();
    if (!idle) {
      // The owner was cancelled: so are its children, and the wait for them must go on.
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      cancel();
    }
  }
  idle_.reset();
  failed_ = false;
}

void TaskGroup::tell_crash(const char* what) {
  if (void (*hook)(const char*) = crash_hook.load()) hook(what);
}

void TaskGroup::on_crash(void (*hook)(const char* what)) noexcept { crash_hook.store(hook); }

}  // namespace bottle
