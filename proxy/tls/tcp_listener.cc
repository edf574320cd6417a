#include "proxy/tls/tcp_listener.h"

#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

#include "proxy/base/deadline.h"
#include "proxy/base/io_wait.h"

namespace bottle {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

// After an accept failed for want of descriptors: the next try, without spinning meanwhile.
constexpr auto kAcceptPause = 100ms;

tcp protocol_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const bool known = ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  return known && address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4();
}

}  // namespace

TcpListener::TcpListener(const Executor& executor, int descriptor)
    : acceptor_(executor, protocol_of(descriptor), descriptor) {
  acceptor_.non_blocking(true);
  // A client that is gone again is an error to us; Asio would wait for the next one, and block.
  acceptor_.set_option(asio::socket_base::enable_connection_aborted(true));
}

awaitable<std::optional<tcp::socket>> TcpListener::accept() {
  const Executor executor = acceptor_.get_executor();
  for (;;) {
    // One client a turn: what it begins has its first wait before the next one comes.
    co_await later_turn();
    const bool cancelled = co_await task_cancelled();
    if (cancelled || !acceptor_.is_open()) co_return std::nullopt;
    boost::system::error_code ec;
    tcp::socket socket = acceptor_.accept(executor, ec);
    if (!ec) co_return std::move(socket);
    if (ec == asio::error::connection_aborted) continue;
    if (ec == asio::error::would_block) {
      const auto waited = co_await wait_until_ready(acceptor_, tcp::acceptor::wait_read);
      if (!acceptor_.is_open() || waited == asio::error::operation_aborted) co_return std::nullopt;
      if (!waited) continue;
    }
    const bool slept = co_await sleep_for(kAcceptPause);
    if (!slept) co_return std::nullopt;
  }
}

awaitable<bool> TcpListener::client_waits() {
  for (;;) {
    const bool cancelled = co_await task_cancelled();
    if (cancelled || !acceptor_.is_open()) co_return false;
    // The loop may have heard of a client that was taken since.
    pollfd waits{acceptor_.native_handle(), POLLIN, 0};
    if (::poll(&waits, 1, 0) > 0) co_return true;
    const auto ec = co_await wait_until_ready(acceptor_, tcp::acceptor::wait_read);
    if (ec) co_return false;
  }
}

void TcpListener::close() noexcept {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

}  // namespace bottle
