#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>

#include "proxy/base/awaitable.h"
#include "proxy/base/deadline.h"
#include "proxy/exit/dns_answer.h"

namespace bottle {

struct NameServerLimits {
  // Different names of which `refused` is told; each once. More of them do not fill the log.
  std::size_t refused_names_a_minute = 100;
};

// Answers on a UDP socket. Nothing is looked up and no packet goes anywhere but back: no recursion.
class NameServer {
 public:
  // Takes over the bound socket (a descriptor).
  NameServer(boost::asio::io_context& io, TimerWheel& wheel, int socket, NameAnswers answers,
             NameServerLimits limits = {});
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  awaitable<void> run();  // until stop(), or the task is cancelled
  void stop() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bottle
