#include "proxy/tls/door.h"

namespace bottle {

using asio::ip::tcp;

Door::Door(const Executor& executor, int descriptor, const TaskGroup& connections,
           std::size_t capacity)
    : listener_(executor, descriptor),
      connections_(connections),
      capacity_(capacity),
      room_made_(executor) {}

awaitable<std::optional<tcp::socket>> Door::next() {
  while (!closed_ && connections_.size() >= capacity_) {
    const bool news = co_await room_made_.wait();
    if (!news) co_return std::nullopt;
  }
  if (closed_) co_return std::nullopt;
  auto socket = co_await listener_.accept();
  co_return std::move(socket);
}

void Door::close() noexcept {
  closed_ = true;
  listener_.close();
  room_made_.set_later();
}

}  // namespace bottle
