#include "proxy/upstream/resolver.h"

#include <boost/asio/ip/address.hpp>
#include <exception>
#include <new>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/http/party.h"

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

Failure failure_of(const std::string& name, const LookupAnswer& answer) {
  return Failure{Code::DnsFailed, "the host " + name + " could not be resolved: " + answer.error,
                 answer.temporary ? problem_code::kDnsUnavailable : problem_code::kDnsFailed};
}

}  // namespace

// ---- ResolveOverride ---------------------------------------------------------------------------

Expected<ResolveOverride> ResolveOverride::parse(std::string_view text) {
  const auto bad = [text](const std::string& what) {
    return Error{ExitCode::kUsage, "'" + std::string(text) + "' is no HOST:PORT=ADDR:PORT: " + what,
                 ""};
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

struct Resolver::Slots {
  Slots(Resolver& resolver_in, const LookUp& one)
      : resolver(resolver_in), client(one.client), parent(site_of(one.name, HostKind::Name)) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  ~Slots() {
    if (all.held() > 0) resolver.all_.free(all);
    give_back(resolver.by_parent_, parent, taken > 1);
    give_back(resolver.by_client_, client, taken > 0);
  }
  template <class Map, class Key>
  static void give_back(Map& map, const Key& key, bool has) {
    const auto found = map.find(key);
    if (found == map.end()) return;
    if (has) found->second.free();
    if (found->second.unused()) map.erase(found);
  }

  Resolver& resolver;
  const std::uint64_t client;
  const std::string parent;
  int taken = 0;  // of the first two
  Shares::Part all;
};

// A waiter that leaves with its frame.
struct Resolver::Asks {
  Asks(Resolver& resolver_in, const std::string& name_in, Waiter& waiter_in) noexcept
      : resolver(resolver_in), name(name_in), waiter(waiter_in) {}
  Asks(const Asks&) = delete;
  Asks& operator=(const Asks&) = delete;
  ~Asks() {
    if (!waiter.answer && !waiter.no_memory) resolver.leave(name, waiter);
  }
  Resolver& resolver;
  const std::string& name;
  Waiter& waiter;
};

Resolver::Resolver(TimerWheel& wheel, NameLookup& lookup, ResolverLimits limits,
                   std::vector<ResolveOverride> overrides)
    : wheel_(wheel),
      lookup_(lookup),
      limits_(limits),
      all_(limits.in_flight),
      look_ups_(wheel.executor()) {
  for (ResolveOverride& entry : overrides) {
    overrides_.insert_or_assign(entry.destination.host_port(), entry.endpoint);
  }
}

Resolver::~Resolver() = default;

awaitable<void> Resolver::close() {
  look_ups_.cancel();
  co_await look_ups_.join();
}

awaitable<Result<std::vector<Endpoint>>> Resolver::resolve(Destination destination,
                                                           std::uint64_t client) {
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
    co_return to_endpoints(*found->second.answer, destination);
  }
  const bool is_first = found == names_.end();
  if (is_first) {
    make_room();
    if (names_.size() >= limits_.names) {
      co_return Failure{Code::Overloaded, "too many names are being looked up",
                        problem_code::kDnsBusy};
    }
    found = names_.try_emplace(destination.host).first;
    found->second.pending = std::make_shared<LookUp>(look_ups_, destination.host, client);
  }
  Waiter waiter(wheel_.executor());
  const Asks asks(*this, destination.host, waiter);
  found->second.waiters.push_back(&waiter);
  if (is_first) {
    const std::shared_ptr<LookUp> one = found->second.pending;
    one->task = look_ups_.spawn(look_up(one));
  }
  co_await waiter.answered.wait();
  if (waiter.no_memory) throw std::bad_alloc();
  if (waiter.answer) co_return to_endpoints(*waiter.answer, destination);
  co_return Failure{Code::Cancelled, "cancelled while looking up " + destination.host};
}

Result<std::vector<Endpoint>> Resolver::to_endpoints(const Answer& answer,
                                                     const Destination& destination) {
  if (!answer) return answer.error();
  std::vector<Endpoint> endpoints;
  endpoints.reserve(answer->size());
  for (const asio::ip::address& address : *answer) {
    endpoints.emplace_back(address, destination.port);
  }
  return endpoints;
}

// One that leaves; the last one ends the look-up, and the next to ask begins another.
void Resolver::leave(const std::string& name, Waiter& waiter) noexcept {
  const auto entry = names_.find(name);
  if (entry == names_.end()) return;
  std::erase(entry->second.waiters, &waiter);
  if (!entry->second.pending || !entry->second.waiters.empty()) return;
  const std::shared_ptr<LookUp> one = std::move(entry->second.pending);
  names_.erase(entry);
  one->cancel();
}

awaitable<void> Resolver::look_up(std::shared_ptr<LookUp> one) {
  bool done = false;
  try {
    co_await look_up_in_turn(*one);
    done = true;
  } catch (const std::bad_alloc&) {
  }
  if (!done) give_up(*one);
}

awaitable<void> Resolver::look_up_in_turn(LookUp& one) {
  Deadline due(wheel_, one, limits_.resolve);
  LookupAnswer answer;
  bool asked = false;
  {
    // The client's own slot first: one with many slow names keeps no others from their parents.
    Slots slots(*this, one);
    const Party party{one.client, place_of(Destination{.host = one.name})};
    FairSlots& clients =
        by_client_.try_emplace(one.client, limits_.in_flight_per_client).first->second;
    bool taken = co_await take(clients, party);
    if (taken) {
      slots.taken = 1;
      FairSlots& parents =
          by_parent_.try_emplace(slots.parent, limits_.in_flight_per_parent).first->second;
      taken = co_await take(parents, party);
    }
    if (taken) {
      slots.taken = 2;
      slots.all = all_.part(party);
      taken = co_await take(all_, slots.all);
    }
    if (taken) {
      asked = true;
      answer = co_await lookup_.look_up(one.name);
    }
  }
  if (!answer.addresses.empty()) {
    if (answer.addresses.size() > limits_.addresses) answer.addresses.resize(limits_.addresses);
    deliver(one, std::move(answer.addresses));
  } else if (!due.fired()) {
    deliver(one, failure_of(one.name, answer));
  } else if (asked) {
    deliver(one,
            Failure{Code::DnsFailed, "no answer to the look-up of " + one.name + " came in time",
                    problem_code::kDnsTimeout});
  } else {
    deliver(one, Failure{Code::Overloaded,
                         "too many names are being looked up: " + one.name + " had no turn",
                         problem_code::kDnsBusy});
  }
}

// False if the task was cancelled meanwhile.
awaitable<bool> Resolver::take(FairSlots& slots, Party party) {
  if (slots.has_room()) {
    slots.take();
    co_return true;
  }
  FairQueue::Waiter waiter(wheel_.executor(), party);
  const FairQueue::Stay stay(slots.queue, waiter);
  bool granted = false;
  std::exception_ptr failed;
  try {
    granted = co_await waiter.granted.wait();
  } catch (...) {
    failed = std::current_exception();
  }
  if (!granted && waiter.has_slot) slots.free();
  if (failed) std::rethrow_exception(failed);
  co_return granted;
}

// The same; a slot that came too late goes back with `part`.
awaitable<bool> Resolver::take(SharedSlots& slots, Shares::Part& part) {
  if (slots.take(part)) co_return true;
  FairQueue::Waiter waiter(wheel_.executor(), part.party(), &part);
  const FairQueue::Stay stay(slots.queue, waiter);
  const bool granted = co_await waiter.granted.wait();
  co_return granted;
}

void Resolver::deliver(const LookUp& one, Answer answer) {
  const auto entry = names_.find(one.name);
  // Another one may be under way, or none: all waiters left.
  if (entry == names_.end() || entry->second.pending.get() != &one) return;
  Name found = std::move(entry->second);
  for (Waiter* waiter : found.waiters) {
    try {
      waiter->answer = answer;
    } catch (const std::bad_alloc&) {
      waiter->no_memory = true;
    }
    waiter->answered.set_later();  // a waiter that runs may ask for the next name
  }
  // That we are busy says nothing about the name.
  if (!answer && answer.error().code == Code::Overloaded) {
    names_.erase(entry);
    return;
  }
  Name& kept = entry->second;
  kept = Name();
  kept.until = wheel_.now() + (answer ? limits_.positive : limits_.negative);
  kept.answer = std::move(answer);
}

// Memory ran out: those who wait for it hear of that.
void Resolver::give_up(const LookUp& one) noexcept {
  const auto entry = names_.find(one.name);
  if (entry == names_.end() || entry->second.pending.get() != &one) return;
  for (Waiter* waiter : entry->second.waiters) {
    waiter->no_memory = true;
    waiter->answered.set_later();
  }
  names_.erase(entry);
}

// Before a name is added. Names that are being looked up stay.
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
