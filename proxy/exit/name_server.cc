#include "proxy/exit/name_server.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <string>
#include <unordered_set>
#include <utility>

namespace bottle {
namespace {

using asio::ip::udp;
using namespace std::chrono_literals;

constexpr auto kRefusedWindow = 1min;
// After an error that is not one packet's: the next try, without spinning meanwhile.
constexpr auto kErrorPause = 50ms;

udp protocol_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const bool known = ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  return known && address.ss_family == AF_INET6 ? udp::v6() : udp::v4();
}

}  // namespace

class NameServer::Impl {
 public:
  Impl(boost::asio::io_context& io, TimerWheel& wheel, int socket, NameAnswers answers,
       NameServerLimits limits)
      : wheel_(wheel),
        socket_(io, protocol_of(socket), socket),
        answers_(std::move(answers)),
        limits_(limits) {
    told_ = std::move(answers_.refused);
    answers_.refused = [this](std::string_view name) { refused(name); };
  }

  awaitable<void> run() {
    while (socket_.is_open()) {
      const bool cancelled = co_await task_cancelled();
      if (cancelled) co_return;
      // One byte more than a query may have: a longer one is not taken for its beginning.
      std::array<char, kMaxDnsMessage + 1> query{};
      udp::endpoint client;
      auto [ec, n] = co_await socket_.async_receive_from(asio::buffer(query), client, use_tuple);
      if (ec == asio::error::operation_aborted || !socket_.is_open()) co_return;
      if (ec) {
        const bool slept = co_await sleep_for(kErrorPause);
        if (!slept) co_return;
        continue;
      }
      const auto answer = answer_query(ByteView(query.data(), n), answers_);
      if (!answer || client.port() == 0) continue;
      // An answer that does not fit now is lost, as packets are: the client asks again.
      boost::system::error_code ignored;
      socket_.non_blocking(true, ignored);
      socket_.send_to(asio::buffer(*answer), client, 0, ignored);
    }
  }

  void stop() noexcept {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  void refused(std::string_view name) {
    const auto now = wheel_.now();
    if (now >= window_end_) {
      seen_.clear();
      window_end_ = now + kRefusedWindow;
    }
    if (seen_.size() >= limits_.refused_names_a_minute) return;
    const bool is_new = seen_.emplace(name).second;
    if (is_new && told_) told_(name);
  }

  TimerWheel& wheel_;
  udp::socket socket_;
  NameAnswers answers_;
  NameServerLimits limits_;
  std::function<void(std::string_view name)> told_;
  std::unordered_set<std::string> seen_;  // refused in the current window
  Clock::time_point window_end_{};
};

NameServer::NameServer(boost::asio::io_context& io, TimerWheel& wheel, int socket,
                       NameAnswers answers, NameServerLimits limits)
    : impl_(std::make_unique<Impl>(io, wheel, socket, std::move(answers), limits)) {}

NameServer::~NameServer() = default;

awaitable<void> NameServer::run() { return impl_->run(); }

void NameServer::stop() noexcept { impl_->stop(); }

}  // namespace bottle
