#include "proxy/exit/name_server.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <new>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>

#include "proxy/base/io_wait.h"

namespace bottle {
namespace {

using asio::ip::udp;
using namespace std::chrono_literals;

constexpr auto kRefusedWindow = 1min;
// After an error that is not one packet's: the next try, without spinning meanwhile.
constexpr auto kErrorPause = 50ms;
// After memory ran out.
constexpr auto kNoMemoryPause = 2ms;

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
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    bool goes_on = true;
    while (goes_on) {
      bool no_memory = false;
      try {
        goes_on = co_await serve();
      } catch (const std::bad_alloc&) {
        no_memory = true;
      }
      // In place of a wait, which would need memory.
      if (no_memory) std::this_thread::sleep_for(kNoMemoryPause);
    }
  }

  // False: it is closed, or the task was cancelled.
  awaitable<bool> serve() {
    for (;;) {
      const bool cancelled = co_await task_cancelled();
      if (cancelled || !socket_.is_open()) co_return false;
      // One byte more than a query may have: a longer one is not taken for its beginning.
      std::array<char, kMaxDnsMessage + 1> query{};
      udp::endpoint client;
      boost::system::error_code ec;
      const std::size_t n = socket_.receive_from(asio::buffer(query), client, 0, ec);
      if (ec == asio::error::would_block) {
        ec = co_await wait_until_ready(socket_, udp::socket::wait_read);
        if (!ec) continue;
      }
      if (ec == asio::error::operation_aborted || !socket_.is_open()) co_return false;
      if (ec) {
        const bool slept = co_await sleep_for(kErrorPause);
        if (!slept) co_return false;
        continue;
      }
      const auto answer = answer_query(ByteView(query.data(), n), answers_);
      if (!answer || client.port() == 0) continue;
      // An answer that does not fit now is lost, as packets are: the client asks again.
      boost::system::error_code ignored;
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
