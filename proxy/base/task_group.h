#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <cstddef>
#include <cstdint>
#include <list>

#include "proxy/base/awaitable.h"
#include "proxy/base/event.h"

namespace bottle {

// The children of one owner: the only way to start a coroutine. The owner's last line is
// `co_await tasks.join()`; destroying a group that still has children is a bug.
// A child sees cancellation as Failure/IoStatus values from what it awaits, not as exceptions.
// An exception that leaves a child is a bug of ours, or memory that ran out: it is handed to the
// crash hook. Children that are parts of one thing (a session's loops) are all cancelled then;
// those that have nothing to do with each other (connections) live on.
// An owner whose frame its children use must not let an exception pass before they have ended:
// it catches, cancels, joins, and throws on.
class TaskGroup {
 public:
  using TaskId = std::uint64_t;  // 0 is none

  enum class Children : std::uint8_t { PartsOfOne, Independent };
  explicit TaskGroup(Executor executor, Children kind = Children::PartsOfOne);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  // `target`, which outlives the group's children, is cancelled when an exception leaves a child:
  // the owner may be waiting for something else than its children.
  void ends_on_failure(Cancellable& target) noexcept { target_ = &target; }

  // Starts now, on the caller's stack, until the child first waits. When it throws, the child has
  // not begun; so it does after a part of one thing has failed, until all have been joined.
  TaskId spawn(awaitable<void> task);
  // Tells one child, or all, to stop (terminal: it unwinds). Unknown ids are ignored: the child
  // has ended by itself. Only from within the loop's turn (from other threads: post): Asio 1.81
  // would otherwise keep a bare pointer to a child that may end meanwhile.
  void cancel(TaskId id) noexcept;
  void cancel() noexcept;
  // Until no child is left. When the owner is cancelled while it waits, or was before, the
  // children are cancelled too; it still waits for their end. It keeps trying when memory is short:
  // the children have to end before their owner may.
  awaitable<void> join();

  [[nodiscard]] std::size_t size() const noexcept { return children_.size(); }
  [[nodiscard]] bool empty() const noexcept { return children_.empty(); }

  // Called with what() of an exception that left a child. Process-wide; set once in main.
  static void on_crash(void (*hook)(const char* what)) noexcept;
  // Calls it, for an exception that left something else.
  static void tell_crash(const char* what);

 private:
  struct Child {
    TaskId id = 0;
    asio::cancellation_signal signal;
  };
  using ChildList = std::list<Child>;
  class Place;
  using Bottom = asio::detail::awaitable_thread_entry_point;
  static asio::awaitable<Bottom, Executor> run(awaitable<void> task, Place place);
  void finished(ChildList::iterator child) noexcept;
  awaitable<void> join_all();

  Executor executor_;
  const Children kind_;
  ChildList children_;
  Event idle_;
  TaskId next_id_ = 1;
  Cancellable* target_ = nullptr;
  bool failed_ = false;  // a part; the others end
  int starting_ = 0;     // calls of spawn() that are on the stack
};

}  // namespace bottle
