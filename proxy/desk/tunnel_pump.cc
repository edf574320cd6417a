#include "proxy/desk/tunnel_pump.h"

#include <exception>
#include <utility>

#include "proxy/base/io_wait.h"
#include "proxy/base/task_group.h"
#include "proxy/tls/socket_io.h"

namespace bottle {

using asio::ip::tcp;
using socket_io::Took;

namespace {

void set_up(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  // A peer that is gone without a word is noticed long before the idle limit.
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
}

void reset_socket(tcp::socket& socket) noexcept {
  boost::system::error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

}  // namespace

TunnelPump::TunnelPump(tcp::socket& client, tcp::socket& origin, SplicedTunnel& tunnel,
                       TunnelBuffer& buffer, TimerWheel& wheel, DrainSignal& drain,
                       TunnelTimes times, std::shared_ptr<MemoryAccount> account)
    : client_(client),
      origin_(origin),
      tunnel_(tunnel),
      buffer_(buffer),
      drain_(drain),
      drain_begins_(wheel.executor()),
      idle_(wheel, *this),
      times_(times),
      account_(std::move(account)),
      up_{client, origin, TunnelBook::Direction::Up, TunnelEnd::ClientReset,
          TunnelEnd::OriginReset},
      down_{origin, client, TunnelBook::Direction::Down, TunnelEnd::OriginReset,
            TunnelEnd::ClientReset} {
  set_up(client_);
  set_up(origin_);
}

void TunnelPump::stop(TunnelEnd why) noexcept {
  if (stopped_) return;
  stopped_ = true;
  end_ = why;
  boost::system::error_code ignored;
  client_.cancel(ignored);
  origin_.cancel(ignored);
}

void TunnelPump::cancel() noexcept { stop(draining_ ? TunnelEnd::Draining : TunnelEnd::Idle); }

// False: `to` takes no more, and the tunnel has been stopped.
bool TunnelPump::send(Side& side, ByteView data) {
  const Took took = socket_io::send(side.to.native_handle(), data);
  if (took == Took::Broken) {
    stop(side.to_reset);
    return false;
  }
  side.pending.assign(data);
  return true;
}

bool TunnelPump::move_some(Side& side, bool& may_have_more) {
  std::size_t n = 0;
  const ByteSpan room(buffer_.bytes);
  const Took took = socket_io::receive(side.from.native_handle(), room, n);
  may_have_more = took == Took::Some && n == room.size();
  if (took == Took::WouldBlock) return true;
  if (took == Took::Broken) {
    stop(side.from_reset);
    return false;
  }
  if (took == Took::End) {
    boost::system::error_code ignored;
    side.to.shutdown(tcp::socket::shutdown_send, ignored);
    return false;
  }
  progress();
  side.turn.spend_bytes(n);
  const std::size_t allowed = tunnel_.take(side.direction, n);
  const bool sent = send(side, ByteView(buffer_.bytes.data(), allowed));
  if (sent && allowed < n) stop(TunnelEnd::Budget);
  return sent && allowed == n;
}

awaitable<bool> TunnelPump::flush(Side& side) {
  const MemoryHold held(account_, side.pending.size());
  while (!side.pending.empty()) {
    const auto ec = co_await wait_until_ready(side.to, tcp::socket::wait_write);
    if (stopped_) co_return false;
    if (ec) {
      stop(ec == asio::error::operation_aborted ? TunnelEnd::Cancelled : side.to_reset);
      co_return false;
    }
    ByteView data = side.pending;
    const Took took = socket_io::send(side.to.native_handle(), data);
    if (took == Took::Broken) {
      stop(side.to_reset);
      co_return false;
    }
    if (data.size() < side.pending.size()) progress();
    side.pending.erase(0, side.pending.size() - data.size());
  }
  // A tunnel at rest holds no memory.
  free_bytes(side.pending);
  co_return true;
}

// Without memory: the other side must not take this for an end.
awaitable<void> TunnelPump::carry(Side& side) {
  std::exception_ptr failed;
  try {
    co_await carry_on(side);
  } catch (...) {
    failed = std::current_exception();
    stop(TunnelEnd::Cancelled);
  }
  if (failed) std::rethrow_exception(failed);
}

awaitable<void> TunnelPump::carry_on(Side& side) {
  bool may_have_more = true;
  for (;;) {
    const bool flushed = co_await flush(side);
    if (!flushed) co_return;
    // A cancel between two waits would be lost.
    const bool cancelled = co_await task_cancelled();
    if (cancelled) stop(TunnelEnd::Cancelled);
    if (stopped_) co_return;
    if (!may_have_more) {
      const auto ec = co_await wait_until_ready(side.from, tcp::socket::wait_read);
      if (ec == asio::error::operation_aborted) stop(TunnelEnd::Cancelled);
      side.turn.renew();
    } else if (side.turn.spent()) {
      co_await side.turn.give_way();
    }
    if (stopped_) co_return;
    if (!move_some(side, may_have_more)) co_return;
  }
}

awaitable<void> TunnelPump::watch_drain() {
  const bool begins = co_await drain_begins_.wait();
  if (!begins) co_return;
  draining_ = true;
  progress();
}

awaitable<TunnelEnd> TunnelPump::run(Bytes first) {
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup carriers(executor);
  TaskGroup watch(executor);
  const MemoryAccount::EndedBy shed_by(account_.get(), shed_);
  std::exception_ptr failed;
  draining_ = drain_.draining();
  progress();
  drain_.add(drain_begins_);
  try {
    const std::size_t allowed = tunnel_.take(TunnelBook::Direction::Up, first.size());
    if (allowed < first.size()) stop(TunnelEnd::Budget);
    const bool sent = !stopped_ && send(up_, first);
    if (sent) {
      watch.spawn(watch_drain());
      carriers.spawn(carry(up_));
      carriers.spawn(carry(down_));
    }
  } catch (...) {
    failed = std::current_exception();  // out of memory; the carriers use what is here
    carriers.cancel();
  }
  co_await carriers.join();
  drain_.remove(drain_begins_);
  watch.cancel();
  co_await watch.join();
  idle_.disarm();
  const bool in_order = end_ == TunnelEnd::BothEnded && !failed;
  boost::system::error_code ignored;
  if (in_order) {
    client_.close(ignored);
    origin_.close(ignored);
  } else {
    // Each side sees that this is no end of the other's.
    reset_socket(client_);
    reset_socket(origin_);
  }
  if (failed) std::rethrow_exception(failed);
  co_return end_;
}

}  // namespace bottle
