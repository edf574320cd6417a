#include "proxy/contract/parent_address.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "proxy/contract/base64.h"
#include "proxy/contract/hex_digit.h"

namespace bottle {
namespace {

constexpr std::string_view kExample =
    "write http://HOST:PORT, such as http://proxy.example.com:3128";

Error bad_parent(std::string what) {
  return Error{ExitCode::kUsage, std::move(what), std::string(kExample)};
}

// As curl does: an escape that is none stands for itself.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool room = text[i] == '%' && i + 2 < text.size();
    const std::uint8_t high = room ? hex_digit(text[i + 1]) : kNoDigit;
    const std::uint8_t low = room ? hex_digit(text[i + 2]) : kNoDigit;
    if (high != kNoDigit && low != kNoDigit) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kEscapeDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kEscapeDigits[byte >> 4U];
    out += kEscapeDigits[byte & 15U];
  }
  return out;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

Expected<void> take_user(std::string_view text, ParentAddress& out) {
  const std::size_t colon = text.find(':');
  out.user = unescaped(text.substr(0, colon));
  if (colon != std::string_view::npos) out.password = unescaped(text.substr(colon + 1));
  if (out.user.empty()) return bad_parent("the parent proxy's address has an '@' and no user");
  // RFC 7617 section 2: a colon ends the user.
  if (out.user.find(':') != std::string::npos || has_control(out.user)) {
    return bad_parent("the parent proxy's user has a colon or a control character");
  }
  if (has_control(out.password)) {
    return bad_parent("the parent proxy's password has a control character");
  }
  if (out.user.size() > ParentAddress::kLongestUser ||
      out.password.size() > ParentAddress::kLongestPassword) {
    return bad_parent("the parent proxy's user or password is too long");
  }
  return {};
}

}  // namespace

Expected<ParentAddress> ParentAddress::parse(std::string_view text) {
  ParentAddress out;
  const std::size_t scheme = text.find("://");
  if (scheme != std::string_view::npos) {
    std::string word(text.substr(0, scheme));
    std::transform(word.begin(), word.end(), word.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (word != "http") {
      return bad_parent("a parent proxy of the scheme \"" + word.substr(0, 20) +
                        "\" is not supported; it has to speak plain HTTP");
    }
    text.remove_prefix(scheme + 3);
  }
  const std::size_t slash = text.find_first_of("/?#");
  if (slash != std::string_view::npos && text.substr(slash) != "/") {
    return bad_parent("the parent proxy's address has a path");
  }
  text = text.substr(0, slash);
  const std::size_t at = text.rfind('@');
  if (at != std::string_view::npos) {
    if (auto taken = take_user(text.substr(0, at), out); !taken) return taken.error();
    text.remove_prefix(at + 1);
  }
  const std::size_t colon = text.rfind(':');
  const bool bracket = text.ends_with(']');
  const auto port = colon == std::string_view::npos || bracket ? std::nullopt
                                                               : parse_port(text.substr(colon + 1));
  if (!port) return bad_parent("the parent proxy's address has no port, or a wrong one");
  const HostReading host = read_host(text.substr(0, colon));
  if (host.defect != nullptr) {
    return bad_parent(std::string("the parent proxy's host cannot be read: ") + host.defect);
  }
  if (host.kind == HostKind::Ipv6 && !text.starts_with('[')) {
    return bad_parent("the parent proxy's IPv6 address needs brackets");
  }
  out.host = host.text;
  out.kind = host.kind;
  out.port = *port;
  return out;
}

std::string ParentAddress::host_port() const {
  const std::string name = kind == HostKind::Ipv6 ? "[" + host + "]" : host;
  return name + ":" + std::to_string(port);
}

bool ParentAddress::is_loopback() const {
  if (kind == HostKind::Name) return host == "localhost" || host.ends_with(".localhost");
  return host == "::1" || (kind == HostKind::Ipv4 && host.starts_with("127."));
}

std::string ParentAddress::text() const {
  return "http://" + (user.empty() ? "" : escaped(user) + "@") + host_port();
}

std::string basic_authorization(std::string_view user, std::string_view password) {
  return "Basic " + base64(std::string(user) + ":" + std::string(password));
}

}  // namespace bottle
