// As the proxy does it: waits that end when the socket is ready, system calls of our own.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "bench/loop/relay.h"
#include "proxy/base/io_wait.h"
#include "proxy/base/task_group.h"

namespace relay {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using bottle::awaitable;

awaitable<bool> read_whole(tcp::socket& socket, Buffer& into) {
  into.size = 0;
  while (!is_whole(into.text())) {
    const auto ec = co_await bottle::wait_until_ready(socket, tcp::socket::wait_read);
    if (ec || receive(socket.native_handle(), into) == Took::Over) co_return false;
  }
  co_return true;
}

awaitable<void> serve(tcp::socket client, int origin) {
  tcp::socket upstream(client.get_executor(), tcp::v4(), origin);
  const auto buffer = std::make_unique<Buffer>();
  for (;;) {
    const bool asked = co_await read_whole(client, *buffer);
    if (!asked || !send_all(origin, buffer->text())) co_return;
    const bool answered = co_await read_whole(upstream, *buffer);
    if (!answered || !send_all(client.native_handle(), buffer->text())) co_return;
  }
}

awaitable<void> let_in(tcp::acceptor& acceptor, bottle::TaskGroup& tasks, std::string_view origin) {
  for (;;) {
    const auto ec = co_await bottle::wait_until_ready(acceptor, tcp::acceptor::wait_read);
    if (ec) co_return;
    boost::system::error_code failed;
    tcp::socket client = acceptor.accept(failed);
    if (failed) continue;
    client.set_option(tcp::no_delay(true));
    tasks.spawn(serve(std::move(client), dial(origin)));
  }
}

}  // namespace

int run_with_asio(int listener, std::string_view origin) {
  asio::io_context io(1);
  tcp::acceptor acceptor(io, tcp::v4(), listener);
  acceptor.non_blocking(true);
  bottle::TaskGroup tasks(io.get_executor());
  tasks.spawn(let_in(acceptor, tasks, origin));
  io.run();
  return 0;
}

}  // namespace relay
