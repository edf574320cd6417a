#include "proxy/http/authority.h"

#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

Failure bad(std::string detail) {
  return Failure{Code::ClientBad, std::move(detail), problem_code::kBadAuthority,
                 "Name the host in its plain form: a DNS name in ASCII or an IP address, with an "
                 "optional decimal port."};
}

Result<Destination> destination(HostReading host, std::uint16_t port) {
  if (host.defect != nullptr) return bad(host.defect);
  return Destination{std::move(host.text), port, host.kind};
}

std::string bracketed(const Destination& destination) {
  if (destination.kind != HostKind::Ipv6) return destination.host;
  return "[" + destination.host + "]";
}

}  // namespace

std::string Destination::authority(Scheme scheme) const {
  return port == default_port(scheme) ? bracketed(*this) : host_port();
}

std::string Destination::host_port() const {
  std::string out = bracketed(*this);
  out += ':';
  out += std::to_string(port);
  return out;
}

bool is_valid_hostname(std::string_view name) noexcept {
  if (name.size() > 1 && name.back() == '.') name.remove_suffix(1);
  return name_defect(name) == nullptr;
}

Result<Destination> parse_authority(std::string_view text,
                                    std::optional<std::uint16_t> default_port) {
  if (text.empty()) return bad("the authority is empty");
  if (text.find('@') != std::string_view::npos) {
    return bad("a user name or password in the authority is not allowed");
  }
  std::string_view host;
  std::string_view rest;
  const bool v6 = text.front() == '[';
  if (v6) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return bad("the IPv6 address has no closing bracket");
    host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  std::uint16_t port = 0;
  if (rest.empty()) {
    if (!default_port) return bad("the authority has no port");
    port = *default_port;
  } else {
    const auto parsed =
        rest.front() == ':' ? parse_port(rest.substr(1)) : std::optional<std::uint16_t>();
    if (!parsed) return bad("the authority's port is not a number from 1 to 65535");
    port = *parsed;
  }
  return destination(v6 ? read_ipv6(host) : read_name_or_ipv4(host), port);
}

Result<Destination> parse_host(std::string_view host, std::uint16_t port) {
  if (port == 0) return bad("port 0 is not a port");
  return destination(read_host(host), port);
}

namespace {

std::optional<Scheme> absolute_scheme(std::string_view target) {
  if (target.size() >= 7 && iequals(target.substr(0, 7), "http://")) return Scheme::Http;
  if (target.size() >= 8 && iequals(target.substr(0, 8), "https://")) return Scheme::Https;
  return std::nullopt;
}

}  // namespace

bool is_absolute_form(std::string_view target) noexcept {
  return absolute_scheme(target).has_value();
}

Result<AbsoluteForm> parse_absolute_form(std::string_view target) {
  const auto scheme = absolute_scheme(target);
  if (!scheme) {
    return Failure{Code::ClientBad, "the request's target is not an http or https URL",
                   problem_code::kBadTarget};
  }
  target.remove_prefix(*scheme == Scheme::Http ? 7 : 8);
  const std::size_t end = target.find_first_of("/?#");
  AbsoluteForm form;
  form.scheme = *scheme;
  auto destination = parse_authority(target.substr(0, end), default_port(*scheme));
  if (!destination) return destination.error();
  form.destination = std::move(*destination);
  const std::string_view rest =
      end == std::string_view::npos ? std::string_view() : target.substr(end);
  if (rest.find('#') != std::string_view::npos) {
    return Failure{Code::ClientBad, "the request's target has a fragment", problem_code::kBadTarget,
                   "Leave out what follows '#'; it is never sent to a server."};
  }
  form.has_path = !rest.empty();
  if (rest.empty() || rest.front() != '/') form.path = "/";
  form.path += rest;
  return form;
}

}  // namespace bottle
