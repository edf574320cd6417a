#include "proxy/upstream/dialer.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "certs/server_name.h"
#include "proxy/base/event.h"
#include "proxy/base/io_wait.h"
#include "proxy/base/task_group.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/tls/tcp_stream.h"
#include "proxy/upstream/socket_wait.h"

namespace bottle {

using asio::ip::tcp;

namespace {

// Shared by the attempts of one dial; lives in the frame of connect_first(), which joins them.
struct Race {
  explicit Race(Executor executor) : changed(std::move(executor)) {}

  Event changed;  // an attempt has ended
  std::optional<tcp::socket> winner;
  std::size_t running = 0;
  boost::system::error_code last_error;
  bool no_memory = false;  // for an attempt
};

awaitable<void> attempt(Race& race, Endpoint endpoint) {
  const Executor executor = co_await asio::this_coro::executor;
  try {
    tcp::socket socket(executor);
    const auto ec = co_await connect_socket(socket, endpoint);
    if (ec) {
      if (ec != asio::error::operation_aborted) race.last_error = ec;
    } else if (!race.winner) {
      race.winner.emplace(std::move(socket));
    }
  } catch (const std::bad_alloc&) {
    race.no_memory = true;
  }
  --race.running;
  race.changed.set_later();
}

enum class Waited : unsigned char { News, StaggerOver, TimeOver, Cancelled };

// Until an attempt has ended, or it is time for the next one.
awaitable<Waited> wait_for_news(TimerWheel& wheel, Race& race, Clock::time_point end,
                                std::chrono::milliseconds at_most) {
  const Clock::time_point now = wheel.now();
  if (now >= end) co_return Waited::TimeOver;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
  Deadline due(wheel, race.changed, std::min(left, at_most));
  const bool happened = co_await race.changed.wait();
  if (happened) co_return Waited::News;
  if (!due.fired()) co_return Waited::Cancelled;
  co_return left <= at_most ? Waited::TimeOver : Waited::StaggerOver;
}

IpAddress to_ip(const asio::ip::address& address) {
  if (address.is_v4()) return IpAddress::from_v4(address.to_v4().to_bytes());
  return IpAddress::from_v6(address.to_v6().to_bytes());
}

}  // namespace

std::vector<Endpoint> interleave(const std::vector<Endpoint>& endpoints, std::size_t most) {
  std::vector<Endpoint> out;
  if (endpoints.empty()) return out;
  bool want_v6 = endpoints.front().address().is_v6();
  std::vector<Endpoint> left = endpoints;
  while (!left.empty() && out.size() < most) {
    auto next = std::find_if(left.begin(), left.end(), [want_v6](const Endpoint& endpoint) {
      return endpoint.address().is_v6() == want_v6;
    });
    if (next == left.end()) next = left.begin();
    if (std::find(out.begin(), out.end(), *next) == out.end()) out.push_back(*next);
    left.erase(next);
    want_v6 = !want_v6;
  }
  return out;
}

awaitable<Result<tcp::socket>> connect_first(TimerWheel& wheel, std::vector<Endpoint> endpoints,
                                             DialLimits limits) {
  const Executor executor = co_await asio::this_coro::executor;
  const Clock::time_point end = wheel.now() + limits.connect;
  const std::vector<Endpoint> candidates = interleave(endpoints, limits.candidates);
  Race race(executor);
  TaskGroup attempts(executor);
  Waited waited = Waited::News;
  std::size_t started = 0;
  std::exception_ptr failed;
  try {
    while (!race.winner && !race.no_memory && (started < candidates.size() || race.running > 0)) {
      if (started < candidates.size() && (race.running == 0 || waited == Waited::StaggerOver)) {
        ++race.running;
        attempts.spawn(attempt(race, candidates[started]));
        ++started;
      }
      const bool more = started < candidates.size();
      const auto patience = more ? limits.stagger : limits.connect;
      waited = co_await wait_for_news(wheel, race, end, patience);
      if (waited == Waited::TimeOver || waited == Waited::Cancelled) break;
    }
  } catch (...) {
    failed = std::current_exception();  // out of memory; the attempts use what is here
  }
  attempts.cancel();
  co_await attempts.join();
  if (failed) std::rethrow_exception(failed);
  if (race.winner) co_return std::move(*race.winner);
  if (race.no_memory) throw std::bad_alloc();
  if (waited == Waited::Cancelled) co_return Failure{Code::Cancelled, "cancelled while connecting"};
  if (waited == Waited::TimeOver) {
    co_return Failure{Code::UpstreamTimeout, "no address accepted a connection in time",
                      problem_code::kConnectTimeout};
  }
  const bool refused = race.last_error == asio::error::connection_refused;
  co_return Failure{Code::ConnectFailed,
                    "no address accepted a connection: " + race.last_error.message(),
                    refused ? problem_code::kConnectionRefused : problem_code::kConnectFailed};
}

// ---- the ways ----------------------------------------------------------------------------------

DirectWay::DirectWay(TimerWheel& wheel, Resolver& resolver, const AddressGuard& guard,
                     DialLimits limits)
    : wheel_(wheel), resolver_(resolver), guard_(guard), limits_(limits) {}

awaitable<Result<tcp::socket>> DirectWay::open(const Destination& destination,
                                               std::uint64_t client) {
  auto resolved = co_await resolver_.resolve(destination, client);
  if (!resolved) co_return resolved.error();
  std::optional<Failure> refused;
  std::vector<Endpoint> vetted;
  for (const Endpoint& endpoint : *resolved) {
    auto no = guard_.check(to_ip(endpoint.address()), endpoint.port());
    if (no) {
      refused = std::move(no);
    } else {
      vetted.push_back(endpoint);
    }
  }
  if (vetted.empty()) co_return *refused;
  auto socket = co_await connect_first(wheel_, std::move(vetted), limits_);
  co_return socket;
}

FixedWay::FixedWay(TimerWheel& wheel, Resolver& resolver, Destination place, DialLimits limits,
                   SocketBroker* broker)
    : wheel_(wheel),
      resolver_(resolver),
      place_(std::move(place)),
      limits_(limits),
      broker_(broker) {}

awaitable<Result<tcp::socket>> FixedWay::open(const Destination&, std::uint64_t client) {
  auto endpoints = co_await resolver_.resolve(place_, client);
  if (!endpoints) co_return endpoints.error();
  if (broker_ == nullptr) {
    auto connected = co_await connect_first(wheel_, std::move(*endpoints), limits_);
    co_return connected;
  }
  auto socket = co_await broker_->take();
  if (!socket) co_return socket;
  SocketWait wait(*socket);
  Deadline deadline(wheel_, wait, limits_.connect);
  const auto ec = co_await connect_socket(*socket, endpoints->front());
  if (!ec) co_return socket;
  if (deadline.fired()) co_return Failure{Code::ScannerUnavailable, "no answer in time"};
  if (ec == asio::error::operation_aborted) {
    co_return Failure{Code::Cancelled, "cancelled while connecting"};
  }
  co_return Failure{Code::ScannerUnavailable, ec.message()};
}

// ---- the dialers -------------------------------------------------------------------------------

awaitable<Result<Connection>> OriginDialer::dial(const Destination& destination, Scheme scheme,
                                                 std::uint64_t client) {
  TlsClient::Offer offer;
  offer.alpn.push_back(Alpn::Http2);
  offer.alpn.push_back(Alpn::Http1);
  return connect(destination, scheme, client, std::move(offer));
}

awaitable<Result<Connection>> OriginDialer::dial_http1(const Destination& destination,
                                                       Scheme scheme, std::uint64_t client) {
  TlsClient::Offer offer;
  offer.alpn.push_back(Alpn::Http1);
  return connect(destination, scheme, client, std::move(offer));
}

awaitable<Result<Connection>> OriginDialer::connect(const Destination& destination, Scheme scheme,
                                                    std::uint64_t client, TlsClient::Offer offer) {
  auto socket = co_await way_.open(destination, client);
  if (!socket) co_return socket.error();
  Connection connection;
  if (scheme == Scheme::Http) {
    connection.stream = std::make_unique<TcpStream>(std::move(*socket));
    co_return connection;
  }
  auto name = ServerName::parse(destination.host);
  if (!name) co_return name.error();
  auto secured = co_await tls_.connect(std::move(*socket), std::move(*name), std::move(offer));
  if (!secured) co_return secured.error();
  connection.protocol = secured->alpn == Alpn::Http2 ? Version::Http2 : Version::Http11;
  connection.stream = std::move(secured->stream);
  co_return connection;
}

awaitable<Result<Connection>> ScannerDialer::dial(const Destination& destination, Scheme,
                                                  std::uint64_t client) {
  auto socket = co_await scanner_.open(destination, client);
  if (!socket) {
    const Failure& why = socket.error();
    if (why.code == Code::Cancelled) co_return why;
    co_return Failure{Code::ScannerUnavailable, "the scanner at " + scanner_.place().host_port() +
                                                    " is not reachable: " + why.detail};
  }
  Connection connection;
  connection.stream = std::make_unique<TcpStream>(std::move(*socket));
  co_return connection;
}

}  // namespace bottle
