#include "proxy/server.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <functional>
#include <new>
#include <optional>
#include <utility>

#include "proxy/ask_desk.h"
#include "proxy/base/keep_trying.h"
#include "proxy/base/run_loop.h"
#include "proxy/config/secrets_file.h"
#include "proxy/control/control_server.h"
#include "proxy/control/kept_policy.h"
#include "proxy/control/kept_secrets.h"
#include "proxy/control_desk.h"
#include "proxy/free_memory.h"
#include "proxy/policy_desk.h"
#include "proxy/secret_desk.h"
#include "proxy/snapshot_store.h"

namespace bottle {
namespace {

// Waits for signals on main's thread and passes them on to the workers.
class Watch {
 public:
  // `link`: null, or where the keeper's orders come, which are taken in the place of signals.
  Watch(std::vector<std::unique_ptr<Worker>>& workers, std::chrono::milliseconds drain,
        const EngineLink* link)
      : workers_(workers),
        drain_(drain),
        link_(link),
        signals_(io_),
        again_(io_),
        timer_(io_),
        lifeline_(io_),
        orders_(io_) {
    if (link_ == nullptr) {
      for (const int number : {SIGTERM, SIGINT}) signals_.add(number);
      again_.add(SIGHUP);
      wait();
    } else {
      orders_.assign(::dup(link_->fd()));
      wait_for_orders();
    }
  }

  // Ends at once when `fd`, which it takes over, ends.
  void hold_on_to(int fd) {
    lifeline_.assign(fd);
    read_lifeline();
  }

  [[nodiscard]] asio::io_context& loop() noexcept { return io_; }
  // Called at each SIGHUP. Before the first call the signal does nothing.
  void on_hangup(std::function<void()> call) {
    hangup_ = std::move(call);
    wait_for_hangup();
  }
  // Called when all workers have ended.
  void at_end(std::function<void()> call) { at_end_ = std::move(call); }

  // From a worker's thread, when it has no client any more.
  void front_ended() {
    surely([this] {
      asio::post(io_, [this] {
        if (++fronts_ended_ < workers_.size()) return;
        for (auto& worker : workers_) surely([&worker] { worker->fronts_have_ended(); });
      });
    });
  }

  // From a worker's thread, when it has ended.
  void worker_ended() {
    surely([this] {
      asio::post(io_, [this] {
        if (++ended_ < workers_.size()) return;
        boost::system::error_code ignored;
        signals_.cancel(ignored);
        again_.cancel(ignored);
        at_end_();
        lifeline_.close(ignored);
        orders_.close(ignored);
        timer_.cancel();
      });
    });
  }

  [[nodiscard]] bool run() {
    run_loop(io_);
    return !stopped_;
  }

 private:
  // A start or an end, and the wait for it, must not be lost when memory is short.
  template <class Act>
  static void surely(Act act) {
    keep_trying([&act] { act(); });
  }

  void wait() {
    surely([this] {
      signals_.async_wait([this](boost::system::error_code ec, int) {
        if (ec) return;
        end();
        wait();
      });
    });
  }

  void end() {
    if (draining_) {
      stop();
    } else {
      drain();
    }
  }

  void wait_for_orders() {
    surely([this] {
      orders_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](boost::system::error_code ec) {
                           if (!ec && take_orders()) wait_for_orders();
                         });
    });
  }

  // False: the keeper is gone.
  bool take_orders() {
    while (const auto order = link_->next()) {
      switch (*order) {
        case KeeperOrder::Terminate:
          end();
          break;
        case KeeperOrder::Reload:
          hang_up();
          break;
        case KeeperOrder::Gone:
          stop();
          return false;
      }
    }
    return true;
  }

  void wait_for_hangup() {
    if (link_ != nullptr) return;
    surely([this] {
      again_.async_wait([this](boost::system::error_code ec, int) {
        if (ec) return;
        hang_up();
        wait_for_hangup();
      });
    });
  }

  // Without memory all stays as it was.
  void hang_up() {
    try {
      if (hangup_) hangup_();
    } catch (const std::bad_alloc&) {
      spdlog::error("policy and secrets stay as they were: out of memory");
    }
  }

  // Nothing that it says means anything.
  void read_lifeline() {
    surely([this] {
      lifeline_.async_read_some(asio::buffer(said_),
                                [this](boost::system::error_code ec, std::size_t) {
                                  if (ec == asio::error::operation_aborted) return;
                                  ec ? stop() : read_lifeline();
                                });
    });
  }

  void drain() {
    draining_ = true;
    for (auto& worker : workers_) surely([&worker] { worker->drain(); });
    timer_.expires_after(drain_);
    surely([this] {
      timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec) stop();
      });
    });
  }

  void stop() {
    stopped_ = true;
    for (auto& worker : workers_) surely([&worker] { worker->stop(); });
  }

  std::vector<std::unique_ptr<Worker>>& workers_;
  std::chrono::milliseconds drain_;
  const EngineLink* const link_;
  asio::io_context io_{1};
  asio::signal_set signals_;
  asio::signal_set again_;
  std::function<void()> hangup_;
  std::function<void()> at_end_ = [] {};
  asio::steady_timer timer_;
  asio::posix::stream_descriptor lifeline_;
  asio::posix::stream_descriptor orders_;
  std::array<char, 512> said_{};
  std::size_t fronts_ended_ = 0;
  std::size_t ended_ = 0;
  bool draining_ = false;
  bool stopped_ = false;
};

// Those of the worker with that index; the first one has what only one can have.
WorkerSockets sockets_of(const OpenListeners& listeners, unsigned index) {
  WorkerSockets sockets;
  sockets.front = listeners.front.descriptors[index];
  for (const Listeners& tls : listeners.tls) sockets.tls.push_back(tls.descriptors[index]);
  for (const Listeners& http : listeners.http) sockets.http.push_back(http.descriptors[index]);
  if (index != 0) return sockets;
  for (const Listeners& exit : listeners.exit) sockets.exit.push_back(exit.descriptors.front());
  if (listeners.exit_names) sockets.exit_names = listeners.exit_names->descriptor;
  if (listeners.names) sockets.names = listeners.names->descriptor;
  return sockets;
}

}  // namespace

Server::Server(const Shared& shared, StartSecrets& secrets, PolicyBook& policy,
               const OpenListeners& listeners, const ControlSocket* control, ReadAgain read_again,
               const EngineLink* link)
    : shared_(shared),
      secrets_(secrets),
      policy_(policy),
      listeners_(listeners),
      control_(control),
      read_again_(std::move(read_again)),
      link_(link) {}

Server::~Server() = default;

void Server::make_workers(const Snapshot& snapshot) {
  const std::size_t workers = listeners_.front.descriptors.size();
  const std::size_t each =
      connection_budget(shared_.config.connections) / std::max<std::size_t>(1, workers);
  for (unsigned index = 0; index < workers; ++index) {
    WorkerSockets sockets = sockets_of(listeners_, index);
    workers_.push_back(std::make_unique<Worker>(shared_, snapshot, index, std::move(sockets),
                                                std::max<std::size_t>(1, each)));
  }
}

void Server::read_again(SecretDesk& secrets, PolicyDesk& policy) const {
  const auto config = read_again_();
  if (config) {
    policy.replace(config->allow, config->routes, "SIGHUP");
  } else {
    spdlog::error("the policy stays as it was: {}", config.error().message);
  }
  read_secrets(secrets);
}

void Server::read_secrets(SecretDesk& desk) const {
  const std::string& file = shared_.config.secrets_file;
  if (file.empty()) return;
  auto handed = read_secrets_file(file);
  if (!handed) {
    spdlog::error("the secrets stay as they were: {}", handed.error().message);
    return;
  }
  if (shared_.logins != nullptr) {
    const auto tokens = shared_.logins->secrets();
    handed->values.insert(handed->values.end(), tokens.begin(), tokens.end());
  }
  desk.replace(std::move(handed->values), "SIGHUP");
}

void Server::take_tokens(SecretDesk& desk) const {
  std::vector<NewSecret> values;
  for (SecretSpec& token : shared_.logins->secrets()) {
    values.push_back(NewSecret{.name = std::move(token.name), .value = std::move(token.value)});
  }
  desk.renew(std::move(values), "a login's refresh");
}

void Server::keep(KeptKind kind, const std::string& text) const {
  if (link_ == nullptr || link_->keep(kind, text)) return;
  spdlog::error("the keeper does not have the last change: it is lost if this process crashes");
}

Expected<bool> Server::run() {
  // First of all: a signal that comes while the secrets are waited for is not lost.
  Watch watch(workers_, shared_.config.session.drain, link_);
  if (shared_.config.end_with_stdin) watch.hold_on_to(::dup(STDIN_FILENO));
  auto first = secrets_.wait();
  if (!first) return first.error();
  first->policy = policy_.policy();
  make_workers(*first);
  std::vector<SnapshotStore::Worker> takers;
  for (auto& worker : workers_) {
    takers.push_back([&worker](Snapshot next, std::function<void(bool)> taken) {
      worker->take(std::move(next), std::move(taken));
    });
  }
  SnapshotStore store(watch.loop(), *first, std::move(takers));
  SecretDesk secrets(secrets_.book(), secrets_.options(), store, shared_.audit);
  PolicyDesk policy(policy_, store, shared_.audit);
  AskDesk asks(watch.loop(), shared_.asks, policy, policy_);
  secrets.on_take([this] { keep(KeptKind::Secrets, to_text(secrets_.book().secrets())); });
  policy.on_take([this] { keep(KeptKind::Policy, to_text(policy_.kept())); });
  policy.on_change([&asks](const std::string& who) { asks.policy_changed(who); });
  ControlDesk desk(secrets, policy, asks);
  std::optional<ControlServer> commands;
  if (control_ != nullptr) commands.emplace(watch.loop(), *control_, desk);
  if (shared_.logins != nullptr) {
    // The workers, which call it, end before the desk.
    shared_.logins->on_change([this, &watch, &secrets] {
      asio::post(watch.loop(), [this, &secrets] { take_tokens(secrets); });
    });
  }
  watch.on_hangup([this, &secrets, &policy] { read_again(secrets, policy); });
  FreeMemory free_memory(watch.loop(), [this] {
    for (auto& worker : workers_) worker->renew_thread_cache();
  });
  watch.at_end([&commands, &asks, &free_memory] {
    commands.reset();
    free_memory.stop();
    asks.close();
  });
  for (auto& worker : workers_) {
    worker->start([&watch] { watch.front_ended(); }, [&watch] { watch.worker_ended(); });
  }
  const bool drained = watch.run();
  for (auto& worker : workers_) worker->join();
  return drained;
}

}  // namespace bottle
