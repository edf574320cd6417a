#include "launcher/backend/port_forward.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <iostream>
#include <list>
#include <optional>

#include "launcher/backend/bottle_control.h"
#include "proxy/contract/byte_pump.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kConnectLimit{10};
// While the machine has no descriptors left.
constexpr std::chrono::milliseconds kAcceptPause{100};

// One connection: a client of this machine, and the bottle's port.
class Forwarded {
 public:
  Forwarded(Fd client, std::uint16_t port, PortDialer& dialer, std::chrono::milliseconds left_limit)
      : client_(std::move(client)), port_(port), dialer_(dialer), left_limit_(left_limit) {
    try_next();
  }

  void wanted(std::span<pollfd, BytePump::kSlots> slots) const {
    std::fill(slots.begin(), slots.end(), pollfd{-1, 0, 0});
    if (pump_) {
      pump_->wanted(slots);
    } else {
      slots[0] = {server_.get(), POLLOUT, 0};
    }
  }
  // False: it has ended.
  bool move(bool ready) {
    if (pump_) return ready ? carry() : !is_left();
    if (!server_) return false;
    if (ready) connected();
    return pump_.has_value() || (server_ && Clock::now() < until_);
  }

 private:
  void try_next() {
    server_.reset();
    while (!server_ && attempt_ < dialer_.attempts()) server_ = dialer_.dial(port_, attempt_++);
    until_ = Clock::now() + kConnectLimit;
  }
  void connected() {
    if (connect_result(server_) != 0) return try_next();
    client_number_ = client_.get();
    pump_.emplace(BytePump::Stream{std::move(client_)}, BytePump::Stream{std::move(server_)});
    moved_ = Clock::now();
  }
  bool carry() {
    moved_ = Clock::now();
    return pump_->move();
  }
  // The pump does not see that the client has ended while the server takes nothing.
  bool is_left() const {
    if (Clock::now() - moved_ < left_limit_) return false;
    pollfd client{client_number_, POLLRDHUP, 0};
    return ::poll(&client, 1, 0) == 1;
  }

  Fd client_;
  Fd server_{};
  std::uint16_t port_;
  PortDialer& dialer_;
  std::chrono::milliseconds left_limit_;
  unsigned attempt_ = 0;
  Clock::time_point until_{};
  std::optional<BytePump> pump_{};
  int client_number_ = -1;  // of the descriptor that the pump has
  Clock::time_point moved_{};
};

class Forwarder {
 public:
  Forwarder(std::vector<HostPort>& ports, PortDialer& dialer, int ended, SignalWatch* signals,
            std::chrono::milliseconds left_limit)
      : ports_(ports), dialer_(dialer), ended_(ended), signals_(signals), left_limit_(left_limit) {}

  int run() {
    for (;;) {
      wait();
      if (fds_[0].revents != 0) return 0;
      if (const int signal = end_signal(); signal != 0) return signal;
      move_all();
      for (std::size_t i = 0; i < ports_.size(); ++i) {
        if (fds_[kFixed + i].revents != 0) accept_from(ports_[i]);
      }
    }
  }

 private:
  static constexpr std::size_t kFixed = 2;  // the end, and signals

  void wait() {
    const bool full = connections_.size() >= kMaxForwarded || Clock::now() < accept_again_;
    fds_.assign({{ended_, POLLIN, 0}, {signals_ == nullptr ? -1 : signals_->fd(), POLLIN, 0}});
    for (const auto& port : ports_) fds_.push_back({full ? -1 : port.listener.get(), POLLIN, 0});
    for (const auto& one : connections_) {
      fds_.resize(fds_.size() + BytePump::kSlots);
      one.wanted(std::span<pollfd, BytePump::kSlots>(fds_.end() - BytePump::kSlots, fds_.end()));
    }
    // The tick ends connections that are not made in time, or were left.
    const auto tick = connections_.empty() && !full ? -1 : static_cast<int>(kAcceptPause.count());
    if (::poll(fds_.data(), fds_.size(), tick) <= 0) {
      for (auto& fd : fds_) fd.revents = 0;
    }
  }

  int end_signal() {
    while (signals_ != nullptr) {
      const auto signal = signals_->next();
      if (!signal) break;
      for (const int ends : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
        if (*signal == ends) return ends;
      }
      if (*signal == SIGTSTP) ::raise(SIGSTOP);
    }
    return 0;
  }

  void move_all() {
    auto at = fds_.begin() + static_cast<std::ptrdiff_t>(kFixed + ports_.size());
    const auto before = connections_.size();
    for (auto one = connections_.begin(); one != connections_.end();) {
      const auto next = at + BytePump::kSlots;
      const bool ready = std::any_of(at, next, [](const pollfd& fd) { return fd.revents != 0; });
      one = one->move(ready) ? std::next(one) : connections_.erase(one);
      at = next;
    }
    if (connections_.size() != before) dialer_.tidy();
  }

  void accept_from(const HostPort& port) {
    while (connections_.size() < kMaxForwarded) {
      Fd client(::accept4(port.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!client) {
        const bool short_of =
            errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (short_of) accept_again_ = Clock::now() + kAcceptPause;
        return;
      }
      connections_.emplace_back(std::move(client), port.rule.inside, dialer_, left_limit_);
    }
  }

  std::vector<HostPort>& ports_;
  PortDialer& dialer_;
  int ended_;
  SignalWatch* signals_;
  std::chrono::milliseconds left_limit_;
  std::list<Forwarded> connections_{};
  std::vector<pollfd> fds_{};
  Clock::time_point accept_again_{};
};

}  // namespace

int forward_ports(std::vector<HostPort>& ports, PortDialer& dialer, int ended, SignalWatch* signals,
                  std::chrono::milliseconds left_limit) {
  ::signal(SIGPIPE, SIG_IGN);
  return Forwarder(ports, dialer, ended, signals, left_limit).run();
}

Expected<Child> start_forwarding(std::vector<HostPort>& ports, BottleControl& control,
                                 const BottleRecord& bottle) {
  const Fd launcher = open_process(bottle.launcher);
  std::vector<int> kept{launcher.get()};
  for (const auto& port : ports) kept.push_back(port.listener.get());
  return fork_child([&ports, &control, &bottle, &launcher, kept] {
    ::setsid();           // a terminal's Ctrl-C is the launcher's to answer
    close_all_but(kept);  // not the launcher's secrets and leases
    const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int number : {STDIN_FILENO, STDOUT_FILENO}) ::dup2(nothing.get(), number);
    const auto dialer = control.port_dialer(bottle);
    if (!dialer) {
      std::cerr << "bottle: warning: no port is opened: " << dialer.error().message << "\n";
      return static_cast<int>(dialer.error().code);
    }
    return forward_ports(ports, **dialer, launcher.get(), nullptr);
  });
}

}  // namespace bottle::launcher
