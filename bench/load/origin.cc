// bottle-bench-origin answers HTTP/1.1 at once and costs next to nothing: an origin behind peers
// that end TLS, and a scanner's stand-in that lets everything pass and answers itself. GET /bytes/N
// has N bytes; GET /events/N is a stream of N events, one each 10 ms, with the time of its sending;
// everything else has 1 KiB. One thread.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr std::size_t kPiece = 64 * 1024;

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBetweenEvents{10};

double uptime() {
  static const auto begun = Clock::now();
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

struct Peer {
  std::string head;
  bool asked = false;       // `head` is whole, and its answer comes behind the request's body
  std::size_t to_skip = 0;  // of that body
  std::string out;
  std::size_t to_fill = 0;  // bytes of an answer's body that are not in `out` yet
  std::size_t events = 0;   // that are not sent yet
  Clock::time_point next_event;
};

std::size_t number_after(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  const auto at = std::search(text.begin(), text.end(), word.begin(), word.end(), same);
  return at == text.end() ? 0 : std::strtoull(&*at + word.size(), nullptr, 10);
}

void answer(Peer& peer) {
  const std::string_view head = peer.head;
  const std::string_view line = head.substr(0, head.find("\r\n"));
  std::array<char, 64> health{};
  peer.events = line.find("/events/") != line.npos ? number_after(line, "/events/") : 0;
  if (peer.events > 0) {
    peer.next_event = Clock::now() + kBetweenEvents;
    peer.out +=
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nServer: bench\r\n"
        "Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n";
    peer.head.clear();
    peer.asked = false;
    return;
  }
  const bool asks = line.find(" /health ") != line.npos;
  std::size_t size = line.find("/bytes/") != line.npos ? number_after(line, "/bytes/") : 1024;
  if (asks) {
    size = static_cast<std::size_t>(std::snprintf(
        health.data(), health.size(), R"({"status":"healthy","uptime_seconds":%.3f})", uptime()));
  }
  peer.out += "HTTP/1.1 200 OK\r\nContent-Type: ";
  peer.out += asks ? "application/json" : "application/octet-stream";
  peer.out +=
      "\r\nServer: bench\r\nCache-Control: no-store\r\nContent-Length: " + std::to_string(size) +
      "\r\n\r\n";
  if (asks) {
    peer.out.append(health.data(), size);
  } else {
    peer.to_fill = size;
  }
  peer.head.clear();
  peer.asked = false;
}

// False: the connection is over.
bool flush(int fd, Peer& peer) {
  for (;;) {
    if (peer.out.size() < kPiece && peer.to_fill > 0) {
      const std::size_t n = std::min(peer.to_fill, kPiece);
      peer.out.append(n, 'b');
      peer.to_fill -= n;
    }
    if (peer.out.empty()) return true;
    const ssize_t sent = ::send(fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    peer.out.erase(0, static_cast<std::size_t>(sent));
  }
}

// An event that is due, in a chunk of its own. The client reads the same clock.
bool send_event(int fd, Peer& peer) {
  std::array<char, 128> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "data: {\"text\":\" word\",\"sent\":%lld}\n\n",
      static_cast<long long>(Clock::now().time_since_epoch() / std::chrono::nanoseconds(1)));
  std::array<char, 16> length{};
  std::snprintf(length.data(), length.size(), "%x\r\n", static_cast<unsigned>(size));
  peer.out += length.data();
  peer.out += text.data();
  peer.out += --peer.events > 0 ? "\r\n" : "\r\n0\r\n\r\n";
  // Counts from when it was due, so that the pace stays.
  peer.next_event += kBetweenEvents;
  return flush(fd, peer);
}

using Peers = std::unordered_map<int, std::unique_ptr<Peer>>;

// Sends what is due on `streams`, and takes those that have ended from it. Milliseconds until the
// next event is due; -1: there is none.
int send_due(Peers& peers, std::set<int>& streams) {
  auto next = Clock::time_point::max();
  for (auto at = streams.begin(); at != streams.end();) {
    const int fd = *at;
    Peer& peer = *peers[fd];
    const bool lives = peer.next_event > Clock::now() || send_event(fd, peer);
    if (lives && peer.events > 0) {
      next = std::min(next, peer.next_event);
      ++at;
      continue;
    }
    at = streams.erase(at);
    if (lives) continue;
    peers.erase(fd);
    ::close(fd);
  }
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

bool serve(int fd, Peer& peer) {
  static std::array<char, kPiece> piece;
  for (;;) {
    const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got < 0) return errno == EAGAIN && flush(fd, peer);
    if (got == 0) return false;
    std::string_view in(piece.data(), static_cast<std::size_t>(got));
    while (!in.empty()) {
      if (!peer.asked) {
        const std::size_t before = peer.head.size();
        peer.head += in;
        const std::size_t end = peer.head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos) break;
        in.remove_prefix(end + 4 - before);
        peer.head.resize(end + 4);
        peer.asked = true;
        peer.to_skip = number_after(peer.head, "\r\ncontent-length:");
      }
      const std::size_t skipped = std::min(peer.to_skip, in.size());
      peer.to_skip -= skipped;
      in.remove_prefix(skipped);
      if (peer.to_skip == 0) answer(peer);
    }
    if (!flush(fd, peer)) return false;
    if (got < static_cast<ssize_t>(piece.size())) return true;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  uptime();
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  socklen_t size = sizeof at;
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(listener, 1024) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    std::fprintf(stderr, "bottle-bench-origin: %s\n", std::strerror(errno));
    return 1;
  }
  std::printf("127.0.0.1:%d\n", ntohs(at.sin_port));
  std::fflush(stdout);
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  Peers peers;
  std::set<int> streams;
  std::array<epoll_event, 256> events{};
  for (;;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()),
                                   send_due(peers, streams));
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != listener) {
        Peer& peer = *peers[fd];
        if (serve(fd, peer)) {
          if (peer.events > 0) streams.insert(fd);
          continue;
        }
        streams.erase(fd);
        peers.erase(fd);
        ::close(fd);
        continue;
      }
      for (int made = 0;
           (made = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event of{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.fd = made}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, made, &of);
        peers[made] = std::make_unique<Peer>();
      }
    }
  }
}
