#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "proxy/base/cancellable.h"

namespace bottle {

// Lets a Deadline end the waits on a socket, which outlives it.
class SocketWait final : public Cancellable {
 public:
  explicit SocketWait(boost::asio::ip::tcp::socket& socket) noexcept : socket_(socket) {}
  void cancel() noexcept override {
    cancelled_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }

 private:
  boost::asio::ip::tcp::socket& socket_;
  bool cancelled_ = false;
};

}  // namespace bottle
