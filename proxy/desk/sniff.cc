#include "proxy/desk/sniff.h"

namespace bottle {
namespace {

// record type, version (2), length (2), handshake type (RFC 8446 sections 5.1 and 4)
FirstBytes sniff_tls(ByteView first) {
  constexpr unsigned char kMajor = 3, kLastMinor = 4, kClientHello = 1;
  const auto byte = [first](std::size_t i) { return static_cast<unsigned char>(first[i]); };
  if (first.size() > 1 && byte(1) != kMajor) return FirstBytes::Unknown;
  if (first.size() > 2 && byte(2) > kLastMinor) return FirstBytes::Unknown;
  if (first.size() > 4) {
    const unsigned length = (static_cast<unsigned>(byte(3)) << 8) | byte(4);
    if (length == 0 || length > 16 * 1024) return FirstBytes::Unknown;
  }
  if (first.size() < 6) return FirstBytes::NeedMore;
  return byte(5) == kClientHello ? FirstBytes::Tls : FirstBytes::Unknown;
}

bool is_method_byte(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-'; }

}  // namespace

FirstBytes sniff(ByteView first) noexcept {
  constexpr char kHandshakeRecord = 0x16;
  if (first.empty()) return FirstBytes::NeedMore;
  if (first.front() == kHandshakeRecord) return sniff_tls(first);

  // RFC 9112 section 2.2: one empty line in front of a request is tolerated.
  if (first.front() == '\r') {
    if (first.size() == 1) return FirstBytes::NeedMore;
    if (first[1] != '\n') return FirstBytes::Unknown;
    first.remove_prefix(2);
    if (first.empty()) return FirstBytes::NeedMore;
  }
  std::size_t method = 0;
  while (method < first.size() && is_method_byte(first[method])) ++method;
  constexpr std::size_t kMostMethodBytes = 24;
  if (method > kMostMethodBytes) return FirstBytes::Unknown;
  if (method == first.size()) return FirstBytes::NeedMore;
  if (method == 0 || first[method] != ' ') return FirstBytes::Unknown;
  if (first.substr(0, method) == "CONNECT") return FirstBytes::Http;
  if (method + 1 == first.size()) return FirstBytes::NeedMore;
  // A path, "*" or the "http" of a URL; SMTP's "EHLO name" and the like are none of these.
  const char target = first[method + 1];
  const bool is_target = target == '/' || target == '*' || target == 'h' || target == 'H';
  return is_target ? FirstBytes::Http : FirstBytes::Unknown;
}

}  // namespace bottle
