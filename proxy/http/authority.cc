#include "proxy/http/authority.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

namespace bottle {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

Failure bad(std::string detail) {
  return Failure{Code::ClientBad, std::move(detail), "bad_authority",
                 "Name the host in its plain form: a DNS name in ASCII or an IP address, with an "
                 "optional decimal port."};
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_ldh(char c) { return is_digit(c) || is_alpha(c) || c == '-'; }

bool is_xn(std::string_view label) {
  return label.size() >= 4 && iequals(label.substr(0, 4), "xn--");
}

// RFC 3492 section 6.2, for validity only: true if the label decodes without overflow and to at
// least one character outside ASCII (an A-label of plain ASCII has a second spelling).
bool is_punycode(std::string_view text) {
  constexpr std::uint32_t kBase = 36, kTMin = 1, kTMax = 26, kSkew = 38, kDamp = 700;
  constexpr std::uint32_t kLastCodePoint = 0x10FFFF;
  std::size_t basic = text.rfind('-');
  std::size_t in = 0;
  std::uint32_t points = 0;
  if (basic != std::string_view::npos) {
    points = static_cast<std::uint32_t>(basic);
    in = basic + 1;
  }
  if (in >= text.size()) return false;
  std::uint32_t n = 128, i = 0, bias = 72;
  while (in < text.size()) {
    const std::uint32_t old_i = i;
    std::uint32_t w = 1;
    for (std::uint32_t k = kBase;; k += kBase) {
      if (in >= text.size()) return false;
      const char c = text[in++];
      std::uint32_t digit = 0;
      if (is_digit(c)) {
        digit = static_cast<std::uint32_t>(c - '0') + 26;
      } else if (c >= 'a' && c <= 'z') {
        digit = static_cast<std::uint32_t>(c - 'a');
      } else if (c >= 'A' && c <= 'Z') {
        digit = static_cast<std::uint32_t>(c - 'A');
      } else {
        return false;
      }
      // Labels are at most 63 bytes, so anything near 2^26 is already no code point.
      constexpr std::uint32_t kRoom = 0x3FFFFFF;
      if (digit != 0 && w > (kRoom - i) / digit) return false;
      i += digit * w;
      const std::uint32_t t = k <= bias ? kTMin : (k >= bias + kTMax ? kTMax : k - bias);
      if (digit < t) break;
      if (w > kRoom / (kBase - t)) return false;
      w *= kBase - t;
    }
    ++points;
    std::uint32_t delta = old_i == 0 ? i / kDamp : (i - old_i) / 2;
    delta += delta / points;
    std::uint32_t k = 0;
    while (delta > ((kBase - kTMin) * kTMax) / 2) {
      delta /= kBase - kTMin;
      k += kBase;
    }
    bias = k + (kBase - kTMin + 1) * delta / (delta + kSkew);
    n += i / points;
    i %= points;
    // Neither surrogates nor the control characters of Latin-1.
    if (n > kLastCodePoint || (n >= 0xD800 && n <= 0xDFFF) || n < 0xA0) return false;
    ++i;
  }
  return true;
}

// A last label that some resolver takes for a number makes the whole name an IPv4 address there
// ("127.1", "2130706433", "0x7f.1"; WHATWG URL, "ends in a number").
bool reads_as_number(std::string_view label) {
  if (label.empty()) return false;
  bool digits = true;
  for (const char c : label) digits = digits && is_digit(c);
  if (digits) return true;
  if (label.size() < 2 || label[0] != '0' || (label[1] != 'x' && label[1] != 'X')) return false;
  for (const char c : label.substr(2)) {
    if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return false;
  }
  return true;
}

std::string_view last_label(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

// nullptr if `name` (without trailing dot) is a host name, otherwise what is wrong with it.
const char* name_defect(std::string_view name) {
  if (name.empty()) return "the host is empty";
  if (name.size() > kMaxName) return "the host's name is longer than 253 bytes";
  std::size_t start = 0;
  while (true) {
    const std::size_t dot = name.find('.', start);
    const std::string_view label =
        name.substr(start, dot == std::string_view::npos ? dot : dot - start);
    if (label.empty()) return "the host's name has an empty label";
    if (label.size() > kMaxLabel) return "the host's name has a label longer than 63 bytes";
    for (const char c : label) {
      if (c == '_') {
        return "the host's name has an underscore, which is for names that are no hosts (RFC 952)";
      }
      if (!is_ldh(c)) return "the host's name has other than letters, digits and hyphens";
    }
    if (label.front() == '-' || label.back() == '-') {
      return "the host's name has a label that begins or ends with a hyphen";
    }
    if (is_xn(label) && !is_punycode(label.substr(4))) {
      return "the host's name has an xn-- label that is not Punycode";
    }
    if (dot == std::string_view::npos) break;
    start = dot + 1;
  }
  if (reads_as_number(last_label(name))) {
    return "the host is a number or an IPv4 address in an unusual form";
  }
  return nullptr;
}

bool is_canonical_ipv4(std::string_view text) {
  int octets = 0;
  std::size_t i = 0;
  while (true) {
    const std::size_t begin = i;
    unsigned value = 0;
    while (i < text.size() && is_digit(text[i]) && i - begin < 3) {
      value = value * 10 + static_cast<unsigned>(text[i++] - '0');
    }
    const std::size_t length = i - begin;
    if (length == 0 || value > 255 || (length > 1 && text[begin] == '0')) return false;
    if (++octets == 4) return i == text.size();
    if (i == text.size() || text[i] != '.') return false;
    ++i;
  }
}

Result<std::string> canonical_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> in{};
  if (text.size() >= in.size()) return bad("the IPv6 address is too long");
  for (const char c : text) {
    const bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex && c != ':' && c != '.') {
      return bad(c == '%' ? "an IPv6 zone is not allowed" : "the IPv6 address is malformed");
    }
  }
  std::memcpy(in.data(), text.data(), text.size());
  std::array<unsigned char, 16> address{};
  if (inet_pton(AF_INET6, in.data(), address.data()) != 1) {
    return bad("the IPv6 address is malformed");
  }
  bool zero_80 = true;
  for (std::size_t i = 0; i < 10; ++i) zero_80 = zero_80 && address[i] == 0;
  const bool mapped = zero_80 && address[10] == 0xff && address[11] == 0xff;
  bool zero_96 = zero_80 && address[10] == 0 && address[11] == 0;
  // "::" and "::1" are addresses of their own; the rest of ::/96 is IPv4 in disguise.
  const bool unspecified_or_loopback =
      zero_96 && address[12] == 0 && address[13] == 0 && address[14] == 0 && address[15] <= 1;
  if (mapped || (zero_96 && !unspecified_or_loopback)) {
    return bad("an IPv4 address must not be written as IPv6");
  }
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_ntop(AF_INET6, address.data(), out.data(), out.size()) == nullptr) {
    return bad("the IPv6 address is malformed");
  }
  return std::string(out.data());
}

Result<Destination> name_or_ipv4(std::string_view host, std::uint16_t port) {
  if (is_canonical_ipv4(host)) return Destination{std::string(host), port, HostKind::Ipv4};
  if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  if (const char* defect = name_defect(host)) return bad(defect);
  return Destination{to_lower(host), port, HostKind::Name};
}

Result<Destination> ipv6(std::string_view host, std::uint16_t port) {
  auto text = canonical_ipv6(host);
  if (!text) return text.error();
  return Destination{std::move(*text), port, HostKind::Ipv6};
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

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || text[0] == '0') return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
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
  return v6 ? ipv6(host, port) : name_or_ipv4(host, port);
}

Result<Destination> parse_host(std::string_view host, std::uint16_t port) {
  if (port == 0) return bad("port 0 is not a port");
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    return ipv6(host.substr(1, host.size() - 2), port);
  }
  if (host.find(':') != std::string_view::npos) return ipv6(host, port);
  return name_or_ipv4(host, port);
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
                   "bad_target"};
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
    return Failure{Code::ClientBad, "the request's target has a fragment", "bad_target",
                   "Leave out what follows '#'; it is never sent to a server."};
  }
  form.has_path = !rest.empty();
  if (rest.empty() || rest.front() != '/') form.path = "/";
  form.path += rest;
  return form;
}

}  // namespace bottle
