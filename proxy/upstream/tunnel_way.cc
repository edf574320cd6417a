#include "proxy/upstream/tunnel_way.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "proxy/base/io_wait.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/tls/socket_io.h"
#include "proxy/upstream/connect_answer.h"
#include "proxy/upstream/socket_wait.h"

namespace bottle {

using asio::ip::tcp;
using socket_io::Took;

namespace {

// Takes nothing away: the head's end is known only when it was looked at.
Took peek(int fd, ByteSpan into, std::size_t& n) {
  const ssize_t got = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT | MSG_PEEK);
  if (got > 0) {
    n = static_cast<std::size_t>(got);
    return Took::Some;
  }
  if (got == 0) return Took::End;
  const bool later = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return later ? Took::WouldBlock : Took::Broken;
}

struct Asked {
  ConnectAnswer::State state = ConnectAnswer::State::NeedMore;
  int status = 0;
  std::string words;  // the beginning of a refusal's body
  bool cancelled = false;
  bool ended = false;
};

awaitable<Asked> ask(tcp::socket& socket, SocketWait& wait, Bytes request, std::size_t head_bytes) {
  Asked asked;
  const int fd = socket.native_handle();
  ByteView left = request;
  for (;;) {
    const Took sent = socket_io::send(fd, left);
    if (sent == Took::Some) break;
    asked.ended = sent == Took::Broken;
    if (asked.ended) co_return asked;
    const auto ec = co_await wait_until_ready(socket, tcp::socket::wait_write);
    asked.cancelled = wait.cancelled() || ec == asio::error::operation_aborted;
    if (asked.cancelled) co_return asked;
  }
  ConnectAnswer answer(head_bytes);
  Bytes space(4096, '\0');
  while (answer.state() == ConnectAnswer::State::NeedMore) {
    asked.cancelled = co_await task_cancelled();
    if (asked.cancelled) co_return asked;
    const auto ec = co_await wait_until_ready(socket, tcp::socket::wait_read);
    asked.cancelled = wait.cancelled() || ec == asio::error::operation_aborted;
    if (asked.cancelled) co_return asked;
    std::size_t n = 0;
    const Took took = peek(fd, ByteSpan(space), n);
    if (took == Took::WouldBlock) continue;
    asked.ended = took != Took::Some;
    if (asked.ended) co_return asked;
    std::size_t taken = answer.take(ByteView(space).substr(0, n));
    // Now exactly these are taken; they are there.
    while (taken > 0) {
      std::size_t read = 0;
      const Took again = socket_io::receive(fd, ByteSpan(space).first(taken), read);
      asked.ended = again != Took::Some;
      if (asked.ended) co_return asked;
      taken -= read;
    }
    if (answer.state() == ConnectAnswer::State::Complete && answer.status() >= 300) {
      if (peek(fd, ByteSpan(space), n) == Took::Some) asked.words = first_words({space.data(), n});
    }
  }
  asked.state = answer.state();
  asked.status = answer.status();
  co_return asked;
}

}  // namespace

bool private_by_form(const Destination& destination) {
  constexpr std::array<std::string_view, 4> kInside = {".localhost", ".local", ".internal",
                                                       ".home.arpa"};
  if (destination.kind != HostKind::Name) return false;
  const std::string_view host = destination.host;
  return host.find('.') == std::string_view::npos || host == "home.arpa" ||
         host == "localhost.localdomain" ||
         std::any_of(kInside.begin(), kInside.end(),
                     [host](std::string_view end) { return host.ends_with(end); });
}

Result<void> TunnelWay::vet(const Destination& destination) const {
  if (guard_ == nullptr) return {};
  if (private_by_form(destination)) {
    return Failure(Code::Denied,
                   destination.host + " is a name of this machine's own network, whose address " +
                       "the parent proxy would look up unseen",
                   problem_code::kAddressNotAllowed,
                   "The person who runs the bottle can add the host to --no-proxy and its address "
                   "to --allow-address.");
  }
  if (destination.kind == HostKind::Name) return {};
  const auto address = IpAddress::parse(destination.host);
  if (!address) {
    return Failure(Code::Denied, "the destination's address cannot be read",
                   problem_code::kAddressNotAllowed);
  }
  auto no = guard_->check(*address, destination.port);
  if (no) return *no;
  return {};
}

Failure TunnelWay::unreachable(const Failure& why) const {
  if (why.code == Code::Cancelled) return why;
  if (giver_.kind == TunnelGiver::Scanner) {
    return Failure(Code::ScannerUnavailable,
                   "the scanner at " + giver_.name + " is not reachable: " + why.detail);
  }
  return Failure(Code::ConnectFailed,
                 "the parent proxy " + giver_.name + " is not reachable: " + why.detail,
                 problem_code::kParentUnreachable,
                 "The person who runs the bottle should check the parent's address (--parent).");
}

Failure TunnelWay::broken(const std::string& what) const {
  if (giver_.kind == TunnelGiver::Scanner) {
    return Failure(Code::ScannerUnavailable, "the scanner at " + giver_.name + " " + what);
  }
  return Failure(Code::ConnectFailed, "the parent proxy " + giver_.name + " " + what,
                 problem_code::kParentBroken,
                 "The person who runs the bottle should check that this is an HTTP proxy.");
}

Failure TunnelWay::refused(int status, const std::string& words,
                           const Destination& destination) const {
  const std::string answered = " answered " + std::to_string(status) + " to CONNECT " +
                               destination.host_port() + (words.empty() ? "" : ": " + words);
  if (giver_.kind == TunnelGiver::Scanner) {
    const std::string detail = "the scanner" + answered;
    Failure failure(Code::ScannerUnavailable, detail);
    if (status == 403 || status == 429) failure = Failure(Code::UpstreamDenied, detail);
    if (status == 502 || status == 504) {
      failure = Failure(Code::ConnectFailed, detail, problem_code::kOriginUnreachable);
    }
    failure.by = DecidedBy::Pipelock;
    return failure;
  }
  const std::string detail = "the parent proxy " + giver_.name + answered;
  if (status == 407) {
    const bool had_password = !giver_.authorization.empty();
    return Failure(Code::ConnectFailed, detail, problem_code::kParentAuth,
                   had_password ? "The parent proxy does not accept the user and password; the "
                                  "person who runs the bottle should check them."
                                : "The parent proxy wants a user and a password; the person who "
                                  "runs the bottle should give them (docs/parent-proxy.md).");
  }
  return Failure(Code::ConnectFailed, detail, problem_code::kParentRefused,
                 "The parent proxy does not let this host or port through, or cannot reach it.");
}

awaitable<Result<tcp::socket>> TunnelWay::open(const Destination& destination,
                                               std::uint64_t client) {
  const Result<void> vetted = vet(destination);
  if (!vetted) co_return vetted.error();
  auto socket = co_await hop_.open(destination, client);
  if (!socket) co_return unreachable(socket.error());
  SocketWait wait(*socket);
  Deadline deadline(wheel_, wait, limits_.answer);
  Bytes request = connect_request(destination.host_port(), giver_.authorization);
  const Asked asked = co_await ask(*socket, wait, std::move(request), limits_.head_bytes);
  if (asked.cancelled && !deadline.fired()) {
    co_return Failure{Code::Cancelled, "cancelled while the tunnel was asked for"};
  }
  if (asked.cancelled) {
    if (giver_.kind == TunnelGiver::Scanner) co_return broken("did not answer CONNECT in time");
    co_return Failure(Code::UpstreamTimeout,
                      "the parent proxy " + giver_.name + " did not answer CONNECT " +
                          destination.host_port() + " in time",
                      problem_code::kParentTimeout);
  }
  if (asked.ended) co_return broken("closed the connection instead of answering CONNECT");
  if (asked.state == ConnectAnswer::State::TooLarge) {
    co_return broken("answered CONNECT with a head that is too large");
  }
  if (asked.state != ConnectAnswer::State::Complete) {
    co_return broken("answered CONNECT with something that is not HTTP");
  }
  if (asked.status < 200 || asked.status > 299) {
    co_return refused(asked.status, asked.words, destination);
  }
  co_return std::move(*socket);
}

}  // namespace bottle
