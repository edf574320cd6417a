// A loop of its own: a socket is registered once, and a coroutine that waits for it is resumed from
// the loop, without a queue, a lock, a cancellation slot or an executor between them.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <coroutine>
#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>

#include "bench/loop/relay.h"

namespace relay {
namespace {

// A coroutine may wait for it. Edges are remembered until they are waited for.
struct Socket {
  Socket(int epoll, int fd_in) : fd(fd_in) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) std::abort();
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(fd); }

  void became_ready() {
    ready = true;
    if (waiter) std::exchange(waiter, nullptr).resume();
  }
  struct Readable {
    Socket& socket;
    [[nodiscard]] bool await_ready() const noexcept { return socket.ready; }
    void await_suspend(std::coroutine_handle<> who) const noexcept { socket.waiter = who; }
    void await_resume() const noexcept { socket.ready = false; }
  };
  [[nodiscard]] Readable readable() noexcept { return {*this}; }

  const int fd;
  bool ready = false;
  std::coroutine_handle<> waiter;
};

// A coroutine that another awaits.
template <class T>
class Task {
 public:
  struct promise_type {
    T value{};
    std::coroutine_handle<> awaiter;
    Task get_return_object() { return Task(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(
          std::coroutine_handle<promise_type> done) const noexcept {
        return done.promise().awaiter;
      }
      void await_resume() const noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_value(T of) { value = of; }
    void unhandled_exception() { std::terminate(); }
  };
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() { handle_.destroy(); }
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> who) noexcept {
    handle_.promise().awaiter = who;
    return handle_;
  }
  T await_resume() { return handle_.promise().value; }

 private:
  Handle handle_;
};

// A coroutine that no other awaits. It frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Task<bool> read_whole(Socket& socket, Buffer& into) {
  into.size = 0;
  while (!is_whole(into.text())) {
    co_await socket.readable();
    if (receive(socket.fd, into) == Took::Over) co_return false;
  }
  co_return true;
}

Detached serve(int epoll, int client_fd, int origin_fd) {
  Socket client(epoll, client_fd);
  Socket origin(epoll, origin_fd);
  const auto buffer = std::make_unique<Buffer>();
  for (;;) {
    const bool asked = co_await read_whole(client, *buffer);
    if (!asked || !send_all(origin.fd, buffer->text())) co_return;
    const bool answered = co_await read_whole(origin, *buffer);
    if (!answered || !send_all(client.fd, buffer->text())) co_return;
  }
}

Detached let_in(int epoll, int listener, std::string_view origin) {
  Socket socket(epoll, listener);
  for (;;) {
    const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
      co_await socket.readable();
      continue;
    }
    const int on = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    serve(epoll, client, dial(origin));
  }
}

}  // namespace

int run_with_epoll(int listener, std::string_view origin) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  let_in(epoll, listener, origin);
  std::array<epoll_event, 128> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      static_cast<Socket*>(events[static_cast<std::size_t>(i)].data.ptr)->became_ready();
    }
  }
}

}  // namespace relay
