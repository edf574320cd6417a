#include "proxy/worker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "certs/leaf_cache.h"
#include "proxy/connection.h"
#include "proxy/upstream/dialer.h"
#include "proxy/upstream/origin_upstream.h"
#include "proxy/upstream/pipelock_upstream.h"
#include "proxy/upstream/pool.h"
#include "proxy/upstream/spool.h"

namespace bottle {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

// After an accept failed for want of descriptors: the next try, without spinning meanwhile.
constexpr auto kAcceptPause = 100ms;

tcp protocol_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const bool known = ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  return known && address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4();
}

}  // namespace

// Everything that lives on the worker's thread, in the order in which it depends on each other.
class Worker::Loop {
 public:
  Loop(const Shared& shared, unsigned index, int listener, std::size_t max_connections)
      : shared_(shared),
        wheel_(io_.get_executor()),
        acceptor_(io_, protocol_of(listener), listener),
        connections_(io_.get_executor()),
        main_(io_.get_executor()),
        place_free_(io_.get_executor()),
        max_connections_(max_connections),
        leaves_(shared.ca, shared.config.leaves),
        tls_acceptor_(shared.ca, leaves_, shared.tickets, wheel_, records_,
                      shared.config.tls_acceptor),
        resolver_(wheel_, shared.resolver_threads, shared.config.resolver, overrides()),
        spool_(shared.config.spool),
        upstream_(make_upstream()),
        handler_(ProxyHandler::Parts{shared.policy, *upstream_, shared.config.upstream,
                                     shared.secrets, shared.audit, shared.config.decode,
                                     shared.id_prefix + std::to_string(index) + "-"}),
        parts_{io_.get_executor(), shared.config, shared.policy, wheel_, drain_,
               tls_acceptor_,      handler_} {
    acceptor_.non_blocking(true);
  }

  void run() {
    main_.spawn(serve());
    io_.run();
    // serve() stopped the loop, whose timer may have been asleep for long: its own end is due.
    io_.restart();
    io_.poll();
  }

  void drain() {
    asio::post(io_, [this] { begin_drain(); });
  }

  void stop() {
    asio::post(io_, [this] {
      begin_drain();
      stopping_ = true;
      connections_.cancel();
    });
  }

 private:
  void begin_drain() {
    drain_.begin();
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    place_free_.set_later();
  }

  std::vector<ResolveOverride> overrides() const {
    std::vector<ResolveOverride> list;
    for (const std::string& text : shared_.config.resolve) {
      auto parsed = ResolveOverride::parse(text);
      if (parsed) list.push_back(std::move(*parsed));  // the configuration was checked before
    }
    return list;
  }

  std::unique_ptr<Upstream> make_upstream() {
    const Config& config = shared_.config;
    if (config.upstream == UpstreamKind::Pipelock) {
      auto scanner = parse_host(config.pipelock_host, config.pipelock_port);
      dialer_ =
          std::make_unique<ScannerDialer>(wheel_, resolver_, std::move(*scanner), config.dial);
      // The scanner's limit is for the whole proxy.
      const std::size_t share =
          std::max<std::size_t>(1, config.scanner_pool.in_flight / config.threads);
      PoolLimits limits = PoolLimits::for_scanner(share);
      limits.queue_wait = config.scanner_pool.queue_wait;
      pool_ = std::make_unique<Pool>(wheel_, limits);
      return std::make_unique<PipelockUpstream>(*dialer_, *pool_, spool_, config.pipelock);
    }
    tls_client_ = std::make_unique<TlsClient>(shared_.trust, wheel_, records_, config.tls_client);
    dialer_ = std::make_unique<OriginDialer>(wheel_, resolver_, shared_.addresses, *tls_client_,
                                             config.dial);
    pool_ = std::make_unique<Pool>(wheel_, config.origin_pool);
    auto origin =
        std::make_unique<OriginUpstream>(io_.get_executor(), wheel_, *dialer_, *pool_,
                                         config.h1_client, h2_client_limits(), config.origin);
    origin_ = origin.get();
    return origin;
  }

  [[nodiscard]] H2ClientLimits h2_client_limits() const {
    H2ClientLimits limits;
    limits.head = shared_.config.h1_client.head;
    limits.response_stall = shared_.config.h1_client.response_stall;
    limits.write_stall = shared_.config.h1_client.write_stall;
    return limits;
  }

  awaitable<void> serve() {
    co_await accept_all();
    // The drain: sessions end by themselves, or are cancelled when stop() comes.
    while (!connections_.empty() && !stopping_) {
      const bool news = co_await place_free_.wait();
      if (!news) break;
    }
    if (!connections_.empty()) connections_.cancel();
    co_await connections_.join();
    if (origin_ != nullptr) co_await origin_->close();
    pool_->close();
    io_.stop();
  }

  awaitable<void> accept_all() {
    while (!drain_.draining()) {
      if (connections_.size() >= max_connections_) {
        co_await place_free_.wait();
        continue;
      }
      tcp::socket socket(io_);
      auto [ec] = co_await acceptor_.async_accept(socket, use_tuple);
      if (drain_.draining()) break;
      if (ec) {
        co_await sleep_for(kAcceptPause);
        continue;
      }
      connections_.spawn(serve_one(std::move(socket)));
    }
  }

  awaitable<void> serve_one(tcp::socket socket) {
    co_await serve_connection(std::move(socket), parts_);
    // Later: this very task is still counted.
    place_free_.set_later();
  }

  const Shared& shared_;
  asio::io_context io_{1};
  TimerWheel wheel_;
  tcp::acceptor acceptor_;
  TaskGroup connections_;
  TaskGroup main_;
  Event place_free_;  // a connection ended, or the drain began
  std::size_t max_connections_;
  bool stopping_ = false;
  DrainSignal drain_;
  RecordBuffers records_;
  LeafCache leaves_;
  TlsAcceptor tls_acceptor_;
  Resolver resolver_;
  Spool spool_;
  std::unique_ptr<TlsClient> tls_client_;
  std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<Pool> pool_;
  OriginUpstream* origin_ = nullptr;
  std::unique_ptr<Upstream> upstream_;
  ProxyHandler handler_;
  ConnectionParts parts_;
};

Worker::Worker(const Shared& shared, unsigned index, int listener, std::size_t max_connections)
    : loop_(std::make_unique<Loop>(shared, index, listener, max_connections)) {}

Worker::~Worker() = default;

void Worker::start(std::function<void()> ended) {
  thread_ = std::thread([this, ended = std::move(ended)] {
    loop_->run();
    ended();
  });
}

void Worker::drain() { loop_->drain(); }
void Worker::stop() { loop_->stop(); }
void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace bottle
