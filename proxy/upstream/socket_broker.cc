#include "proxy/upstream/socket_broker.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "proxy/base/io_wait.h"
#include "proxy/contract/fd_message.h"

namespace bottle {
namespace {

using asio::ip::tcp;
using Descriptor = asio::posix::stream_descriptor;

Failure unavailable(std::string detail) {
  return Failure{Code::ScannerUnavailable, std::move(detail)};
}

// One wait for an answer, with a descriptor of its own so that ending it ends no other.
class Waiting final : public Cancellable {
 public:
  explicit Waiting(const Executor& executor) : descriptor_(executor) {}
  // False if the process has no descriptor left.
  [[nodiscard]] bool open(int channel) {
    const int copy = ::fcntl(channel, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return false;
    boost::system::error_code ec;
    descriptor_.assign(copy, ec);
    if (ec) ::close(copy);
    return !ec;
  }
  Descriptor& descriptor() noexcept { return descriptor_; }
  void cancel() noexcept override {
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
  }

 private:
  Descriptor descriptor_;
};

// A socket that was asked for and is not waited for any more is the next one's.
struct Owes {
  explicit Owes(std::size_t& owed_in) noexcept : owed(owed_in) {}
  Owes(const Owes&) = delete;
  Owes& operator=(const Owes&) = delete;
  ~Owes() {
    if (!settled) ++owed;
  }
  std::size_t& owed;
  bool settled = false;
};

bool is_tcp_v4(int fd) noexcept {
  const auto option = [fd](int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  return option(SO_DOMAIN) == AF_INET && option(SO_TYPE) == SOCK_STREAM;
}

// The next answer's socket; nothing if there is no answer yet.
Result<std::optional<Fd>> next_answer(int channel) {
  FdMessage answer = receive_message(channel, kSocketGiven.size(), MSG_DONTWAIT);
  if (answer.error == EAGAIN) return std::optional<Fd>();
  if (answer.text.empty()) return unavailable("it has ended");
  if (answer.fds.size() != 1) return unavailable("it gave no socket");
  Fd& fd = answer.fds.front();
  if (answer.text != kSocketGiven || !is_tcp_v4(fd.get())) {
    return unavailable("it gave something other than a TCP socket");
  }
  return std::optional<Fd>(std::move(fd));
}

}  // namespace

SocketBroker::SocketBroker(TimerWheel& wheel, int channel, std::chrono::milliseconds patience)
    : wheel_(wheel), channel_(channel), patience_(patience) {}

awaitable<Result<tcp::socket>> SocketBroker::take() {
  const Executor executor = co_await asio::this_coro::executor;
  Waiting waiting(executor);
  if (!waiting.open(channel_)) co_return unavailable("the proxy has no file descriptor left");
  if (owed_ > 0) {
    --owed_;
  } else if (!send_message(channel_, kAskSocket, {}, MSG_DONTWAIT)) {
    co_return unavailable(errno == EAGAIN ? "it does not answer" : "it has ended");
  }
  Owes owes(owed_);
  Deadline deadline(wheel_, waiting, patience_);
  for (;;) {
    auto answer = next_answer(waiting.descriptor().native_handle());
    if (!answer || *answer) owes.settled = true;
    if (!answer) co_return answer.error();
    if (*answer) {
      tcp::socket socket(executor);
      boost::system::error_code ec;
      Fd& fd = **answer;
      socket.assign(tcp::v4(), fd.get(), ec);
      if (ec) co_return unavailable(ec.message());
      static_cast<void>(fd.release());  // the socket closes it
      co_return std::move(socket);
    }
    const auto ec = co_await wait_until_ready(waiting.descriptor(), Descriptor::wait_read);
    if (!ec) continue;  // perhaps another worker was quicker
    if (deadline.fired()) co_return unavailable("it does not answer");
    co_return Failure{Code::Cancelled, "cancelled while waiting for a socket"};
  }
}

}  // namespace bottle
