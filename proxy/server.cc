#include "proxy/server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>

namespace bottle {
namespace {

// Waits for signals on main's thread and passes them on to the workers.
class Control {
 public:
  Control(std::vector<std::unique_ptr<Worker>>& workers, std::chrono::milliseconds drain)
      : workers_(workers), drain_(drain), signals_(io_, SIGTERM, SIGINT), timer_(io_) {
    wait();
  }

  // From a worker's thread, when it has ended.
  void worker_ended() {
    asio::post(io_, [this] {
      if (++ended_ < workers_.size()) return;
      boost::system::error_code ignored;
      signals_.cancel(ignored);
      timer_.cancel();
    });
  }

  [[nodiscard]] bool run() {
    io_.run();
    return !stopped_;
  }

 private:
  void wait() {
    signals_.async_wait([this](boost::system::error_code ec, int) {
      if (ec) return;
      if (draining_) {
        stop();
      } else {
        drain();
      }
      wait();
    });
  }

  void drain() {
    draining_ = true;
    for (auto& worker : workers_) worker->drain();
    timer_.expires_after(drain_);
    timer_.async_wait([this](boost::system::error_code ec) {
      if (!ec) stop();
    });
  }

  void stop() {
    stopped_ = true;
    for (auto& worker : workers_) worker->stop();
  }

  std::vector<std::unique_ptr<Worker>>& workers_;
  std::chrono::milliseconds drain_;
  asio::io_context io_{1};
  asio::signal_set signals_;
  asio::steady_timer timer_;
  std::size_t ended_ = 0;
  bool draining_ = false;
  bool stopped_ = false;
};

}  // namespace

Server::Server(const Shared& shared, Listeners listeners) : shared_(shared) {
  const std::size_t each = connection_budget(shared.config.connections) /
                           std::max<std::size_t>(1, listeners.descriptors.size());
  unsigned index = 0;
  for (const int descriptor : listeners.descriptors) {
    workers_.push_back(
        std::make_unique<Worker>(shared, index++, descriptor, std::max<std::size_t>(1, each)));
  }
}

Server::~Server() = default;

bool Server::run() {
  Control control(workers_, shared_.config.session.drain);
  for (auto& worker : workers_) worker->start([&control] { control.worker_ended(); });
  const bool drained = control.run();
  for (auto& worker : workers_) worker->join();
  return drained;
}

}  // namespace bottle
