#include "proxy/contract/route_place.h"

#include <utility>

#include "proxy/contract/exit_code.h"
#include "proxy/contract/hex_digit.h"

namespace bottle {
namespace {

Error bad_place(std::string message) {
  return Error{ExitCode::kUsage, std::move(message),
               "write HOST, or HOST/PATH for a part of it, such as api.example.com/ws"};
}

bool is_unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// False: an escape that is none, or whose byte may separate or end something.
bool append_escaped(std::string& out, std::string_view escape) {
  const std::uint8_t high = escape.size() == 3 ? hex_digit(escape[1]) : kNoDigit;
  const std::uint8_t low = escape.size() == 3 ? hex_digit(escape[2]) : kNoDigit;
  if (high == kNoDigit || low == kNoDigit) return false;
  const auto code = static_cast<unsigned char>(high * 16 + low);
  const char byte = static_cast<char>(code);
  if (code < 0x20 || code == 0x7f) return false;
  if (byte == '/' || byte == '\\' || byte == '%' || byte == ';') return false;
  if (is_unreserved(byte)) {
    out.push_back(byte);
    return true;
  }
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out.push_back('%');
  out.push_back(kHex[high]);
  out.push_back(kHex[low]);
  return true;
}

// No segment is "." or "..", or empty but the last.
bool segments_are_plain(std::string_view path) {
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = path.find('/', at);
    const std::string_view segment = path.substr(at, end == path.npos ? path.npos : end - at);
    if (segment == "." || segment == "..") return false;
    if (end == path.npos) return true;
    if (segment.empty()) return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

std::optional<std::string> plain_path(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path.empty() || path.front() != '/') return std::nullopt;
  std::string out;
  out.reserve(path.size());
  for (std::size_t at = 0; at < path.size();) {
    if (path[at] == '\\' || path[at] == ';') return std::nullopt;
    if (path[at] != '%') {
      out.push_back(path[at++]);
      continue;
    }
    if (!append_escaped(out, path.substr(at, 3))) return std::nullopt;
    at += 3;
  }
  if (!segments_are_plain(out)) return std::nullopt;
  return out;
}

Expected<RoutePlace> RoutePlace::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  auto host = HostPattern::parse_without_port(text.substr(0, slash));
  if (!host) return host.error();
  RoutePlace place{.host = std::move(*host), .path = {}};
  if (slash == std::string_view::npos) return place;
  const std::string_view path = text.substr(slash);
  if (path.size() > kLongestPath) return bad_place("the path is too long");
  for (const char c : path) {
    if (c <= 0x20 || c >= 0x7f) return bad_place("the path has a byte that a path cannot have");
    if (c == '?' || c == '#') return bad_place("the path has a query or a fragment");
    if (c == '*') return bad_place("a path has no \"*\": it covers all that begins with it");
  }
  auto plain = plain_path(path);
  if (!plain) {
    return bad_place(
        "the path can be read in two ways: it has empty, \".\" or \"..\" parts, \";\", "
        "or escapes of them");
  }
  while (plain->ends_with('/')) plain->pop_back();
  place.path = std::move(*plain);
  return place;
}

bool RoutePlace::covers(std::string_view plain) const noexcept {
  if (!plain.starts_with(path)) return false;
  return plain.size() == path.size() || plain[path.size()] == '/';
}

}  // namespace bottle
