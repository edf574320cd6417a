#include "proxy/contract/host_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace bottle {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

HostReading no_host(const char* defect) {
  return HostReading{.kind = HostKind::Name, .text = {}, .defect = defect};
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_in_names(char c) { return is_digit(c) || is_alpha(c) || c == '-' || c == '_'; }

bool is_xn(std::string_view label) {
  return label.size() >= 4 && (label[0] == 'x' || label[0] == 'X') &&
         (label[1] == 'n' || label[1] == 'N') && label[2] == '-' && label[3] == '-';
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

}  // namespace

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
    if (!std::all_of(label.begin(), label.end(), is_in_names)) {
      return "the host's name has other than letters, digits, hyphens and underscores";
    }
    if (label.front() == '-') return "the host's name has a label that begins with a hyphen";
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

HostReading read_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> in{};
  if (text.size() >= in.size()) return no_host("the IPv6 address is too long");
  for (const char c : text) {
    const bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex && c != ':' && c != '.') {
      return no_host(c == '%' ? "an IPv6 zone is not allowed" : "the IPv6 address is malformed");
    }
  }
  std::memcpy(in.data(), text.data(), text.size());
  std::array<unsigned char, 16> address{};
  if (inet_pton(AF_INET6, in.data(), address.data()) != 1) {
    return no_host("the IPv6 address is malformed");
  }
  bool zero_80 = true;
  for (std::size_t i = 0; i < 10; ++i) zero_80 = zero_80 && address[i] == 0;
  const bool mapped = zero_80 && address[10] == 0xff && address[11] == 0xff;
  bool zero_96 = zero_80 && address[10] == 0 && address[11] == 0;
  // "::" and "::1" are addresses of their own; the rest of ::/96 is IPv4 in disguise.
  const bool unspecified_or_loopback =
      zero_96 && address[12] == 0 && address[13] == 0 && address[14] == 0 && address[15] <= 1;
  if (mapped || (zero_96 && !unspecified_or_loopback)) {
    return no_host("an IPv4 address must not be written as IPv6");
  }
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_ntop(AF_INET6, address.data(), out.data(), out.size()) == nullptr) {
    return no_host("the IPv6 address is malformed");
  }
  return HostReading{.kind = HostKind::Ipv6, .text = out.data(), .defect = nullptr};
}

HostReading read_name_or_ipv4(std::string_view host) {
  if (is_canonical_ipv4(host)) {
    return HostReading{.kind = HostKind::Ipv4, .text = std::string(host), .defect = nullptr};
  }
  if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  if (const char* defect = name_defect(host)) return no_host(defect);
  std::string lower(host);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return HostReading{.kind = HostKind::Name, .text = std::move(lower), .defect = nullptr};
}

HostReading read_host(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    return read_ipv6(host.substr(1, host.size() - 2));
  }
  if (host.find(':') != std::string_view::npos) return read_ipv6(host);
  return read_name_or_ipv4(host);
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

}  // namespace bottle
