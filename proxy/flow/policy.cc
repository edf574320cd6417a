#include "proxy/flow/policy.h"

#include <algorithm>
#include <array>

namespace bottle {
namespace {

constexpr std::array<std::uint16_t, 2> kDefaultPorts = {443, 80};

// Names by which clouds' metadata services are reached. Their addresses are the address guard's.
constexpr std::array<std::string_view, 6> kMetadataNames = {"metadata.google.internal",
                                                            "metadata",
                                                            "metadata.goog",
                                                            "instance-data",
                                                            "instance-data.ec2.internal",
                                                            "metadata.azure.internal"};

Failure bad_entry(std::string_view option, std::string_view entry, const std::string& what) {
  return Failure{Code::Internal,
                 std::string(option) + " \"" + std::string(entry.substr(0, 300)) + "\": " + what};
}

bool is_name_or_below(std::string_view host, std::string_view name) {
  return host == name || (host.size() > name.size() && host.ends_with(name) &&
                          host[host.size() - name.size() - 1] == '.');
}

std::string bracketed(const Destination& destination) {
  return destination.kind == HostKind::Ipv6 ? "[" + destination.host + "]" : destination.host;
}

Decision refuse(std::string detail, std::string reason, std::string hint) {
  return Decision{
      .route = Route::Deny,
      .refusal = Failure{Code::Denied, std::move(detail), std::move(reason), std::move(hint)}};
}

struct HostAndPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

// Takes "host:port" apart. IPv6 with a port needs brackets; without one it may stand bare.
HostAndPort split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return HostAndPort{.host = text, .port = {}};
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) return HostAndPort{.host = text, .port = {}};
    return HostAndPort{.host = text.substr(0, close + 1),
                       .port = rest.starts_with(':') ? rest.substr(1) : std::string_view()};
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
    return HostAndPort{.host = text, .port = {}};
  }
  return HostAndPort{.host = text.substr(0, colon), .port = text.substr(colon + 1)};
}

}  // namespace

std::string_view to_string(Route route) noexcept {
  switch (route) {
    case Route::Scan:
      return "scan";
    case Route::ScanRequests:
      return "scan-requests";
    case Route::Deny:
      return "deny";
  }
  return "deny";
}

Result<Policy::HostPattern> Policy::host_pattern(std::string_view host, std::string_view option,
                                                 std::string_view entry) {
  HostPattern pattern;
  if (host == "*") {
    pattern.kind = HostPattern::Kind::Any;
    return pattern;
  }
  if (host.empty()) return bad_entry(option, entry, "the host is missing");
  if (host.find("//") != std::string_view::npos || host.find('/') != std::string_view::npos) {
    return bad_entry(option, entry, "write the host alone, without scheme and path");
  }
  const bool wildcard = host.starts_with("*.");
  const std::string_view name = wildcard ? host.substr(2) : host;
  if (name.find('*') != std::string_view::npos) {
    return bad_entry(
        option, entry,
        "\"*\" stands alone (every host) or in front as \"*.\" (a name and all below)");
  }
  if (name.ends_with('.')) return bad_entry(option, entry, "leave out the dot at the end");
  if (std::any_of(name.begin(), name.end(), [](char c) { return (c & 0x80) != 0; })) {
    return bad_entry(option, entry, "write international names in their ASCII form (xn--...)");
  }
  const auto destination = bottle::parse_host(name, 443);
  if (!destination) {
    return bad_entry(option, entry,
                     "not a host name or IP address (" + destination.error().detail + ")");
  }
  if (destination->kind != HostKind::Name) {
    const auto address = IpAddress::parse(destination->host);
    if (wildcard || !address) {
      return bad_entry(option, entry, "an IP address has no names below it");
    }
    pattern.kind = HostPattern::Kind::Address;
    pattern.address = *address;
    return pattern;
  }
  // One label is too much for a wildcard: "*.com" would be half the world.
  if (wildcard && destination->host.find('.') == std::string::npos) {
    return bad_entry(option, entry, "a wildcard needs at least two labels, like \"*.example.com\"");
  }
  pattern.kind = wildcard ? HostPattern::Kind::Subtree : HostPattern::Kind::Exact;
  pattern.name = destination->host;
  return pattern;
}

Result<Policy::AllowEntry> Policy::allow_entry(std::string_view entry) {
  constexpr std::string_view kOption = "--allow";
  const HostAndPort parts = split(entry);
  AllowEntry allow;
  if (parts.port) {
    allow.port = parse_port(*parts.port);
    if (!allow.port) {
      return bad_entry(kOption, entry,
                       "behind the host stands nothing, or a colon and a port from 1 to 65535");
    }
  }
  auto host = host_pattern(parts.host, kOption, entry);
  if (!host) return host.error();
  allow.host = std::move(*host);
  return allow;
}

Result<Policy::RouteEntry> Policy::route_entry(std::string_view entry) {
  constexpr std::string_view kOption = "--route";
  const std::size_t equals = entry.rfind('=');
  if (equals == std::string_view::npos) {
    return bad_entry(kOption, entry,
                     "write HOST=ROUTE, with scan, scan-requests or deny as the route");
  }
  const std::string_view host = entry.substr(0, equals);
  const std::string_view name = entry.substr(equals + 1);
  RouteEntry route;
  if (name == "scan") {
    route.route = Route::Scan;
  } else if (name == "deny") {
    route.route = Route::Deny;
  } else if (name == "scan-requests") {
    route.route = Route::ScanRequests;
  } else if (name == "relay" || name == "splice") {
    return bad_entry(
        kOption, entry,
        "the route \"" + std::string(name) +
            "\" does not exist yet; use scan, scan-requests or deny, or leave the host out");
  } else {
    return bad_entry(kOption, entry, "the route is scan, scan-requests or deny");
  }
  if (split(host).port) return bad_entry(kOption, entry, "a route is for a host, without a port");
  auto pattern = host_pattern(host, kOption, entry);
  if (!pattern) return pattern.error();
  route.host = std::move(*pattern);
  return route;
}

Result<Policy> Policy::make(PolicySpec spec) {
  if (spec.allow.size() > kMaxAllowEntries) {
    return Failure{Code::Internal,
                   "more than " + std::to_string(kMaxAllowEntries) + " --allow entries"};
  }
  if (spec.routes.size() > kMaxRouteEntries) {
    return Failure{Code::Internal,
                   "more than " + std::to_string(kMaxRouteEntries) + " --route entries"};
  }
  Policy policy;
  for (const std::string& entry : spec.allow) {
    auto allow = allow_entry(entry);
    if (!allow) return allow.error();
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

bool Policy::HostPattern::matches(const Destination& destination,
                                  const std::optional<IpAddress>& address_in) const {
  switch (kind) {
    case Kind::Any:
      return true;
    case Kind::Exact:
      return destination.kind == HostKind::Name && destination.host == name;
    case Kind::Subtree:
      return destination.kind == HostKind::Name && is_name_or_below(destination.host, name);
    case Kind::Address:
      return address_in == address;
  }
  return false;
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
      return refuse("the destination's address cannot be read", "address_not_allowed",
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
                  "own_address", "Nothing in the bottle needs it; use another host.");
  }
  if (address) {
    auto closed = addresses_.check(*address, destination.port);
    if (closed) return Decision{.route = Route::Deny, .refusal = std::move(closed)};
  }

  bool host_allowed = false;
  bool allowed = false;
  for (const AllowEntry& entry : allow_) {
    if (!entry.host.matches(destination, address)) continue;
    host_allowed = true;
    const bool port_allowed = entry.port ? *entry.port == destination.port
                                         : std::find(kDefaultPorts.begin(), kDefaultPorts.end(),
                                                     destination.port) != kDefaultPorts.end();
    if (port_allowed) {
      allowed = true;
      break;
    }
  }
  const std::string port = std::to_string(destination.port);
  if (!host_allowed) {
    const std::string what =
        destination.port == default_port(scheme) ? bracketed(destination) : destination.host_port();
    return refuse("host " + destination.host + " is not in the allowlist", "host_not_allowed",
                  "Use a host that is allowed, or ask the person who runs the bottle to add "
                  "--allow " +
                      what + ".");
  }
  if (!allowed) {
    return refuse("port " + port + " of " + destination.host + " is not in the allowlist",
                  "port_not_allowed",
                  "Use a port that is allowed (443 and 80, unless an entry names another), or ask "
                  "the person who runs the bottle to add --allow " +
                      destination.host_port() + ".");
  }
  for (const RouteEntry& entry : routes_) {
    if (!entry.host.matches(destination, address)) continue;
    if (entry.route == Route::Deny) {
      return refuse("host " + destination.host + " has the route deny", "route_deny",
                    "The person who runs the bottle has closed this host; use another one.");
    }
    return Decision{.route = entry.route, .refusal = {}};
  }
  return Decision{.route = Route::Scan, .refusal = {}};
}

bool Policy::knows_host(std::string_view name) const {
  auto destination = parse_host(name, kDefaultPorts.front());
  if (!destination || destination->kind != HostKind::Name) return false;
  const auto allows = [&](std::uint16_t port) {
    destination->port = port;
    return !decide(*destination, Scheme::Https).refusal;
  };
  return std::any_of(allow_.begin(), allow_.end(), [&](const AllowEntry& entry) {
    if (!entry.host.matches(*destination, std::nullopt)) return false;
    return entry.port ? allows(*entry.port)
                      : std::any_of(kDefaultPorts.begin(), kDefaultPorts.end(), allows);
  });
}

PermittedNames Policy::permitted_names() const {
  PermittedNames names;
  for (const AllowEntry& entry : allow_) {
    switch (entry.host.kind) {
      case HostPattern::Kind::Any:
        names.unconstrained = true;
        break;
      case HostPattern::Kind::Exact:
      case HostPattern::Kind::Subtree:
        if (std::find(names.dns.begin(), names.dns.end(), entry.host.name) == names.dns.end()) {
          names.dns.push_back(entry.host.name);
        }
        break;
      case HostPattern::Kind::Address:
        if (std::find(names.addresses.begin(), names.addresses.end(), entry.host.address) ==
            names.addresses.end()) {
          names.addresses.push_back(entry.host.address);
        }
        break;
    }
  }
  return names;
}

}  // namespace bottle
