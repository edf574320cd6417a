#include "proxy/contract/host_pattern.h"

#include <algorithm>
#include <utility>

namespace bottle {
namespace {

Error wrong(std::string what) {
  return Error{ExitCode::kUsage, std::move(what), std::string(kHostGrammar)};
}

struct Split {
  std::string_view host;
  std::optional<std::string_view> port;
};

// IPv6 with a port needs brackets; without one it may stand bare.
Split split_port(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close + 1 == text.size()) return {text, std::nullopt};
    const std::string_view rest = text.substr(close + 1);
    return {text.substr(0, close + 1), rest.starts_with(':') ? rest.substr(1) : std::string_view()};
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
    return {text, std::nullopt};
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Expected<HostPattern> parse_host_part(std::string_view host) {
  if (host == "*") return HostPattern{.kind = HostPattern::Kind::Any, .host = {}, .port = {}};
  if (host.empty()) return wrong("the host is missing");
  if (host.starts_with('[') && !host.ends_with(']')) {
    return wrong("the IPv6 address has no closing bracket");
  }
  const bool wildcard = host.starts_with("*.");
  const std::string_view name = wildcard ? host.substr(2) : host;
  if (name.find('*') != std::string_view::npos) {
    return wrong("\"*\" stands alone (every host) or in front as \"*.\" (a name and all below)");
  }
  if (name.ends_with('.')) return wrong("leave out the dot at the end");
  if (std::any_of(name.begin(), name.end(), [](char c) { return (c & 0x80) != 0; })) {
    return wrong("write international names in their ASCII form (xn--...)");
  }
  HostReading reading = read_host(name);
  if (reading.defect != nullptr) {
    return wrong("not a host name or IP address (" + std::string(reading.defect) + ")");
  }
  HostPattern pattern{
      .kind = HostPattern::Kind::Exact, .host = std::move(reading.text), .port = {}};
  if (reading.kind != HostKind::Name) {
    if (wildcard) return wrong("an IP address has no names below it");
    pattern.kind = HostPattern::Kind::Address;
    return pattern;
  }
  // One label is too much for a wildcard: "*.com" would be half the world.
  if (wildcard && pattern.host.find('.') == std::string::npos) {
    return wrong("a wildcard needs at least two labels, like \"*.example.com\"");
  }
  if (wildcard) pattern.kind = HostPattern::Kind::Subtree;
  return pattern;
}

}  // namespace

Expected<HostPattern> HostPattern::parse(std::string_view text) {
  if (text.find('/') != std::string_view::npos) {
    return wrong("write the host alone, without scheme and path");
  }
  if (text.find('@') != std::string_view::npos)
    return wrong("write the host alone, without a user");
  const Split parts = split_port(text);
  auto pattern = parse_host_part(parts.host);
  if (!pattern || !parts.port) return pattern;
  pattern->port = parse_port(*parts.port);
  if (!pattern->port) return wrong("the port must be a number from 1 to 65535");
  return pattern;
}

Expected<HostPattern> HostPattern::parse_without_port(std::string_view text) {
  auto pattern = parse(text);
  if (pattern && pattern->port) return wrong("leave out the port");
  return pattern;
}

Expected<HostPattern> HostPattern::parse_home(std::string_view text) {
  auto pattern = parse_without_port(text);
  if (pattern && pattern->kind == Kind::Any) return wrong("name the hosts; \"*\" would be all");
  return pattern;
}

bool HostPattern::matches(HostKind host_kind, std::string_view other) const {
  switch (kind) {
    case Kind::Any:
      return true;
    case Kind::Exact:
      return host_kind == HostKind::Name && other == host;
    case Kind::Subtree:
      return host_kind == HostKind::Name &&
             (other == host || (other.size() > host.size() && other.ends_with(host) &&
                                other[other.size() - host.size() - 1] == '.'));
    case Kind::Address:
      return host_kind != HostKind::Name && other == host;
  }
  return false;
}

bool HostPattern::opens(std::uint16_t number) const {
  if (port) return *port == number;
  return std::find(kDefaultPorts.begin(), kDefaultPorts.end(), number) != kDefaultPorts.end();
}

std::string HostPattern::host_text() const {
  if (kind == Kind::Any) return "*";
  return kind == Kind::Subtree ? "*." + host : host;
}

std::vector<std::uint16_t> opened_ports(const std::vector<HostPattern>& list) {
  std::vector<std::uint16_t> out;
  const auto add = [&out](std::uint16_t port) {
    if (std::find(out.begin(), out.end(), port) == out.end()) out.push_back(port);
  };
  for (const HostPattern& entry : list) {
    if (entry.port) {
      add(*entry.port);
    } else {
      std::for_each(kDefaultPorts.begin(), kDefaultPorts.end(), add);
    }
  }
  if (list.empty()) std::for_each(kDefaultPorts.begin(), kDefaultPorts.end(), add);
  return out;
}

std::vector<HostPattern> host_patterns(const std::vector<std::string>& texts) {
  std::vector<HostPattern> out;
  for (const std::string& text : texts) {
    auto pattern = HostPattern::parse(text);
    if (pattern) out.push_back(std::move(*pattern));
  }
  return out;
}

std::string allow_entry(std::string_view host, std::optional<std::uint16_t> port) {
  std::string out(host);
  if (out.find(':') != std::string::npos) out = "[" + out + "]";
  return port ? out + ":" + std::to_string(*port) : out;
}

}  // namespace bottle
