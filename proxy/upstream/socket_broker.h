#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>

#include "proxy/base/awaitable.h"
#include "proxy/base/deadline.h"
#include "proxy/base/result.h"

namespace bottle {

// Sockets of another network namespace. A socket belongs to the namespace that it was made in, and
// the scanner's is one that this process is not in; a broker in there makes sockets and sends them
// over a Unix socket (the words of proxy/contract/fd_message.h).
class SocketBroker {
 public:
  // `channel` (a descriptor) stays its owner's and open for as long as this lives. One thread.
  SocketBroker(TimerWheel& wheel, int channel, std::chrono::milliseconds patience);

  // A socket for the caller alone, within `patience`. ScannerUnavailable (the broker has ended, has
  // no socket, or does not answer), Cancelled.
  awaitable<Result<asio::ip::tcp::socket>> take();

 private:
  TimerWheel& wheel_;
  int channel_;
  std::chrono::milliseconds patience_;
  // Answers that will come and have no waiter any more: the next ones need no question.
  std::size_t owed_ = 0;
};

}  // namespace bottle
