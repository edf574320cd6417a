#include "proxy/upstream/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <cassert>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

namespace bottle {
namespace {

// The canonical text of a Destination's host, as an address.
std::optional<asio::ip::address> literal(const Destination& destination) {
  if (destination.kind == HostKind::Name) return std::nullopt;
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(destination.host, ec);
  if (ec) return std::nullopt;
  return address;
}

}  // namespace

LookupAnswer system_lookup(const std::string& name) {
  LookupAnswer answer;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    answer.error = ::gai_strerror(error);
    answer.temporary = error != EAI_NONAME && error != EAI_NODATA;
    return answer;
  }
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, entry->ai_addr, sizeof v4);
      answer.addresses.emplace_back(asio::ip::address_v4(ntohl(v4.sin_addr.s_addr)));
    } else if (entry->ai_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, entry->ai_addr, sizeof v6);
      // A scope would make another address of it; link-local ones are never dialled anyway.
      if (v6.sin6_scope_id != 0) continue;
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
      answer.addresses.emplace_back(asio::ip::address_v6(bytes));
    }
  }
  ::freeaddrinfo(found);
  if (answer.addresses.empty()) answer.error = "the name has no address";
  return answer;
}

// ---- ResolverThreads ---------------------------------------------------------------------------

struct ResolverThreads::Shared {
  Lookup lookup;
  std::size_t most = 0;
  std::mutex mutex;
  std::condition_variable news;
  std::deque<Job> jobs;
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool ended = false;
};

ResolverThreads::ResolverThreads(std::size_t most, Lookup lookup)
    : shared_(std::make_shared<Shared>()) {
  shared_->lookup = std::move(lookup);
  shared_->most = std::max<std::size_t>(most, 1);
}

ResolverThreads::~ResolverThreads() {
  const std::lock_guard lock(shared_->mutex);
  shared_->ended = true;
  shared_->jobs.clear();
  shared_->news.notify_all();
}

void ResolverThreads::submit(Job job) {
  const std::lock_guard lock(shared_->mutex);
  shared_->jobs.push_back(std::move(job));
  if (shared_->jobs.size() <= shared_->idle || shared_->threads == shared_->most) {
    shared_->news.notify_one();
    return;
  }
  ++shared_->threads;
  // Not joined: getaddrinfo cannot be interrupted, and the end of the proxy must not wait for it.
  std::thread([shared = shared_] { work(shared); }).detach();
}

void ResolverThreads::work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    ++shared->idle;
    shared->news.wait(lock, [&shared] { return shared->ended || !shared->jobs.empty(); });
    --shared->idle;
    if (shared->ended) return;
    const Job job = std::move(shared->jobs.front());
    shared->jobs.pop_front();
    lock.unlock();
    job.done(shared->lookup(job.name));
    lock.lock();
  }
}

// ---- ResolveOverride ---------------------------------------------------------------------------

Result<ResolveOverride> ResolveOverride::parse(std::string_view text) {
  const auto bad = [text](const std::string& what) {
    return Failure{Code::Internal, "'" + std::string(text) + "' is no HOST:PORT=ADDR:PORT: " + what,
                   "bad_resolve"};
  };
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return bad("there is no '='");
  auto from = parse_authority(text.substr(0, equals), std::nullopt);
  if (!from) return bad(from.error().detail);
  const auto to = parse_authority(text.substr(equals + 1), std::nullopt);
  if (!to) return bad(to.error().detail);
  const auto address = literal(*to);
  if (!address) return bad("behind the '=' there must be an IP address");
  return ResolveOverride{std::move(*from), Endpoint(*address, to->port)};
}

// ---- Resolver ----------------------------------------------------------------------------------

struct Resolver::Mailbox {
  Mailbox(Executor executor_in, Resolver* resolver_in)
      : executor(std::move(executor_in)), resolver(resolver_in) {}

  std::mutex mutex;
  bool open = true;  // while it is, the executor's context lives
  Executor executor;
  Resolver* resolver;  // the worker's thread only; null when it has gone
};

Resolver::Resolver(TimerWheel& wheel, ResolverThreads& threads, ResolverLimits limits,
                   std::vector<ResolveOverride> overrides)
    : wheel_(wheel),
      threads_(threads),
      limits_(limits),
      mailbox_(std::make_shared<Mailbox>(wheel.executor(), this)) {
  for (ResolveOverride& entry : overrides) {
    overrides_.insert_or_assign(entry.destination.host_port(), entry.endpoint);
  }
}

Resolver::~Resolver() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->open = false;
  mailbox_->resolver = nullptr;
}

awaitable<Result<std::vector<Endpoint>>> Resolver::resolve(Destination destination) {
  const auto overridden = overrides_.find(destination.host_port());
  if (overridden != overrides_.end()) co_return std::vector<Endpoint>(1, overridden->second);
  const auto address = literal(destination);
  if (address) co_return std::vector<Endpoint>(1, Endpoint(*address, destination.port));

  auto found = names_.find(destination.host);
  if (found != names_.end() && !found->second.pending && found->second.until <= wheel_.now()) {
    names_.erase(found);
    found = names_.end();
  }
  if (found != names_.end() && !found->second.pending) {
    co_return to_endpoints(found->second.answer, destination);
  }
  if (found == names_.end()) {
    if (pending_ >= limits_.in_flight) {
      co_return Failure{Code::Overloaded, "too many names are being looked up", "dns_busy"};
    }
    look_up(destination.host);
  }
  Waiter waiter{Event(wheel_.executor()), {}};
  names_[destination.host].waiters.push_back(&waiter);
  Deadline due(wheel_, waiter.answered, limits_.resolve);
  const bool happened = co_await waiter.answered.wait();
  if (happened) co_return to_endpoints(waiter.answer, destination);
  // The entry may have been answered, or be another one by now.
  const auto entry = names_.find(destination.host);
  if (entry != names_.end()) std::erase(entry->second.waiters, &waiter);
  if (due.fired()) {
    co_return Failure{Code::DnsFailed,
                      "no answer to the look-up of " + destination.host + " came in time",
                      "dns_timeout"};
  }
  co_return Failure{Code::Cancelled, "cancelled while looking up " + destination.host};
}

Result<std::vector<Endpoint>> Resolver::to_endpoints(const LookupAnswer& answer,
                                                     const Destination& destination) {
  if (answer.addresses.empty()) {
    return Failure{Code::DnsFailed,
                   "the host " + destination.host + " could not be resolved: " + answer.error,
                   answer.temporary ? "dns_unavailable" : "dns_failed"};
  }
  std::vector<Endpoint> endpoints;
  endpoints.reserve(answer.addresses.size());
  for (const asio::ip::address& address : answer.addresses) {
    endpoints.emplace_back(address, destination.port);
  }
  return endpoints;
}

void Resolver::look_up(const std::string& name) {
  make_room();
  names_[name] = Name{};
  ++pending_;
  ResolverThreads::Job job;
  job.name = name;
  job.done = [mailbox = mailbox_, name](LookupAnswer answer) {
    const std::lock_guard lock(mailbox->mutex);
    if (!mailbox->open) return;
    auto letter = [mailbox, name, answer = std::move(answer)]() mutable {
      if (mailbox->resolver != nullptr) mailbox->resolver->deliver(name, std::move(answer));
    };
    asio::post(mailbox->executor, std::move(letter));
  };
  threads_.submit(std::move(job));
}

void Resolver::deliver(const std::string& name, LookupAnswer answer) {
  const auto entry = names_.find(name);
  assert(entry != names_.end() && entry->second.pending);
  --pending_;
  Name& found = entry->second;
  found.pending = false;
  found.answer = std::move(answer);
  if (found.answer.addresses.size() > limits_.addresses) {
    found.answer.addresses.resize(limits_.addresses);
  }
  found.until =
      wheel_.now() + (found.answer.addresses.empty() ? limits_.negative : limits_.positive);
  for (Waiter* waiter : std::exchange(found.waiters, {})) {
    waiter->answer = found.answer;
    waiter->answered.set_later();  // a waiter that runs may ask for the next name
  }
}

// Before a name is added. Names that are being looked up stay, and are fewer.
void Resolver::make_room() {
  if (names_.size() < limits_.names) return;
  const Clock::time_point now = wheel_.now();
  std::erase_if(names_, [now](const auto& entry) {
    return !entry.second.pending && entry.second.until <= now;
  });
  while (names_.size() >= limits_.names) {
    auto oldest = names_.end();
    for (auto it = names_.begin(); it != names_.end(); ++it) {
      if (it->second.pending) continue;
      if (oldest == names_.end() || it->second.until < oldest->second.until) oldest = it;
    }
    if (oldest == names_.end()) return;
    names_.erase(oldest);
  }
}

}  // namespace bottle
