#include "proxy/upstream/origin_upstream.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "proxy/base/io_wait.h"
#include "proxy/http/h1_writer.h"
#include "proxy/http/methods.h"
#include "proxy/http/party.h"
#include "proxy/upstream/origins.h"

namespace bottle {
namespace {

// One idle connection to an origin takes a hundred requests. Others that are idle, too, go soon.
constexpr std::chrono::milliseconds kSpareIdle{10'000};

// RFC 9112 section 6: how the request's body is delimited for an HTTP/1.1 origin.
Framing framing_of(const Request& request) {
  const RequestHead& head = request.head;
  if (!head.protocol.empty()) return Framing::none();
  if (request.body) {
    return head.content_length ? Framing::content_length(*head.content_length) : Framing::chunked();
  }
  // RFC 9110 section 8.6: a method that usually has a body says that it has none.
  const bool usual = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
  return usual || head.content_length ? Framing::content_length(0) : Framing::none();
}

// The cost of a request that waits: its head. The body stays with the client.
Turn turn_of(const RequestHead& head, const Exchange& exchange) {
  return Turn{party_of(exchange.client, exchange.destination()),
              head.target.size() + head.fields.list_size()};
}

}  // namespace

// ---- what ends with the frame of a request
// -------------------------------------------------------

// A dial that others wait for. However it ends, they hear of it, with a failure or to look again.
class OriginUpstream::Origins::Dial {
 public:
  Dial(Origins& origins, const std::string& key) : origins_(origins), key_(key) {
    origins_.origins_[key_].dialling = true;
  }
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;
  ~Dial() { origins_.dial_ended(key_, failure); }

  std::optional<Failure> failure;

 private:
  Origins& origins_;
  const std::string& key_;
};

// A waiter for a dial leaves with its frame. dial_ended() takes the waiters off; it may have done
// so just before a cancel.
struct OriginUpstream::Origins::LeavesDial {
  LeavesDial(Origins& origins_in, const std::string& key_in, Waiter& waiter_in) noexcept
      : origins(origins_in), key(key_in), waiter(waiter_in) {}
  LeavesDial(const LeavesDial&) = delete;
  LeavesDial& operator=(const LeavesDial&) = delete;
  ~LeavesDial() {
    const auto origin = origins.origins_.find(key);
    if (!waiter.told && origin != origins.origins_.end()) origin->second.waiters.remove(&waiter);
  }
  Origins& origins;
  const std::string& key;
  Waiter& waiter;
};

// One that waited for its turn and does not take it.
struct OriginUpstream::Origins::PassesTurnOn {
  PassesTurnOn(Origins& origins_in, const std::string& key_in,
               FairQueue::Waiter& waiter_in) noexcept
      : origins(origins_in), key(key_in), waiter(waiter_in) {}
  PassesTurnOn(const PassesTurnOn&) = delete;
  PassesTurnOn& operator=(const PassesTurnOn&) = delete;
  ~PassesTurnOn() {
    if (keeps_it) return;
    const auto origin = origins.origins_.find(key);
    if (origin == origins.origins_.end()) return;
    if (waiter.has_slot) {
      origin->second.granted = false;
      origins.next_turn(key);
    }
    origins.forget_if_empty(key);
  }
  Origins& origins;
  const std::string& key;
  FairQueue::Waiter& waiter;
  bool keeps_it = false;
};

// ---- one request -------------------------------------------------------------------------------

awaitable<Result<Response>> OriginUpstream::Origins::send(Request request, Exchange& exchange,
                                                          Passage& passage) {
  const std::string key =
      std::string(to_string(exchange.scheme())) + "://" + exchange.destination().host_port();
  const bool has_body = request.body != nullptr;
  const bool repeatable = !has_body && is_idempotent(request.head.method);
  Pool::Want want = Pool::Want::AnyConnection;
  for (int tries = 0;; ++tries) {
    const Turn turn = turn_of(request.head, exchange);
    const bool tunnel = !request.head.protocol.empty();
    auto connection = co_await any_connection(key, want, turn, exchange, tunnel);
    if (!connection) {
      // NOLINTNEXTLINE(bugprone-use-after-move): the try that takes the request also returns.
      if (request.body) request.body->stop(connection.error());
      co_return connection.error();
    }
    // Its owner has counted it: it is told, also if this ends without a request.
    if (connection->shared != nullptr) connection->hold = H2Client::Hold(*connection->shared);
    const auto begun = exchange.begin_to_send();
    if (!begun) {
      // NOLINTNEXTLINE(bugprone-use-after-move): the try that takes the request also returns.
      if (request.body) request.body->stop(begun.error());
      co_return begun.error();
    }
    std::optional<RequestHead> spare;
    if (tries == 0 && !has_body) spare = request.head;
    if (connection->shared != nullptr) {
      passage.protocol = to_string(Version::Http2);
      const bool used = connection->shared->used();
      H2Answer answer = co_await connection->shared->send(std::move(request), exchange);
      const bool again = !answer.response && spare &&
                         (answer.unprocessed || (answer.untouched && used && repeatable));
      if (!again) co_return std::move(answer.response);
    } else {
      passage.protocol = to_string(Version::Http11);
      const bool reused = connection->lease.reused();
      H1Call how;
      how.framing = framing_of(request);
      how.limits = &h1_;
      H1Answer answer =
          co_await h1_send(std::move(connection->lease), std::move(request), how, exchange);
      const bool again = !answer.response && spare && answer.untouched && reused && repeatable;
      if (!again) co_return std::move(answer.response);
    }
    request = Request();
    request.head = std::move(*spare);
    want = Pool::Want::NewConnection;
  }
}

awaitable<Result<OriginUpstream::Origins::Connection>> OriginUpstream::Origins::any_connection(
    const std::string& key, Pool::Want want, Turn turn, Exchange& exchange, bool tunnel) {
  if (tunnel) return find_tunnel_connection(key, turn, exchange);
  return find_connection(key, want, turn, exchange);
}

awaitable<Result<OriginUpstream::Origins::Connection>> OriginUpstream::Origins::find_connection(
    const std::string& key, Pool::Want want, Turn turn, Exchange& exchange) {
  const Clock::time_point until = pool_.patience();
  bool my_turn = false;
  // Whatever was waited for, others may have been faster: look again.
  for (;;) {
    if (closed_) co_return Failure{Code::ShuttingDown, "the upstream is closed"};
    auto origin = origins_.find(key);
    const bool others_first = !my_turn && origin != origins_.end() && !origin->second.queue.empty();
    if (std::exchange(my_turn, false) && origin != origins_.end()) origin->second.granted = false;
    if (!others_first) {
      if (Shared* const shared = with_capacity(key, Need::InUse)) {
        next_turn(key);
        Connection connection;
        connection.shared = &shared->client;
        co_return connection;
      }
      if (speaks_h1(key, exchange.scheme())) {
        auto own = co_await own_connection(key, want, turn, exchange);
        co_return own;
      }
      origin = origins_.find(key);
      const bool dialling = origin != origins_.end() && origin->second.dialling;
      const bool may_connect = origin == origins_.end() ||
                               origin->second.shared.size() < limits_.h2_connections_per_origin ||
                               with_capacity(key, Need::Idle) != nullptr;
      if (dialling) {
        auto failure = co_await wait_for_dial(key);
        if (failure) co_return std::move(*failure);
        continue;
      }
      if (may_connect) {
        Dial dial(*this, key);
        auto own = co_await own_connection(key, want, turn, exchange);
        if (!own && own.error().code != Code::Cancelled) dial.failure = own.error();
        co_return own;
      }
    }
    auto failure = co_await wait_for_stream(key, turn, until);
    if (failure) co_return std::move(*failure);
    my_turn = true;
  }
}

// A slot in the pool, with an idle connection or a new one. A shared connection keeps the slot
// while an exchange is on it, so it is there before one that was idle is used again.
awaitable<Result<OriginUpstream::Origins::Connection>> OriginUpstream::Origins::own_connection(
    const std::string& key, Pool::Want want, Turn turn, Exchange& exchange) {
  auto lease = co_await pool_.lease(key, want, turn);
  if (!lease) co_return lease.error();
  Connection connection;
  if (Shared* const shared = with_capacity(key, Need::Idle)) {
    shared->parking.reset();
    shared->spare.disarm();
    shared->lease = std::move(*lease);
    connection.shared = &shared->client;
    co_return connection;
  }
  if (!lease->connected()) {
    auto dialled =
        co_await dialer_.dial(exchange.destination(), exchange.scheme(), exchange.client);
    if (!dialled) co_return dialled.error();
    learn(key, dialled->protocol);
    if (dialled->protocol == Version::Http2) {
      connection.shared = &share(key, std::move(dialled->stream), std::move(*lease));
      co_return connection;
    }
    lease->attach(std::move(dialled->stream));
  }
  connection.lease = std::move(*lease);
  co_return connection;
}

awaitable<std::optional<Failure>> OriginUpstream::Origins::wait_for_dial(const std::string& key) {
  Waiter waiter(executor_);
  // The dial has deadlines of its own, and tells all waiters how it ended.
  std::list<Waiter*>& waiters = origins_[key].waiters;
  waiters.push_back(&waiter);
  const LeavesDial at_the_end(*this, key, waiter);
  const bool done = co_await waiter.done.wait();
  if (done) co_return std::move(waiter.failure);
  co_return Failure{Code::Cancelled, "cancelled while another request connects"};
}

void OriginUpstream::Origins::dial_ended(const std::string& key,
                                         const std::optional<Failure>& failure) noexcept {
  const auto found = origins_.find(key);
  if (found == origins_.end()) return;
  found->second.dialling = false;
  for (Waiter* waiter : std::exchange(found->second.waiters, {})) {
    waiter->told = true;
    try {
      waiter->failure = failure;
    } catch (const std::bad_alloc&) {
      // It looks for a connection itself.
    }
    waiter->done.set_later();
  }
  next_turn(key);
  forget_if_empty(key);
}

// Until it is the caller's turn to look for a free stream.
awaitable<std::optional<Failure>> OriginUpstream::Origins::wait_for_stream(
    const std::string& key, Turn turn, Clock::time_point until) {
  FairQueue::Waiter waiter(executor_, turn.party);
  PassesTurnOn at_the_end(*this, key, waiter);
  auto failed = co_await pool_.wait_in(origins_[key].queue, waiter, turn.bytes, until);
  at_the_end.keeps_it = !failed;
  co_return failed;
}

// Tells the next one that there may be a stream, or room for a connection. One at a time: it tells
// the one after it if there is more than it needs.
void OriginUpstream::Origins::next_turn(const std::string& key) noexcept {
  const auto found = origins_.find(key);
  if (found == origins_.end() || found->second.granted) return;
  Origin& origin = found->second;
  const bool room = closed_ || origin.shared.size() < limits_.h2_connections_per_origin ||
                    with_capacity(key, Need::InUse) != nullptr ||
                    with_capacity(key, Need::Idle) != nullptr;
  if (room) origin.granted = origin.queue.grant_next();
}

// ---- shared connections ------------------------------------------------------------------------

H2Client& OriginUpstream::Origins::share(const std::string& key, std::unique_ptr<ByteStream> stream,
                                         Lease lease) {
  std::list<Shared>& list = origins_[key].shared;
  list.emplace_back(*this, key, std::move(stream));
  const auto shared = std::prev(list.end());
  shared->lease = std::move(lease);
  try {
    runs_.spawn(run(shared));
  } catch (...) {
    list.erase(shared);
    throw;
  }
  return shared->client;
}

awaitable<void> OriginUpstream::Origins::run(std::list<Shared>::iterator shared) {
  // A connection that is dead already must not vanish before its first request is on it.
  co_await keep_trying(later_turn);
  std::exception_ptr failed;
  auto serve = [shared] { return shared->client.run(); };
  try {
    co_await keep_trying(serve);
  } catch (...) {
    failed = std::current_exception();  // out of memory: this connection has ended, no other
  }
  std::list<Shared> ended;
  ended.splice(ended.begin(), origins_.find(shared->key)->second.shared, shared);
  next_turn(shared->key);
  forget_if_empty(shared->key);
  if (failed) std::rethrow_exception(failed);
}

void OriginUpstream::Origins::exchange_ended(Shared& shared) noexcept {
  if (shared.client.unused()) {
    shared.lease = Lease();
    try {
      if (!shared.parking && with_capacity(shared.key, Need::Idle) != nullptr) {
        shared.spare.arm(kSpareIdle);
      }
      if (!shared.parking) shared.parking.emplace(pool_, shared.key, shared);
    } catch (const std::bad_alloc&) {
      shared.client.drain();  // the pool has no place for it
    }
  }
  next_turn(shared.key);
}

void OriginUpstream::Origins::forget_if_empty(const std::string& key) noexcept {
  const auto found = origins_.find(key);
  if (found == origins_.end()) return;
  const Origin& origin = found->second;
  if (origin.shared.empty() && !origin.dialling && origin.queue.empty() && !origin.granted) {
    origins_.erase(found);
  }
}

// One with a free stream: one that is in use, for its slot is there, or one that is not.
OriginUpstream::Origins::Shared* OriginUpstream::Origins::with_capacity(const std::string& key,
                                                                        Need need) {
  const auto origin = origins_.find(key);
  if (origin == origins_.end()) return nullptr;
  for (Shared& shared : origin->second.shared) {
    const bool idle = shared.parking.has_value();
    if (idle == (need == Need::Idle) && shared.client.has_capacity()) return &shared;
  }
  return nullptr;
}

bool OriginUpstream::Origins::speaks_h1(const std::string& key, Scheme scheme) const {
  if (scheme == Scheme::Http) return true;
  const auto known = protocols_.find(key);
  return known != protocols_.end() && known->second != Version::Http2;
}

void OriginUpstream::Origins::learn(const std::string& key, Version version) {
  if (protocols_.size() >= limits_.known_protocols && !protocols_.contains(key)) {
    protocols_.erase(protocols_.begin());
  }
  protocols_[key] = version;
}

awaitable<void> OriginUpstream::Origins::close() {
  closed_ = true;
  runs_.cancel();
  co_await runs_.join();
}

// ---- OriginUpstream ----------------------------------------------------------------------------

OriginUpstream::OriginUpstream(Executor executor, TimerWheel& wheel, Dialer& dialer, Pool& pool,
                               H1ClientLimits h1, H2ClientLimits h2, OriginLimits limits)
    : origins_(
          std::make_unique<Origins>(std::move(executor), wheel, dialer, pool, h1, h2, limits)) {}

OriginUpstream::~OriginUpstream() = default;

awaitable<Result<Response>> OriginUpstream::send(Request request, Exchange& exchange,
                                                 Passage& passage) {
  return origins_->send(std::move(request), exchange, passage);
}

awaitable<void> OriginUpstream::close() { return origins_->close(); }

}  // namespace bottle
