#include "proxy/healthcheck.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

namespace bottle {
namespace {

// Answers one connection with `text` and closes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string text) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_, generic, size), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    EXPECT_EQ(::getsockname(fd_, generic, &size), 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, text = std::move(text)] {
      const int peer = ::accept(fd_, nullptr, nullptr);
      std::array<char, 1024> asked{};
      const auto got = ::recv(peer, asked.data(), asked.size(), 0);
      asked_.assign(asked.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
      ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
      ::close(peer);
    });
  }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer() {
    if (thread_.joinable()) thread_.join();
    ::close(fd_);
  }

  const std::string& url() const { return url_; }
  std::string asked() {
    thread_.join();
    return asked_;
  }

 private:
  int fd_;
  std::string url_;
  std::string asked_;
  std::thread thread_;
};

TEST(Healthcheck, AnyAnswerBelow500IsWell) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"}) {
    OneAnswer peer(answer);
    EXPECT_TRUE(healthcheck(peer.url() + "/health"));
    EXPECT_TRUE(peer.asked().starts_with("GET /health HTTP/1.1\r\n"));
  }
}

TEST(Healthcheck, EverythingElseIsNot) {
  for (const char* answer : {"HTTP/1.1 503 Busy\r\n\r\n", "", "SSH-2.0-server\r\n", "HTTP/1.1 "}) {
    OneAnswer peer(answer);
    EXPECT_FALSE(healthcheck(peer.url())) << answer;
  }
  std::string gone;
  {
    OneAnswer peer("");
    gone = peer.url();
    EXPECT_FALSE(healthcheck(gone));
  }
  EXPECT_FALSE(healthcheck(gone));
  for (const char* wrong : {"", "https://127.0.0.1/", "http://", "127.0.0.1:80"}) {
    EXPECT_FALSE(healthcheck(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace bottle
