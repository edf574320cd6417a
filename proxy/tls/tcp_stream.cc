#include "proxy/tls/tcp_stream.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "proxy/base/io_wait.h"
#include "proxy/tls/socket_io.h"

namespace bottle {

using asio::ip::tcp;
using socket_io::Took;

TcpStream::TcpStream(tcp::socket socket, Bytes already_read)
    : socket_(std::move(socket)), unread_(std::move(already_read)) {
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
}

TcpStream::~TcpStream() = default;

awaitable<IoStatus> TcpStream::wait(tcp::socket::wait_type what, std::uint64_t cancels) {
  const bool cancelled = co_await task_cancelled();
  if (cancelled || cancels != cancels_) co_return IoStatus::Cancelled;
  const auto ec = co_await wait_until_ready(socket_, what);
  if (cancels != cancels_ || ec == asio::error::operation_aborted) co_return IoStatus::Cancelled;
  co_return ec ? IoStatus::Reset : IoStatus::Ok;
}

awaitable<IoStatus> TcpStream::give_way(TurnBudget& turn, std::uint64_t cancels) {
  co_await turn.give_way();
  const bool cancelled = co_await task_cancelled();
  co_return cancelled || cancels != cancels_ ? IoStatus::Cancelled : IoStatus::Ok;
}

awaitable<IoResult> TcpStream::read_some(ByteSpan into) {
  assert(!into.empty());
  if (!unread_.empty()) {
    const std::size_t n = std::min(into.size(), unread_.size());
    std::memcpy(into.data(), unread_.data(), n);
    unread_.erase(0, n);
    if (unread_.empty()) free_bytes(unread_);
    co_return IoResult{IoStatus::Ok, n};
  }
  const std::uint64_t cancels = cancels_;
  for (;;) {
    if (!may_have_more_) {
      const IoStatus waited = co_await wait(tcp::socket::wait_read, cancels);
      if (waited != IoStatus::Ok) co_return IoResult{waited, 0};
      reading_.renew();
    } else if (reading_.spent()) {
      const IoStatus turn = co_await give_way(reading_, cancels);
      if (turn != IoStatus::Ok) co_return IoResult{turn, 0};
    }
    if (!socket_.is_open()) co_return IoResult{IoStatus::Cancelled, 0};
    std::size_t n = 0;
    const Took took = socket_io::receive(socket_.native_handle(), into, n);
    may_have_more_ = took == Took::Some && n == into.size();
    reading_.spend_bytes(n);
    if (took == Took::Some) co_return IoResult{IoStatus::Ok, n};
    if (took == Took::End) co_return IoResult{IoStatus::Eof, 0};
    if (took == Took::Broken) co_return IoResult{IoStatus::Reset, 0};
  }
}

awaitable<IoResult> TcpStream::write_all(ByteView data) {
  const std::uint64_t cancels = cancels_;
  const std::size_t size = data.size();
  if (writing_.spent()) {
    const IoStatus turn = co_await give_way(writing_, cancels);
    if (turn != IoStatus::Ok) co_return IoResult{turn, 0};
  }
  writing_.spend_bytes(size);
  for (;;) {
    if (!socket_.is_open()) co_return IoResult{IoStatus::Cancelled, size - data.size()};
    const Took took = socket_io::send(socket_.native_handle(), data);
    if (took == Took::Some) co_return IoResult{IoStatus::Ok, size};
    if (took == Took::Broken) co_return IoResult{IoStatus::Reset, size - data.size()};
    const IoStatus waited = co_await wait(tcp::socket::wait_write, cancels);
    if (waited != IoStatus::Ok) co_return IoResult{waited, size - data.size()};
    writing_.renew();
  }
}

awaitable<void> TcpStream::shutdown() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  co_return;
}

void TcpStream::cancel() noexcept {
  ++cancels_;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void TcpStream::close() noexcept {
  ++cancels_;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

bool TcpStream::readable_now() noexcept {
  if (!unread_.empty() || !socket_.is_open()) return true;
  return socket_io::readable(socket_.native_handle());
}

void TcpStream::reset() noexcept {
  boost::system::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

tcp::socket TcpStream::release(Bytes& unread) noexcept {
  unread = std::exchange(unread_, {});
  return std::move(socket_);
}

}  // namespace bottle
