#include "proxy/control/policy_book.h"

#include <algorithm>
#include <utility>

namespace bottle {
namespace {

using Time = PolicyBook::Time;
using Entry = PolicyBook::Entry;
using SteadyClock = std::chrono::steady_clock;

Error bad(std::string what, std::string hint) {
  return Error{ExitCode::kUsage, std::move(what), std::move(hint)};
}

std::string text_of(const HostPattern& host) {
  const std::string name = host.host_text();
  if (!host.port) return name;
  const bool v6 = name.find(':') != std::string::npos;
  return (v6 ? "[" + name + "]" : name) + ":" + std::to_string(*host.port);
}

// "--allow API.test" and "bottle allow api.test" are one entry.
std::string same_spelling(const std::string& host) {
  const auto pattern = HostPattern::parse(host);
  return pattern ? text_of(*pattern) : host;
}

// `counted`: entries whose counts go on.
std::vector<Entry> start_entries(const std::vector<std::string>& allow,
                                 const std::vector<Entry>& counted) {
  std::vector<Entry> out;
  for (const std::string& text : allow) {
    const std::string host = same_spelling(text);
    const auto before = std::find_if(counted.begin(), counted.end(),
                                     [&host](const Entry& one) { return one.allow.host == host; });
    AllowEntry entry{.host = host};
    entry.use = before == counted.end() ? std::make_shared<EntryUse>() : before->allow.use;
    out.push_back({.allow = std::move(entry)});
  }
  return out;
}

bool is_over(const AllowEntry& entry) {
  return (entry.once && entry.use->spent) || (entry.until && SteadyClock::now() >= *entry.until);
}

auto named(const std::string& host) {
  return [&host](const Entry& one) { return one.allow.host == host; };
}

PolicySpec spec_of(const PolicyBook::State& state, const PolicyBook::Rules& rules) {
  PolicySpec spec;
  for (const auto* list : {&state.added, &state.start}) {
    for (const Entry& one : *list) spec.entries.push_back(one.allow);
  }
  for (const Entry& one : state.closed) spec.routes.push_back(one.allow.host + "=deny");
  spec.routes.insert(spec.routes.end(), state.routes.begin(), state.routes.end());
  spec.own = rules.own;
  spec.addresses = rules.addresses;
  spec.takes_commands = rules.takes_commands;
  if (rules.learns) {
    spec.learning = rules.needs_names ? Learning::Names : Learning::NamesAndAddresses;
  }
  return spec;
}

PolicyRow told(const Entry& one, Time now) {
  PolicyRow row{.host = one.allow.host, .route = one.allow.route, .by = one.by, .since = one.since};
  row.once = one.allow.once;
  row.over = is_over(one.allow);
  row.hits = one.allow.use->hits;
  if (one.allow.until) {
    row.until =
        now + std::chrono::duration_cast<Time::duration>(*one.allow.until - SteadyClock::now());
  }
  return row;
}

std::string words_of(const AllowWish& wish, const std::string& host) {
  std::string out = "allow " + host;
  if (wish.route) out.append(" on the route ").append(to_string(*wish.route));
  if (wish.once) out += " for one request";
  if (wish.lasts) out += " for " + std::to_string(wish.lasts->count()) + " s";
  return out;
}

std::string differences(const std::vector<std::string>& before,
                        const std::vector<std::string>& after) {
  std::string out;
  const auto missing = [&out](const auto& from, const auto& in, const char* sign) {
    for (const std::string& one : from) {
      if (std::find(in.begin(), in.end(), one) == in.end()) out.append(" ").append(sign) += one;
    }
  };
  missing(after, before, "+");
  missing(before, after, "-");
  return out;
}

std::vector<std::string> hosts_of(const std::vector<Entry>& list) {
  std::vector<std::string> out;
  for (const Entry& one : list) out.push_back(one.allow.host);
  return out;
}

KeptPolicy::Entry kept_entry(const Entry& one) {
  return KeptPolicy::Entry{.host = one.allow.host,
                           .route = one.allow.route,
                           .until = one.allow.until,
                           .by = one.by,
                           .since = one.since};
}

Entry entry_of(const KeptPolicy::Entry& kept) {
  AllowEntry allow{.host = kept.host, .route = kept.route, .until = kept.until};
  allow.use = std::make_shared<EntryUse>();
  return Entry{.allow = std::move(allow), .by = kept.by, .since = kept.since};
}

Error closed_by_command(const std::string& what, const std::string& closed) {
  return bad(what + ", from `bottle deny " + closed + "`",
             "take that back first: bottle allow " + closed + ", and then deny what is left");
}

// Why a policy that would have the wish does not let `host` through.
Error closed_by(const PolicyBook::State& next, const Failure& refusal,
                std::optional<std::size_t> route_entry, const std::string& host) {
  const std::string what = "it is not allowed: " + refusal.detail;
  if (!route_entry) return bad(what, refusal.hint);
  if (*route_entry < next.closed.size()) {
    return closed_by_command(what, next.closed[*route_entry].allow.host);
  }
  return bad(what + " (" + next.routes[*route_entry - next.closed.size()] + ")",
             "a command does not open what the start has closed; change the routes of the manifest "
             "or of the start to open " +
                 host);
}

bool is_below(const std::string& host, const std::string& name) {
  return host == name || (host.size() > name.size() && host.ends_with("." + name));
}

bool covers(const PermittedNames& names, const HostPattern& host) {
  if (names.unconstrained) return true;
  if (host.kind == HostPattern::Kind::Any) return false;
  if (host.kind == HostPattern::Kind::Address) {
    const auto address = IpAddress::parse(host.host);
    return address && std::find(names.addresses.begin(), names.addresses.end(), *address) !=
                          names.addresses.end();
  }
  return std::any_of(names.dns.begin(), names.dns.end(),
                     [&host](const std::string& name) { return is_below(host.host, name); });
}

// Asks the new policy itself.
Expected<void> opens_it(const PolicyBook::Change& change, const HostPattern& host) {
  if (host.kind == HostPattern::Kind::Any) return {};
  std::vector<std::uint16_t> ports(kDefaultPorts.begin(), kDefaultPorts.end());
  if (host.port) ports = {*host.port};
  for (const std::uint16_t port : ports) {
    const auto destination = parse_host(host.host, port);
    if (!destination) return bad(destination.error().detail, std::string(kHostGrammar));
    const Decision decision =
        change.policy->decide(*destination, port == 80 ? Scheme::Http : Scheme::Https);
    if (decision.refusal) {
      return closed_by(change.next, *decision.refusal, decision.route_entry, text_of(host));
    }
  }
  return {};
}

}  // namespace

Expected<PolicyBook> PolicyBook::make(const std::vector<std::string>& allow,
                                      const std::vector<std::string>& routes, Rules rules) {
  PolicyBook book;
  book.rules_ = std::move(rules);
  // The entries as they were given: an error quotes them.
  PolicySpec given;
  given.allow = allow;
  given.routes = routes;
  const auto readable = Policy::make(std::move(given));
  if (!readable) return readable.error();
  auto change = book.checked(
      State{.added = {}, .closed = {}, .start = start_entries(allow, {}), .routes = routes}, "");
  if (!change) return change.error();
  book.take(std::move(*change));
  book.ca_names_ = book.policy_->permitted_names();
  return book;
}

PolicyBook::State PolicyBook::live_state() const {
  State state = state_;
  std::erase_if(state.added, [](const Entry& one) { return is_over(one.allow); });
  return state;
}

Expected<PolicyBook::Change> PolicyBook::checked(State next, std::string words) const {
  auto policy = Policy::make(spec_of(next, rules_));
  if (!policy) return policy.error();
  return Change{.next = std::move(next),
                .policy = std::make_shared<const Policy>(std::move(*policy)),
                .words = std::move(words)};
}

Expected<void> PolicyBook::may_be_allowed(const HostPattern& host, const AllowWish& wish) const {
  if (wish.route == Route::Deny) {
    return bad("a host that is allowed cannot have the route deny", "close it: bottle deny HOST");
  }
  if (wish.route && row_of(*wish.route).needs_exit && !rules_.bypass_allowed) {
    return bad(
        "the route " + std::string(to_string(*wish.route)) + " needs the exit behind pipelock",
        "use the route scan");
  }
  if (wish.once && wish.lasts) {
    return bad("one request, or some time: not both", "leave one of them out");
  }
  if (wish.lasts && (wish.lasts->count() < 1 || *wish.lasts > kLongestAllow)) {
    return bad("an entry lasts from one second to 30 days", "leave the time out for no end");
  }
  if (rules_.needs_names && host.kind == HostPattern::Kind::Address) {
    return bad("behind pipelock a host needs a name, and " + host.host + " has none",
               "allow the name that the service has, if it has one");
  }
  if (rules_.ca_is_limited && !covers(ca_names_, host)) {
    return bad("this proxy's CA is limited to the hosts that were allowed at its start",
               "start it with --ca-names any, or with --allow " + text_of(host));
  }
  return {};
}

Expected<PolicyBook::Change> PolicyBook::with_allowed(const AllowWish& wish, const std::string& who,
                                                      Time now) const {
  const auto host = HostPattern::parse(wish.host);
  if (!host) return bad("not a host: " + host.error().message, host.error().hint);
  if (auto may = may_be_allowed(*host, wish); !may) return may.error();
  const std::string text = text_of(*host);
  State next = live_state();
  const std::string whole = host->host_text();
  // A deny closes all of a host, for good: less than that does not take it back.
  const bool takes_back = !wish.once && !wish.lasts && !host->port;
  if (!takes_back && std::any_of(next.closed.begin(), next.closed.end(), named(whole))) {
    return closed_by_command("it is not allowed", whole);
  }
  const std::size_t reopened = std::erase_if(next.closed, named(whole));
  const bool plain = !wish.route && !wish.once && !wish.lasts;
  const auto before = std::find_if(next.added.begin(), next.added.end(), named(text));
  const bool there = plain && before != next.added.end() && !before->allow.route &&
                     !before->allow.once && !before->allow.until;
  const bool of_start = plain && std::any_of(next.start.begin(), next.start.end(), named(text));
  const bool as_it_is = there || (of_start && before == next.added.end());
  if (!as_it_is) {
    std::shared_ptr<EntryUse> use = std::make_shared<EntryUse>();
    // A new wish for a host that commands allowed goes on with its count.
    if (before != next.added.end() && !before->allow.once && !wish.once) use = before->allow.use;
    std::erase_if(next.added, named(text));
    AllowEntry entry{.host = text, .route = wish.route, .once = wish.once, .use = std::move(use)};
    if (wish.lasts) entry.until = SteadyClock::now() + *wish.lasts;
    if (!of_start) {
      next.added.insert(next.added.begin(),
                        Entry{.allow = std::move(entry), .by = who, .since = now});
    }
  }
  const bool nothing = as_it_is && reopened == 0;
  auto change = checked(std::move(next), nothing ? "" : words_of(wish, text));
  if (!change) return change.error();
  if (auto opened = opens_it(*change, *host); !opened) return opened.error();
  return change;
}

Expected<PolicyBook::Change> PolicyBook::with_closed(const std::string& host,
                                                     const std::string& who, Time now) const {
  const auto pattern = HostPattern::parse_without_port(host);
  if (!pattern) return bad("not a host: " + pattern.error().message, pattern.error().hint);
  const std::string text = pattern->host_text();
  State next = live_state();
  const std::size_t ended = std::erase_if(next.added, [&text](const Entry& one) {
    const auto allowed = HostPattern::parse(one.allow.host);
    return allowed && allowed->host_text() == text;
  });
  const bool closed = std::any_of(next.closed.begin(), next.closed.end(), named(text));
  if (!closed) {
    AllowEntry entry{.host = text};
    entry.use = std::make_shared<EntryUse>();
    next.closed.insert(next.closed.begin(),
                       Entry{.allow = std::move(entry), .by = who, .since = now});
  }
  return checked(std::move(next), closed && ended == 0 ? "" : "deny " + text);
}

Expected<PolicyBook::Change> PolicyBook::with_start(const std::vector<std::string>& allow,
                                                    const std::vector<std::string>& routes) const {
  State next = live_state();
  next.start = start_entries(allow, state_.start);
  next.routes = routes;
  for (const Entry& one : next.start) {
    const auto host = HostPattern::parse(one.allow.host);
    if (host && rules_.ca_is_limited && !covers(ca_names_, *host)) {
      return bad("the CA is limited to the hosts of the start, and " + one.allow.host + " is none",
                 "start it again, with --ca-names any");
    }
  }
  std::string words = differences(hosts_of(state_.start), hosts_of(next.start)) +
                      differences(state_.routes, routes);
  const bool reordered =
      words.empty() && (hosts_of(state_.start) != hosts_of(next.start) || state_.routes != routes);
  if (reordered) words = " another order";
  return checked(std::move(next), words.empty() ? "" : "lists of the start:" + words);
}

void PolicyBook::take(Change change) {
  state_ = std::move(change.next);
  policy_ = std::move(change.policy);
}

KeptPolicy PolicyBook::kept() const {
  KeptPolicy out;
  for (const Entry& one : live_state().added) {
    if (!one.allow.once) out.added.push_back(kept_entry(one));
  }
  for (const Entry& one : state_.closed) out.closed.push_back(kept_entry(one));
  out.allow = hosts_of(state_.start);
  out.routes = state_.routes;
  return out;
}

Expected<void> PolicyBook::restore(const KeptPolicy& kept) {
  State next{.start = start_entries(kept.allow, state_.start), .routes = kept.routes};
  for (const KeptPolicy::Entry& one : kept.added) next.added.push_back(entry_of(one));
  for (const KeptPolicy::Entry& one : kept.closed) next.closed.push_back(entry_of(one));
  auto change = checked(std::move(next), "");
  if (!change) return change.error();
  take(std::move(*change));
  return {};
}

std::vector<PolicyRow> PolicyBook::allowed(Time now) const {
  std::vector<PolicyRow> out;
  for (const auto* list : {&state_.added, &state_.start}) {
    for (const Entry& one : *list) out.push_back(told(one, now));
  }
  return out;
}

std::vector<PolicyRow> PolicyBook::routed() const {
  std::vector<PolicyRow> out;
  for (const Entry& one : state_.closed) {
    out.push_back({.host = one.allow.host, .route = Route::Deny, .by = one.by, .since = one.since});
  }
  for (const std::string& text : state_.routes) {
    const std::size_t equals = text.rfind('=');
    out.push_back(
        {.host = text.substr(0, equals), .route = route_by_word(text.substr(equals + 1))});
  }
  return out;
}

}  // namespace bottle
