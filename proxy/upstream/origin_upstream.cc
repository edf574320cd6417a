#include "proxy/upstream/origin_upstream.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cassert>
#include <list>
#include <optional>
#include <utility>

#include "proxy/base/event.h"
#include "proxy/base/task_group.h"
#include "proxy/http/h1_writer.h"
#include "proxy/upstream/h2_client.h"

namespace bottle {
namespace {

bool is_safe_to_repeat(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

// RFC 9112 section 6: how the request's body is delimited for an HTTP/1.1 origin.
Framing framing_of(const Request& request) {
  const RequestHead& head = request.head;
  if (request.body) {
    return head.content_length ? Framing::content_length(*head.content_length) : Framing::chunked();
  }
  // RFC 9110 section 8.6: a method that usually has a body says that it has none.
  const bool usual = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
  return usual || head.content_length ? Framing::content_length(0) : Framing::none();
}

}  // namespace

// What is known of the origins, and the shared connections to them.
class OriginUpstream::Origins {
 public:
  Origins(Executor executor, TimerWheel& wheel, Dialer& dialer, Pool& pool, H1ClientLimits h1,
          H2ClientLimits h2, OriginLimits limits)
      : executor_(executor),
        wheel_(wheel),
        dialer_(dialer),
        pool_(pool),
        h1_(h1),
        h2_(h2),
        limits_(limits),
        runs_(std::move(executor)) {}

  awaitable<Result<Response>> send(Request request, Exchange& exchange);
  awaitable<void> close();

 private:
  struct Waiter {
    explicit Waiter(Executor executor) : done(std::move(executor)) {}
    Event done;
    bool told = false;
    std::optional<Failure> failure;
  };
  struct Origin {
    std::list<H2Client> shared;
    bool dialling = false;
    std::list<Waiter*> waiters;  // for the dial that is under way
  };
  using Shared = std::list<H2Client>::iterator;

  // How a request goes: on a shared connection, or on a lease of its own.
  struct Way {
    H2Client* shared = nullptr;
    Lease lease;
  };

  awaitable<Result<Way>> find_way(const std::string& key, Pool::Want want, Exchange& exchange);
  awaitable<Result<Way>> own_connection(const std::string& key, Pool::Want want,
                                        Exchange& exchange);
  awaitable<std::optional<Failure>> wait_for_dial(const std::string& key);
  void dial_ended(const std::string& key, const std::optional<Failure>& failure);
  H2Client& share(const std::string& key, std::unique_ptr<ByteStream> stream);
  awaitable<void> run(std::string key, Shared client);
  void forget_if_empty(const std::string& key);
  [[nodiscard]] H2Client* with_capacity(const std::string& key);
  [[nodiscard]] bool speaks_h1(const std::string& key, Scheme scheme) const;
  void learn(const std::string& key, Version version);

  Executor executor_;
  TimerWheel& wheel_;
  Dialer& dialer_;
  Pool& pool_;
  const H1ClientLimits h1_;
  const H2ClientLimits h2_;
  const OriginLimits limits_;
  std::unordered_map<std::string, Origin> origins_;  // with a shared connection or a dial
  std::unordered_map<std::string, Version> protocols_;
  TaskGroup runs_;
  bool closed_ = false;
};

// ---- one request -------------------------------------------------------------------------------

awaitable<Result<Response>> OriginUpstream::Origins::send(Request request, Exchange& exchange) {
  const std::string key =
      std::string(to_string(exchange.scheme())) + "://" + exchange.destination().host_port();
  const bool has_body = request.body != nullptr;
  const bool repeatable = !has_body && is_safe_to_repeat(request.head.method);
  Pool::Want want = Pool::Want::AnyConnection;
  for (int tries = 0;; ++tries) {
    auto way = co_await find_way(key, want, exchange);
    if (!way) {
      // NOLINTNEXTLINE(bugprone-use-after-move): the try that takes the request also returns.
      if (request.body) request.body->stop(way.error());
      co_return way.error();
    }
    const auto begun = exchange.begin_to_send();
    if (!begun) {
      // NOLINTNEXTLINE(bugprone-use-after-move): the try that takes the request also returns.
      if (request.body) request.body->stop(begun.error());
      co_return begun.error();
    }
    std::optional<RequestHead> spare;
    if (tries == 0 && !has_body) spare = request.head;
    if (way->shared != nullptr) {
      exchange.trace.upstream_protocol = to_string(Version::Http2);
      const bool used = way->shared->used();
      H2Answer answer = co_await way->shared->send(std::move(request), exchange);
      const bool again = !answer.response && spare &&
                         (answer.unprocessed || (answer.untouched && used && repeatable));
      if (!again) co_return std::move(answer.response);
    } else {
      exchange.trace.upstream_protocol = to_string(Version::Http11);
      const bool reused = way->lease.reused();
      H1Call how;
      how.framing = framing_of(request);
      how.limits = &h1_;
      H1Answer answer = co_await h1_send(std::move(way->lease), std::move(request), how, exchange);
      const bool again = !answer.response && spare && answer.untouched && reused && repeatable;
      if (!again) co_return std::move(answer.response);
    }
    request = Request();
    request.head = std::move(*spare);
    want = Pool::Want::NewConnection;
  }
}

awaitable<Result<OriginUpstream::Origins::Way>> OriginUpstream::Origins::find_way(
    const std::string& key, Pool::Want want, Exchange& exchange) {
  // Whoever waited for somebody else's dial looks again; with many streams and few connections the
  // new one may be full by then.
  constexpr int kMostLooks = 8;
  for (int looks = 0; looks < kMostLooks; ++looks) {
    if (closed_) co_return Failure{Code::ShuttingDown, "the upstream is closed"};
    Way way;
    way.shared = with_capacity(key);
    if (way.shared != nullptr) co_return way;
    if (speaks_h1(key, exchange.scheme())) {
      auto own = co_await own_connection(key, want, exchange);
      co_return own;
    }
    const auto origin = origins_.find(key);
    if (origin == origins_.end() || !origin->second.dialling) {
      if (origin != origins_.end() &&
          origin->second.shared.size() >= limits_.h2_connections_per_origin) {
        co_return Failure{Code::Overloaded, "the origin takes no more requests at a time",
                          "origin_busy"};
      }
      origins_[key].dialling = true;
      auto own = co_await own_connection(key, want, exchange);
      std::optional<Failure> failure;
      if (!own && own.error().code != Code::Cancelled) failure = own.error();
      dial_ended(key, failure);
      co_return own;
    }
    auto failure = co_await wait_for_dial(key);
    if (failure) co_return std::move(*failure);
  }
  co_return Failure{Code::Overloaded, "the origin takes no more requests at a time", "origin_busy"};
}

// A slot in the pool, with an idle connection or a new one. If the origin turns out to speak
// HTTP/2, the connection becomes a shared one and the slot goes back.
awaitable<Result<OriginUpstream::Origins::Way>> OriginUpstream::Origins::own_connection(
    const std::string& key, Pool::Want want, Exchange& exchange) {
  auto lease = co_await pool_.lease(key, want);
  if (!lease) co_return lease.error();
  Way way;
  if (!lease->connected()) {
    auto dialled = co_await dialer_.dial(exchange.destination(), exchange.scheme());
    if (!dialled) co_return dialled.error();
    learn(key, dialled->protocol);
    if (dialled->protocol == Version::Http2) {
      way.shared = &share(key, std::move(dialled->stream));
      co_return way;
    }
    lease->attach(std::move(dialled->stream));
  }
  way.lease = std::move(*lease);
  co_return way;
}

awaitable<std::optional<Failure>> OriginUpstream::Origins::wait_for_dial(const std::string& key) {
  Waiter waiter(executor_);
  // The dial has deadlines of its own, and tells everybody who waits how it ended.
  std::list<Waiter*>& waiters = origins_[key].waiters;
  const auto place = waiters.insert(waiters.end(), &waiter);
  const bool done = co_await waiter.done.wait();
  if (done) co_return std::move(waiter.failure);
  // dial_ended() takes the waiters off; it may have done so just before the cancel.
  const auto origin = origins_.find(key);
  if (!waiter.told && origin != origins_.end()) origin->second.waiters.erase(place);
  co_return Failure{Code::Cancelled, "cancelled while another request connects"};
}

void OriginUpstream::Origins::dial_ended(const std::string& key,
                                         const std::optional<Failure>& failure) {
  Origin& origin = origins_[key];
  origin.dialling = false;
  for (Waiter* waiter : std::exchange(origin.waiters, {})) {
    waiter->told = true;
    waiter->failure = failure;
    waiter->done.set_later();
  }
  forget_if_empty(key);
}

// ---- shared connections ------------------------------------------------------------------------

H2Client& OriginUpstream::Origins::share(const std::string& key,
                                         std::unique_ptr<ByteStream> stream) {
  std::list<H2Client>& shared = origins_[key].shared;
  shared.emplace_back(std::move(stream), executor_, wheel_, h2_);
  const auto client = std::prev(shared.end());
  runs_.spawn(run(key, client));
  return *client;
}

awaitable<void> OriginUpstream::Origins::run(std::string key, Shared client) {
  // A connection that is dead already must not vanish before its first request is on it.
  co_await asio::post(executor_, asio::use_awaitable_t<Executor>());
  co_await client->run();
  origins_[key].shared.erase(client);
  forget_if_empty(key);
}

void OriginUpstream::Origins::forget_if_empty(const std::string& key) {
  const auto origin = origins_.find(key);
  if (origin != origins_.end() && origin->second.shared.empty() && !origin->second.dialling) {
    origins_.erase(origin);
  }
}

H2Client* OriginUpstream::Origins::with_capacity(const std::string& key) {
  const auto origin = origins_.find(key);
  if (origin == origins_.end()) return nullptr;
  for (H2Client& client : origin->second.shared) {
    if (client.has_capacity()) return &client;
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

awaitable<Result<Response>> OriginUpstream::send(Request request, Exchange& exchange) {
  return origins_->send(std::move(request), exchange);
}

awaitable<void> OriginUpstream::close() { return origins_->close(); }

}  // namespace bottle
