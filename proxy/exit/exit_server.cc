#include "proxy/exit/exit_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <utility>

#include "proxy/base/task_group.h"
#include "proxy/exit/exit_handler.h"
#include "proxy/exit/exit_refusals.h"
#include "proxy/exit/exit_rules.h"
#include "proxy/flow/policy_gate.h"
#include "proxy/http/http1_session.h"
#include "proxy/tls/client_hello.h"
#include "proxy/tls/door.h"
#include "proxy/tls/tcp_stream.h"

namespace bottle {
namespace {

using asio::ip::tcp;

constexpr std::size_t kFirstBytes = 2048;  // most ClientHellos at once

// The names of the policy, and those of requests that were admitted before it changed.
class ExitGate final : public NameGate {
 public:
  ExitGate(const LivePolicy& policy, const ExchangeLedger& ledger) noexcept
      : policy_(policy, PolicyGate::Admits::AllowedHost), ledger_(ledger) {}

  Result<LeafFor> admit(const ServerName& name) override {
    auto answer = policy_.admit(name);
    if (!answer && ledger_.expects(name.text())) return LeafFor::Allowed;
    return answer;
  }
  [[nodiscard]] const std::optional<Destination>& destination() const noexcept {
    return policy_.destination();
  }

 private:
  PolicyGate policy_;
  const ExchangeLedger& ledger_;
};

}  // namespace

class ExitServer::Impl {
 public:
  Impl(ExitServices services, const std::vector<int>& listeners)
      : state_{std::move(services), Executor(), bypasses_},
        leaves_(state_.services.ca, state_.services.limits.leaves),
        acceptor_(state_.services.ca, leaves_, state_.services.tickets, state_.services.wheel,
                  state_.services.records, http1_only(state_.services.limits.tls)),
        rules_(behind_scanner(state_.services.limits.rules)),
        bypasses_(state_.services.io.get_executor(), TaskGroup::Children::Independent),
        connections_(state_.services.io.get_executor(), TaskGroup::Children::Independent),
        accepting_(state_.services.io.get_executor()) {
    state_.executor = state_.services.io.get_executor();
    for (const int socket : listeners) {
      doors_.emplace_back(state_.services.wheel, socket, connections_,
                          state_.services.limits.connections, idle_);
    }
  }

  awaitable<void> run() {
    for (Door& door : doors_) {
      accepting_.spawn(door.let_in([this](tcp::socket socket) { take(std::move(socket)); }));
    }
    co_await accepting_.join();
    // Cancelled, or stop() was called.
    stop();
    co_await connections_.join();
    bypasses_.cancel();
    co_await bypasses_.join();
  }

  void stop() noexcept {
    state_.stopping = true;
    drain_.begin();
    for (Door& door : doors_) door.close();
    connections_.cancel();
    bypasses_.cancel();
  }

 private:
  // Ends the connection that it stands for. Shared with its task, whose id it gets once that has
  // begun.
  struct Connection final : Cancellable {
    explicit Connection(TaskGroup& tasks_in) noexcept : tasks(tasks_in) {}
    void cancel() noexcept override { tasks.cancel(id); }
    TaskGroup& tasks;
    TaskGroup::TaskId id = 0;
  };

  // The scanner's transport speaks HTTP/1.1 alone, and so does the session below.
  static TlsAcceptorLimits http1_only(TlsAcceptorLimits limits) {
    limits.offer_h2 = false;
    return limits;
  }

  void take(tcp::socket socket) {
    auto connection = std::make_shared<Connection>(connections_);
    connection->id = connections_.spawn(serve(std::move(socket), connection));
  }

  // Later than this: its task is still counted.
  struct MakesRoom {
    explicit MakesRoom(std::list<Door>& doors_in) noexcept : doors(doors_in) {}
    MakesRoom(const MakesRoom&) = delete;
    MakesRoom& operator=(const MakesRoom&) = delete;
    ~MakesRoom() {
      for (Door& door : doors) door.room_made();
    }
    std::list<Door>& doors;
  };

  awaitable<void> serve(tcp::socket socket, std::shared_ptr<Connection> connection) {
    const MakesRoom at_the_end(doors_);
    ExitHandler handler(state_, *connection);
    const int descriptor = socket.native_handle();
    TcpStream stream(std::move(socket));
    IdleList::Place place(idle_, stream, descriptor);
    Bytes early;
    co_await read_first(stream, early);
    if (early.empty()) {
      stream.close();
    } else if (looks_like_tls(early.front())) {
      Bytes none;
      tcp::socket raw = stream.release(none);
      co_await serve_tls(std::move(raw), std::move(early), handler, place);
    } else {
      co_await serve_plain(stream, std::move(early), handler, place);
    }
  }

  awaitable<void> read_first(TcpStream& stream, Bytes& early) {
    Deadline deadline(state_.services.wheel, stream, state_.services.limits.session.first_byte);
    early.resize(kFirstBytes);
    const IoResult got = co_await stream.read_some(ByteSpan(early));
    early.resize(got.ok() ? got.n : 0);
  }

  SessionContext context_of(ExitHandler& handler, Destination destination, Scheme scheme,
                            IdleList::Place& place) {
    SessionContext context{
        state_.executor, state_.services.wheel,  handler, drain_, state_.services.limits.session,
        rules_,          std::move(destination), scheme};
    context.place = &place;
    return context;
  }

  awaitable<void> serve_tls(tcp::socket socket, Bytes early, ExitHandler& handler,
                            IdleList::Place& place) {
    ExitGate gate(state_.services.policy, state_.services.ledger);
    auto secured =
        co_await acceptor_.accept_by_name(std::move(socket), std::move(early), gate, &place);
    Destination destination = gate.destination().value_or(Destination());
    if (!secured) {
      refused_connection(std::move(destination), secured.error());
      co_return;
    }
    TlsStream& stream = *secured->stream;
    const SessionContext context =
        context_of(handler, std::move(destination), Scheme::Https, place);
    Http1Session session(stream, context, Http1Session::Arrival::Server);
    const Http1End end = co_await session.run(Bytes());
    static_cast<void>(end);  // without close_notify a body that broke does not look whole
    stream.close();
  }

  awaitable<void> serve_plain(TcpStream& stream, Bytes early, ExitHandler& handler,
                              IdleList::Place& place) {
    const SessionContext context = context_of(handler, Destination(), Scheme::Http, place);
    Http1Session session(stream, context, Http1Session::Arrival::Server);
    const Http1End end = co_await session.run(std::move(early));
    end.reset ? stream.reset() : stream.close();
  }

  void refused_connection(Destination named, const Failure& failure) {
    // The scanner gave up by itself: nothing was refused.
    if (failure.code == Code::Cancelled || failure.code == Code::ClientGone) return;
    ExitRefusal refusal;
    refusal.id = state_.next_id();
    refusal.destination = std::move(named);
    refusal.failure = failure;
    write_refusal(state_.services.audit, std::move(refusal));
  }

  ExitState state_;
  LeafCache leaves_;
  TlsAcceptor acceptor_;
  const RequestRules rules_;
  DrainSignal drain_;
  TaskGroup bypasses_;
  TaskGroup connections_;
  IdleList idle_;
  std::list<Door> doors_;
  TaskGroup accepting_;
};

ExitServer::ExitServer(ExitServices services, std::vector<int> listeners)
    : impl_(std::make_unique<Impl>(std::move(services), listeners)) {}

ExitServer::~ExitServer() = default;

awaitable<void> ExitServer::run() { return impl_->run(); }
void ExitServer::stop() noexcept { impl_->stop(); }

}  // namespace bottle
