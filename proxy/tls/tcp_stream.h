#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "proxy/base/byte_stream.h"
#include "proxy/base/turn_budget.h"

namespace bottle {

// A connected TCP socket as a ByteStream: writes are tried at once, and a read that follows a short
// one waits before it tries. Turns TCP_NODELAY on. Its socket must belong to the worker's executor.
class TcpStream final : public ByteStream {
 public:
  // `already_read` comes before what the socket brings: bytes that a sniffer took.
  explicit TcpStream(asio::ip::tcp::socket socket, Bytes already_read = {});
  ~TcpStream() override;

  awaitable<IoResult> read_some(ByteSpan into) override;
  awaitable<IoResult> write_all(ByteView data) override;
  awaitable<void> shutdown() override;  // FIN
  void cancel() noexcept override;
  void close() noexcept override;
  [[nodiscard]] bool readable_now() noexcept override;
  // close() with a reset: a peer that takes the connection's end for a body's end must not see one
  // when the body broke.
  void reset() noexcept;

  // Gives the socket away, to start TLS on it, with the bytes that were read ahead and not yet
  // handed out. The stream is closed afterwards. Only with no call pending.
  [[nodiscard]] asio::ip::tcp::socket release(Bytes& unread) noexcept;

 private:
  awaitable<IoStatus> wait(asio::ip::tcp::socket::wait_type what, std::uint64_t cancels);
  awaitable<IoStatus> give_way(TurnBudget& turn, std::uint64_t cancels);

  asio::ip::tcp::socket socket_;
  Bytes unread_;
  TurnBudget reading_;  // of a socket that is always ready
  TurnBudget writing_;
  bool may_have_more_ = true;  // the last recv filled its room
  std::uint64_t cancels_ = 0;  // a call that sees it change while it waits ends with Cancelled
};

}  // namespace bottle
