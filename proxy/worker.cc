#include "proxy/worker.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <list>
#include <new>
#include <utility>

#include "certs/leaf_cache.h"
#include "proxy/base/descriptor_states.h"
#include "proxy/base/run_loop.h"
#include "proxy/body/spool.h"
#include "proxy/credentials/credential_upstream.h"
#include "proxy/credentials/login_upstream.h"
#include "proxy/desk/connection.h"
#include "proxy/desk/splice.h"
#include "proxy/exit/name_server.h"
#include "proxy/exit_host.h"
#include "proxy/flow/live_policy.h"
#include "proxy/free_memory.h"
#include "proxy/refused_names.h"
#include "proxy/relay_side.h"
#include "proxy/scanner/pipelock_upstream.h"
#include "proxy/tls/door.h"
#include "proxy/upstream/dialer.h"
#include "proxy/upstream/origin_upstream.h"
#include "proxy/upstream/pool.h"
#include "proxy/upstream/system_names.h"
#include "proxy/ways_out.h"

namespace bottle {
namespace {

using asio::ip::tcp;

}  // namespace

// Everything that lives on the worker's thread, in the order in which it depends on each other.
class Worker::Loop {
 public:
  Loop(const Shared& shared, const Snapshot& snapshot, unsigned index, WorkerSockets sockets,
       std::size_t max_connections)
      : shared_(shared),
        states_(io_.get_executor()),
        wheel_(io_.get_executor()),
        connections_(io_.get_executor(), TaskGroup::Children::Independent),
        accepting_(io_.get_executor()),
        services_(io_.get_executor()),
        main_(io_.get_executor()),
        news_(io_.get_executor()),
        max_connections_(max_connections),
        policy_(snapshot.policy),
        held_(shared.asks == nullptr ? nullptr
                                     : std::make_unique<HeldRequests>(*shared.asks, wheel_)),
        leaves_(shared.ca, shared.config.leaves),
        tls_acceptor_(shared.ca, leaves_, shared.tickets, wheel_, records_,
                      shared.config.tls_acceptor),
        system_names_(wheel_, shared.config.resolver),
        resolver_(wheel_, system_names_, shared.config.resolver, overrides()),
        ways_(shared, wheel_, resolver_),
        decode_(shared.config.decode.memory_bytes, &shared.memory),
        spool_(shared.config.spool, decode_),
        upstream_(make_upstream()),
        relay_(make_relay(snapshot)),
        logins_(*upstream_, shared.logins, shared.config.decode, decode_),
        way_out_(logins_, snapshot.credentials, shared.config.decode, decode_),
        guard_(snapshot.secrets, shared.guard,
               Guard::Limits{.decode = shared.config.decode,
                             .redact = shared.config.redact,
                             .memory = &shared.memory},
               decode_, shared.answers),
        websockets_(shared.config.websocket, &shared.memory),
        audit_soon_(shared.audit, wheel_),
        handler_(ProxyHandler::Services{
            policy_, upstream(), shared.config.upstream, guard_, shared.audit, shared.host_watch,
            shared.id_prefix + std::to_string(index) + "-", websockets_,
            relay_ ? &relay_->upstream() : nullptr, shared.ledger != nullptr, held_.get(),
            &shared.memory, &audit_soon_}),
        splice_gate_(policy_, guard_, shared.audit, shared.host_watch, shared.tunnels,
                     shared.id_prefix + std::to_string(index) + "-tunnel-"),
        splicer_(splice_gate_, ways_.unread(), wheel_, drain_, splice_limits(shared.config)),
        connection_services_{io_.get_executor(),
                             shared.config,
                             policy_,
                             wheel_,
                             drain_,
                             tls_acceptor_,
                             handler_,
                             splicer_,
                             shared.doorkeeper,
                             idle_,
                             shared.memory} {
    entrances_.emplace_back(sockets.front, ListenKind::Proxy, *this);
    for (const int socket : sockets.tls) entrances_.emplace_back(socket, ListenKind::Tls, *this);
    for (const int socket : sockets.http) entrances_.emplace_back(socket, ListenKind::Http, *this);
    if (sockets.names) make_names(*sockets.names, snapshot.secrets);
    if (sockets.exit.empty()) return;
    exit_ = std::make_unique<ExitHost>(shared, snapshot, io_, policy_, wheel_, ways_.to_origins(),
                                       records_, std::move(sockets.exit), sockets.exit_names);
  }

  void run(const std::function<void()>& front_ended) {
    AuditSink::warm_up();
    main_.spawn(serve(front_ended));
    run_loop(io_);
    // serve() stopped the loop, whose timer may have been asleep for long: its own end is due.
    io_.restart();
    io_.poll();
  }

  void take(Snapshot next, std::function<void(bool)> taken) {
    asio::post(
        io_, [this, next = std::move(next), taken = std::move(taken)] { taken(take_here(next)); });
  }

  void drain() {
    asio::post(io_, [this] { begin_drain(); });
  }

  void fronts_have_ended() {
    asio::post(io_, [this] {
      if (exit_) exit_->stop();
    });
  }

  void renew_thread_cache() { asio::post(io_, &FreeMemory::renew_thread_cache); }

  void stop() {
    asio::post(io_, [this] {
      begin_drain();
      stopping_ = true;
      connections_.cancel();
    });
  }

 private:
  struct Entrance {
    Entrance(int socket, ListenKind kind_in, Loop& loop)
        : door(loop.wheel_, socket, loop.connections_, loop.max_connections_, loop.idle_,
               &loop.shared_.memory),
          kind(kind_in) {}
    Door door;
    ListenKind kind;
  };

  bool take_here(const Snapshot& next) {
    try {
      guard_.take(next.secrets);
      if (refused_names_) refused_names_->take(next.secrets);
      if (exit_) exit_->take(next);
    } catch (const std::bad_alloc&) {
      return false;
    }
    way_out_.take(next.credentials);
    if (relay_) relay_->take(next.credentials);
    policy_.take(next.policy);
    return true;
  }

  void begin_drain() {
    drain_.begin();
    if (held_) held_->close();
    for (Entrance& entrance : entrances_) entrance.door.close();
    news_.set_later();
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
      dialer_ = std::make_unique<ScannerDialer>(*ways_.scanner());
      // The scanner's limit is for the whole proxy.
      const std::size_t share =
          std::max<std::size_t>(1, config.scanner_pool.in_flight / config.threads);
      PoolLimits limits = PoolLimits::for_scanner(share);
      limits.queue = config.origin_pool.queue;
      limits.queue_bytes = config.origin_pool.queue_bytes;
      limits.queue_wait = config.origin_pool.queue_wait;
      pool_ = std::make_unique<Pool>(wheel_, limits);
      return std::make_unique<PipelockUpstream>(
          *dialer_, *pool_, spool_, config.pipelock, shared_.ledger,
          ShownForms{shared_.known, shared_.life, &shared_.guard});
    }
    tls_client_ = std::make_unique<TlsClient>(shared_.trust, wheel_, records_, config.tls_client,
                                              &config.rules.origins);
    dialer_ = std::make_unique<OriginDialer>(ways_.to_origins(), *tls_client_);
    pool_ = std::make_unique<Pool>(wheel_, shared_.origin_pool);
    auto origin =
        std::make_unique<OriginUpstream>(io_.get_executor(), wheel_, *dialer_, *pool_,
                                         config.h1_client, config.h2_client(), config.origin);
    origin_ = origin.get();
    return origin;
  }

  // Requests that no scanner reads go out by themselves.
  std::unique_ptr<RelaySide> make_relay(const Snapshot& snapshot) {
    if (shared_.config.upstream == UpstreamKind::Direct) return nullptr;
    return std::make_unique<RelaySide>(shared_, snapshot.credentials, io_.get_executor(), wheel_,
                                       ways_.unread(), records_, decode_);
  }

  // With an exit, credentials are put in behind it, where no scanner sees them.
  Upstream& upstream() {
    if (shared_.ledger != nullptr) return *upstream_;
    return way_out_;
  }

  static SpliceBounds splice_limits(const Config& config) {
    return SpliceBounds{.hello = config.tls_acceptor.client_hello,
                        .hello_bytes = config.tls_acceptor.client_hello_bytes,
                        .idle = config.tunnels.idle};
  }

  void make_names(int socket, std::shared_ptr<const SecretSet> secrets) {
    refused_names_ = std::make_unique<RefusedNames>(std::move(secrets), shared_.audit,
                                                    shared_.id_prefix + "name-", DecidedBy::Proxy);
    NameAnswers answers;
    answers.v4 = shared_.names_answer.v4;
    answers.v6 = shared_.names_answer.v6;
    // Every name is here: what is not allowed is told by an answer that says why.
    answers.knows = [](std::string_view name) { return !name.empty(); };
    answers.refused = [this](std::string_view name) { refused_names_->tell(name); };
    names_ = std::make_unique<NameServer>(io_, wheel_, socket, std::move(answers),
                                          shared_.config.name_server);
  }

  awaitable<void> serve(const std::function<void()>& front_ended) {
    if (exit_) services_.spawn(exit_->run());
    if (names_) services_.spawn(names_->run());
    for (Entrance& entrance : entrances_) {
      accepting_.spawn(entrance.door.let_in([this, kind = entrance.kind](tcp::socket socket) {
        states_.expect(connections_.size() + 1);
        connections_.spawn(serve_one(std::move(socket), kind));
      }));
    }
    co_await accepting_.join();
    // The drain: sessions end by themselves, or are cancelled when stop() comes.
    while (!connections_.empty() && !stopping_) {
      const bool news = co_await news_.wait();
      if (!news) break;
    }
    if (!connections_.empty()) connections_.cancel();
    co_await connections_.join();
    front_ended();
    if (names_) names_->stop();
    // An exit serves the other workers' clients until fronts_have_ended().
    co_await services_.join();
    if (origin_ != nullptr) co_await origin_->close();
    if (relay_) co_await relay_->close();
    pool_->close();
    co_await resolver_.close();
    io_.stop();
  }

  awaitable<void> serve_one(tcp::socket socket, ListenKind kind) {
    std::exception_ptr failed;
    try {
      co_await serve_connection(std::move(socket), kind, connection_services_);
    } catch (...) {
      failed = std::current_exception();  // out of memory: this connection has ended, no other
    }
    // Later: this very task is still counted.
    for (Entrance& entrance : entrances_) entrance.door.room_made();
    news_.set_later();
    if (failed) std::rethrow_exception(failed);
  }

  const Shared& shared_;
  asio::io_context io_{1};
  DescriptorStates states_;
  TimerWheel wheel_;
  TaskGroup connections_;
  TaskGroup accepting_;
  TaskGroup services_;  // the name server, the exit
  TaskGroup main_;
  Event news_;  // a connection ended, or the drain began
  std::size_t max_connections_;
  IdleList idle_;
  std::list<Entrance> entrances_;
  bool stopping_ = false;
  DrainSignal drain_;
  RecordBuffers records_;
  LivePolicy policy_;
  std::unique_ptr<HeldRequests> held_;
  LeafCache leaves_;
  TlsAcceptor tls_acceptor_;
  SystemNames system_names_;
  Resolver resolver_;
  WaysOut ways_;
  DecodeSpace decode_;
  Spool spool_;
  std::unique_ptr<TlsClient> tls_client_;
  std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<Pool> pool_;
  OriginUpstream* origin_ = nullptr;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<RelaySide> relay_;  // null: `upstream_` is the way to origins
  LoginUpstream logins_;
  CredentialUpstream way_out_;
  Guard guard_;
  WebsocketSpace websockets_;
  AuditFlush audit_soon_;
  ProxyHandler handler_;
  SpliceGate splice_gate_;
  Splicer splicer_;
  ConnectionServices connection_services_;
  std::unique_ptr<RefusedNames> refused_names_;
  std::unique_ptr<NameServer> names_;
  std::unique_ptr<ExitHost> exit_;
};

Worker::Worker(const Shared& shared, const Snapshot& snapshot, unsigned index,
               WorkerSockets sockets, std::size_t max_connections)
    : loop_(std::make_unique<Loop>(shared, snapshot, index, std::move(sockets), max_connections)) {}

Worker::~Worker() = default;

void Worker::start(std::function<void()> front_ended, std::function<void()> ended) {
  thread_ = std::thread([this, front_ended = std::move(front_ended), ended = std::move(ended)] {
    loop_->run(front_ended);
    ended();
  });
}

void Worker::take(Snapshot next, std::function<void(bool)> taken) {
  loop_->take(std::move(next), std::move(taken));
}
void Worker::drain() { loop_->drain(); }
void Worker::fronts_have_ended() { loop_->fronts_have_ended(); }
void Worker::renew_thread_cache() { loop_->renew_thread_cache(); }
void Worker::stop() { loop_->stop(); }
void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace bottle
