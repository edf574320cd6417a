#include "certs/server_name.h"

#include <arpa/inet.h>

#include <algorithm>

namespace bottle {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

Failure bad_name(std::string_view why) {
  return Failure{Code::Denied, "not a name a certificate can carry: " + std::string(why),
                 "bad_name"};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_ldh(char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; }

// The reason why a label is no label, or empty.
std::string_view label_fault(std::string_view label) {
  if (label.empty()) return "an empty label";
  if (label.size() > kMaxLabel) return "a label longer than 63 bytes";
  if (!std::all_of(label.begin(), label.end(), is_ldh)) {
    return "only letters, digits and hyphens may stand in a host name";
  }
  if (label.front() == '-' || label.back() == '-') return "a label begins or ends with a hyphen";
  return {};
}

}  // namespace

Result<ServerName> ServerName::parse(std::string_view canonical) {
  if (canonical.empty()) return bad_name("it is empty");
  if (canonical.size() > kMaxName) return bad_name("it is longer than 253 bytes");
  ServerName name;
  name.text_.assign(canonical);
  for (char& c : name.text_) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }

  // inet_pton reads up to a NUL; text with one inside falls through to the label check.
  const bool has_nul = name.text_.find('\0') != std::string::npos;
  if (!has_nul && inet_pton(AF_INET, name.text_.c_str(), name.address_.data()) == 1) {
    name.kind_ = Kind::Ipv4;
    return name;
  }
  if (!has_nul && inet_pton(AF_INET6, name.text_.c_str(), name.address_.data()) == 1) {
    name.kind_ = Kind::Ipv6;
    return name;
  }
  name.address_.fill(0);

  std::string_view rest = name.text_;
  std::string_view label;
  for (;;) {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    const std::string_view fault = label_fault(label);
    if (!fault.empty()) return bad_name(fault);
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  // "1.2.3" and "127.1" are addresses to some resolvers and names to others.
  if (std::all_of(label.begin(), label.end(), is_digit))
    return bad_name("its last label is a number");
  return name;
}

}  // namespace bottle
