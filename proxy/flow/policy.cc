#include "proxy/flow/policy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

// Names by which clouds' metadata services are reached. Their addresses are the address guard's.
constexpr std::array<std::string_view, 6> kMetadataNames = {"metadata.google.internal",
                                                            "metadata",
                                                            "metadata.goog",
                                                            "instance-data",
                                                            "instance-data.ec2.internal",
                                                            "metadata.azure.internal"};

Error bad_entry(std::string_view option, std::string_view entry, const std::string& what) {
  return Error{ExitCode::kUsage,
               std::string(option) + " \"" + std::string(entry.substr(0, 300)) + "\": " + what, ""};
}

bool is_name_or_below(std::string_view host, std::string_view name) {
  return host == name || (host.size() > name.size() && host.ends_with(name) &&
                          host[host.size() - name.size() - 1] == '.');
}

std::string bracketed(const Destination& destination) {
  return destination.kind == HostKind::Ipv6 ? "[" + destination.host + "]" : destination.host;
}

Decision refuse(std::string detail, std::string_view reason, std::string hint) {
  Failure failure(Code::Denied, std::move(detail), reason, std::move(hint));
  failure.by = DecidedBy::Policy;
  return Decision{.route = Route::Deny, .refusal = std::move(failure)};
}

}  // namespace

bool is_allowlist_miss(const Failure& refusal) noexcept {
  return refusal.reason == problem_code::kHostNotAllowed ||
         refusal.reason == problem_code::kPortNotAllowed;
}

Expected<Policy::RouteEntry> Policy::route_entry(std::string_view entry) {
  constexpr std::string_view kOption = "--route";
  const std::size_t equals = entry.rfind('=');
  if (equals == std::string_view::npos) {
    return bad_entry(
        kOption, entry,
        "write HOST=ROUTE or HOST/PATH=ROUTE, with " + route_words() + " as the route");
  }
  const std::string_view word = entry.substr(equals + 1);
  const auto route = route_by_word(word);
  if (!route) return bad_entry(kOption, entry, no_such_route(word));
  auto place = RoutePlace::parse(entry.substr(0, equals));
  if (!place) return bad_entry(kOption, entry, place.error().message);
  if (place->has_path() && row_of(*route).whole_host) {
    return bad_entry(
        kOption, entry,
        "the route " + std::string(word) + " is for a whole host: its paths are encrypted");
  }
  return RouteEntry{.place = std::move(*place), .route = *route};
}

Expected<Policy> Policy::make(PolicySpec spec) {
  if (spec.entries.size() + spec.allow.size() > kMaxAllowEntries) {
    return Error{ExitCode::kUsage,
                 "more than " + std::to_string(kMaxAllowEntries) + " --allow entries", ""};
  }
  if (spec.routes.size() > kMaxRouteEntries) {
    return Error{ExitCode::kUsage,
                 "more than " + std::to_string(kMaxRouteEntries) + " --route entries", ""};
  }
  Policy policy;
  for (AllowEntry& entry : spec.entries) {
    if (auto added = policy.add(std::move(entry)); !added) return added.error();
  }
  for (std::string& host : spec.allow) {
    if (auto added = policy.add(AllowEntry{.host = std::move(host)}); !added) return added.error();
  }
  for (const std::string& entry : spec.routes) {
    auto route = route_entry(entry);
    if (!route) return route.error();
    policy.route_index_.add(route->place.host);
    policy.routes_.push_back(std::move(*route));
  }
  for (const OwnAddress& own : spec.own) {
    OwnEntry entry;
    std::string_view host = own.host;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    entry.address = IpAddress::parse(host);
    if (!entry.address) entry.name = to_lower(host);
    if (entry.name.ends_with('.')) entry.name.pop_back();
    entry.port = own.port;
    policy.own_.push_back(std::move(entry));
  }
  policy.addresses_ = std::move(spec.addresses);
  policy.takes_commands_ = spec.takes_commands;
  policy.learning_ = spec.learning;
  return policy;
}

Expected<void> Policy::add(AllowEntry entry) {
  auto host = HostPattern::parse(entry.host);
  if (!host) return bad_entry("--allow", entry.host, host.error().message);
  if (!entry.use) entry.use = std::make_shared<EntryUse>();
  allow_index_.add(*host);
  allow_.push_back({.host = std::move(*host), .how = std::move(entry)});
  return {};
}

bool Policy::Entry::holds() const {
  if (how.once && how.use->spent.load(std::memory_order_relaxed)) return false;
  return !how.until || std::chrono::steady_clock::now() < *how.until;
}

bool Policy::is_own(const Destination& destination, const std::optional<IpAddress>& address) const {
  return std::any_of(own_.begin(), own_.end(), [&](const OwnEntry& own) {
    if (own.port && *own.port != destination.port) return false;
    return own.address ? own.address == address
                       : destination.kind == HostKind::Name && destination.host == own.name;
  });
}

// A path that two servers may read in two ways finds no route where paths have routes of their own:
// the origin's reading would be the one that counts.
Policy::RouteFound Policy::route_for(const Destination& destination,
                                     std::string_view target) const {
  RouteFound found;
  const RouteEntry* longest = nullptr;
  std::optional<std::string> plain;
  route_index_.for_each_match(destination.kind, destination.host, [&](std::size_t number) {
    const RouteEntry& one = routes_[number];
    if (!one.place.has_path()) {
      if (found.entry == nullptr) found.entry = &one;
      return true;
    }
    if (target.empty() || target == "*" || found.ambiguous) return true;
    if (!plain) plain = plain_path(target);
    found.ambiguous = !plain;
    const bool longer = longest == nullptr || one.place.path.size() > longest->place.path.size();
    if (plain && longer && one.place.covers(*plain)) longest = &one;
    return true;
  });
  const bool closed = found.entry != nullptr && found.entry->route == Route::Deny;
  if (longest != nullptr && !closed) found.entry = longest;
  return found;
}

bool Policy::may_have(const Destination& destination, Route route) const {
  const RouteFound whole = route_for(destination, {});
  if (whole.entry != nullptr && whole.entry->route == Route::Deny) return route == Route::Deny;
  if ((whole.entry != nullptr ? whole.entry->route : Route::Scan) == route) return true;
  bool may = false;
  route_index_.for_each_match(destination.kind, destination.host, [&](std::size_t number) {
    const RouteEntry& one = routes_[number];
    may = one.route == route && one.place.has_path();
    return !may;
  });
  if (may) return true;
  allow_index_.for_each_match(destination.kind, destination.host, [&](std::size_t number) {
    may = allow_[number].how.route == route;
    return !may;
  });
  return may;
}

Decision Policy::decide(const Destination& destination, Scheme scheme,
                        std::string_view target) const {
  std::optional<IpAddress> address;
  if (destination.kind != HostKind::Name) {
    address = IpAddress::parse(destination.host);
    if (!address) {
      return refuse("the destination's address cannot be read", problem_code::kAddressNotAllowed,
                    "Write the address in its standard form.");
    }
  }
  const bool metadata =
      destination.kind == HostKind::Name &&
      std::any_of(kMetadataNames.begin(), kMetadataNames.end(),
                  [&](std::string_view name) { return is_name_or_below(destination.host, name); });
  if (is_own(destination, address) || metadata) {
    return refuse(destination.host_port() +
                      (metadata ? " is a cloud's metadata service" : " is the bottle's own"),
                  problem_code::kOwnAddress, "Nothing in the bottle needs it; use another host.");
  }
  if (address) {
    auto closed = addresses_.check(*address, destination.port);
    if (closed) return Decision{.route = Route::Deny, .refusal = std::move(closed)};
  }

  const Opening open = opening(destination);
  const RouteFound found = route_for(destination, target);
  Decision decision;
  decision.route = Route::Scan;
  decision.wildcard = open.wildcard;
  decision.entry = open.entry;
  if (found.entry != nullptr) {
    decision.route = found.entry->route;
    decision.route_entry = static_cast<std::size_t>(found.entry - routes_.data());
  }
  // Before the question whether it is allowed: nothing that allows it later opens it.
  if (decision.route == Route::Deny) {
    const bool part = found.entry->place.has_path();
    Decision refused =
        refuse((part ? "the path of host " : "host ") + destination.host + " has the route deny",
               problem_code::kRouteDeny,
               part ? "The person who runs the bottle has closed this path; use another one."
                    : "The person who runs the bottle has closed this host; use another one.");
    refused.entry = decision.entry;
    refused.route_entry = decision.route_entry;
    return refused;
  }
  if (found.ambiguous) {
    Decision refused =
        refuse("the path can be read in two ways, and paths of " + destination.host +
                   " have routes of their own",
               problem_code::kPathAmbiguous,
               "Write the path plainly: no empty, \".\" or \"..\" segments, no \";\", and no "
               "escaped slashes.");
    refused.entry = decision.entry;
    return refused;
  }
  if (!open.entry) {
    if (!learns(destination.kind)) return not_open(destination, scheme, open.host);
    decision.learned = true;
    return decision;
  }
  if (const auto& own = allow_[*open.entry].how.route) {
    decision.route = *own;
    decision.route_entry.reset();
  }
  return decision;
}

bool Policy::learns(HostKind kind) const noexcept {
  if (learning_ == Learning::Off) return false;
  return kind == HostKind::Name || learning_ == Learning::NamesAndAddresses;
}

Policy::Opening Policy::opening(const Destination& destination) const {
  Opening out;
  allow_index_.for_each_match(destination.kind, destination.host, [&](std::size_t number) {
    const HostPattern& host = allow_[number].host;
    if (!allow_[number].holds()) return true;
    out.host = true;
    if (!host.opens(destination.port)) return true;
    if (!out.entry) out.entry = number;
    if (host.kind != HostPattern::Kind::Subtree) {
      out.wildcard = {};
      return false;
    }
    if (out.wildcard.empty()) out.wildcard = host.host;
    return true;
  });
  return out;
}

Decision Policy::not_open(const Destination& destination, Scheme scheme, bool host_open) const {
  const bool usual = destination.port == default_port(scheme);
  const std::string what = usual && !host_open ? bracketed(destination) : destination.host_port();
  const std::string ask =
      takes_commands_
          ? "ask the person who runs the bottle for `bottle allow " + what + "`, and try again."
          : "ask the person who runs the bottle to add --allow " + what + ".";
  if (!host_open) {
    return refuse("host " + destination.host + " is not in the allowlist",
                  problem_code::kHostNotAllowed, "Use a host that is allowed, or " + ask);
  }
  return refuse(
      "port " + std::to_string(destination.port) + " of " + destination.host +
          " is not in the allowlist",
      problem_code::kPortNotAllowed,
      "Use a port that is allowed (443 and 80, unless an entry names another), or " + ask);
}

Decision Policy::admit(const Destination& destination, Scheme scheme,
                       std::string_view target) const {
  for (;;) {
    Decision decision = decide(destination, scheme, target);
    if (decision.refusal || !decision.entry) return decision;
    const AllowEntry& entry = allow_[*decision.entry].how;
    // Another worker's request may have been the one that it was good for.
    if (entry.once && entry.use->spent.exchange(true)) continue;
    entry.use->hits.fetch_add(1, std::memory_order_relaxed);
    return decision;
  }
}

bool Policy::knows_host(std::string_view name) const {
  auto destination = parse_host(name, kDefaultPorts.front());
  if (!destination || destination->kind != HostKind::Name) return false;
  const auto allows = [&](std::uint16_t port) {
    destination->port = port;
    const Decision decision = decide(*destination, Scheme::Https);
    return !decision.refusal && !decision.learned;
  };
  bool known = false;
  allow_index_.for_each_match(destination->kind, destination->host, [&](std::size_t number) {
    const auto& port = allow_[number].host.port;
    known = port ? allows(*port) : std::any_of(kDefaultPorts.begin(), kDefaultPorts.end(), allows);
    return !known;
  });
  return known;
}

bool Policy::has_route(Route route) const {
  const auto of_host = [route](const RouteEntry& entry) { return entry.route == route; };
  const auto of_entry = [route](const Entry& entry) { return entry.how.route == route; };
  return std::any_of(routes_.begin(), routes_.end(), of_host) ||
         std::any_of(allow_.begin(), allow_.end(), of_entry);
}

PermittedNames Policy::permitted_names() const {
  PermittedNames names;
  for (const Entry& one : allow_) {
    const HostPattern& entry = one.host;
    switch (entry.kind) {
      case HostPattern::Kind::Any:
        names.unconstrained = true;
        break;
      case HostPattern::Kind::Exact:
      case HostPattern::Kind::Subtree:
        if (std::find(names.dns.begin(), names.dns.end(), entry.host) == names.dns.end()) {
          names.dns.push_back(entry.host);
        }
        break;
      case HostPattern::Kind::Address:
        if (const auto address = IpAddress::parse(entry.host);
            address && std::find(names.addresses.begin(), names.addresses.end(), *address) ==
                           names.addresses.end()) {
          names.addresses.push_back(*address);
        }
        break;
    }
  }
  return names;
}

}  // namespace bottle
