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

Expected<Policy::RouteEntry> Policy::route_entry(std::string_view entry) {
  constexpr std::string_view kOption = "--route";
  const std::size_t equals = entry.rfind('=');
  if (equals == std::string_view::npos) {
    return bad_entry(kOption, entry, "write HOST=ROUTE, with " + route_words() + " as the route");
  }
  const std::string_view word = entry.substr(equals + 1);
  const auto route = route_by_word(word);
  if (!route) return bad_entry(kOption, entry, no_such_route(word));
  auto host = HostPattern::parse_without_port(entry.substr(0, equals));
  if (!host) return bad_entry(kOption, entry, host.error().message);
  return RouteEntry{.host = std::move(*host), .route = *route};
}

Expected<Policy> Policy::make(PolicySpec spec) {
  if (spec.allow.size() > kMaxAllowEntries) {
    return Error{ExitCode::kUsage,
                 "more than " + std::to_string(kMaxAllowEntries) + " --allow entries", ""};
  }
  if (spec.routes.size() > kMaxRouteEntries) {
    return Error{ExitCode::kUsage,
                 "more than " + std::to_string(kMaxRouteEntries) + " --route entries", ""};
  }
  Policy policy;
  for (const std::string& entry : spec.allow) {
    auto allow = HostPattern::parse(entry);
    if (!allow) return bad_entry("--allow", entry, allow.error().message);
    policy.allow_.push_back(std::move(*allow));
  }
  for (const std::string& entry : spec.routes) {
    auto route = route_entry(entry);
    if (!route) return route.error();
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
  return policy;
}

bool Policy::is_own(const Destination& destination, const std::optional<IpAddress>& address) const {
  return std::any_of(own_.begin(), own_.end(), [&](const OwnEntry& own) {
    if (own.port && *own.port != destination.port) return false;
    return own.address ? own.address == address
                       : destination.kind == HostKind::Name && destination.host == own.name;
  });
}

Decision Policy::decide(const Destination& destination, Scheme scheme) const {
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

  bool host_allowed = false;
  bool allowed = false;
  std::string_view wildcard;
  for (const HostPattern& entry : allow_) {
    if (!entry.matches(destination.kind, destination.host)) continue;
    host_allowed = true;
    if (!entry.opens(destination.port)) continue;
    allowed = true;
    if (entry.kind != HostPattern::Kind::Subtree) {
      wildcard = {};
      break;
    }
    if (wildcard.empty()) wildcard = entry.host;
  }
  const std::string port = std::to_string(destination.port);
  if (!host_allowed) {
    const std::string what =
        destination.port == default_port(scheme) ? bracketed(destination) : destination.host_port();
    return refuse("host " + destination.host + " is not in the allowlist",
                  problem_code::kHostNotAllowed,
                  "Use a host that is allowed, or ask the person who runs the bottle to add "
                  "--allow " +
                      what + ".");
  }
  if (!allowed) {
    return refuse("port " + port + " of " + destination.host + " is not in the allowlist",
                  problem_code::kPortNotAllowed,
                  "Use a port that is allowed (443 and 80, unless an entry names another), or ask "
                  "the person who runs the bottle to add --allow " +
                      destination.host_port() + ".");
  }
  for (const RouteEntry& entry : routes_) {
    if (!entry.host.matches(destination.kind, destination.host)) continue;
    if (entry.route == Route::Deny) {
      return refuse("host " + destination.host + " has the route deny", problem_code::kRouteDeny,
                    "The person who runs the bottle has closed this host; use another one.");
    }
    return Decision{.route = entry.route, .refusal = {}, .wildcard = wildcard};
  }
  return Decision{.route = Route::Scan, .refusal = {}, .wildcard = wildcard};
}

bool Policy::knows_host(std::string_view name) const {
  auto destination = parse_host(name, kDefaultPorts.front());
  if (!destination || destination->kind != HostKind::Name) return false;
  const auto allows = [&](std::uint16_t port) {
    destination->port = port;
    return !decide(*destination, Scheme::Https).refusal;
  };
  return std::any_of(allow_.begin(), allow_.end(), [&](const HostPattern& entry) {
    if (!entry.matches(destination->kind, destination->host)) return false;
    return entry.port ? allows(*entry.port)
                      : std::any_of(kDefaultPorts.begin(), kDefaultPorts.end(), allows);
  });
}

PermittedNames Policy::permitted_names() const {
  PermittedNames names;
  for (const HostPattern& entry : allow_) {
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
