#include "proxy/upstream/socket_broker.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

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

bool ask(int channel) noexcept {
  ssize_t sent = 0;
  do {
    sent = ::send(channel, &SocketBroker::kAsk, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == 1;
}

bool is_tcp_v4(int fd) noexcept {
  const auto option = [fd](int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  return option(SO_DOMAIN) == AF_INET && option(SO_TYPE) == SOCK_STREAM;
}

// The next answer's socket; nothing if there is no answer yet.
Result<std::optional<int>> next_answer(int channel) {
  char word = 0;
  iovec part{&word, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<int>();
  if (got <= 0) return unavailable("it has ended");
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  const bool rights = header != nullptr && header->cmsg_level == SOL_SOCKET &&
                      header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int));
  if (!rights) return unavailable("it gave no socket");
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  if (word == SocketBroker::kGiven && is_tcp_v4(fd)) return std::optional<int>(fd);
  ::close(fd);
  return unavailable("it gave something other than a TCP socket");
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
  } else if (!ask(channel_)) {
    co_return unavailable(errno == EAGAIN ? "it does not answer" : "it has ended");
  }
  Deadline deadline(wheel_, waiting, patience_);
  for (;;) {
    auto answer = next_answer(waiting.descriptor().native_handle());
    if (!answer) co_return answer.error();
    if (*answer) {
      tcp::socket socket(executor);
      boost::system::error_code ec;
      socket.assign(tcp::v4(), **answer, ec);
      if (!ec) co_return std::move(socket);
      ::close(**answer);
      co_return unavailable(ec.message());
    }
    const auto [ec] = co_await waiting.descriptor().async_wait(Descriptor::wait_read, use_tuple);
    if (!ec) continue;  // perhaps another worker was quicker
    ++owed_;
    if (deadline.fired()) co_return unavailable("it does not answer");
    co_return Failure{Code::Cancelled, "cancelled while waiting for a socket"};
  }
}

}  // namespace bottle
