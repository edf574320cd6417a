#include "proxy/contract/origin_rules.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bottle {
namespace {

// They open tunnels, or give a request's fields back.
constexpr std::array<std::string_view, 4> kNeverPassed{"CONNECT", "TRACE", "TRACK", "PRI"};

Error no_rule(std::string what, std::string hint) {
  return Error{ExitCode::kUsage, std::move(what), std::move(hint)};
}

Expected<HostPattern> host_of(std::string_view text) {
  auto host = HostPattern::parse_without_port(text);
  if (host) return host;
  return no_rule("\"" + std::string(text.substr(0, 300)) + "\": " + host.error().message,
                 host.error().hint);
}

bool is_method_character(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

}  // namespace

std::string problem_with_method(std::string_view method) {
  if (method.empty() || method.size() > kLongestMethod ||
      !std::all_of(method.begin(), method.end(), is_method_character)) {
    return "it is no HTTP method of 1 to " + std::to_string(kLongestMethod) + " characters";
  }
  std::string upper(method);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (std::find(kNeverPassed.begin(), kNeverPassed.end(), upper) != kNeverPassed.end()) {
    return "CONNECT, TRACE, TRACK and PRI are never passed on";
  }
  return {};
}

Expected<OriginRule> parse_methods(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return no_rule("\"" + std::string(text.substr(0, 300)) + "\" names no methods",
                   "write HOST=PROPFIND,REPORT");
  }
  auto host = host_of(text.substr(0, equals));
  if (!host) return host.error();
  OriginRule rule{.host = std::move(*host)};
  for (std::string_view rest = text.substr(equals + 1);;) {
    const std::size_t comma = rest.find(',');
    const std::string_view method = rest.substr(0, comma);
    const std::string problem = problem_with_method(method);
    if (!problem.empty()) {
      return no_rule("\"" + std::string(method.substr(0, 100)) + "\": " + problem,
                     "write HOST=PROPFIND,REPORT, as the host expects them");
    }
    rule.methods.emplace_back(method);
    if (rule.methods.size() > kMaxMethods) {
      return no_rule("more than " + std::to_string(kMaxMethods) + " methods for one host", "");
    }
    if (comma == std::string_view::npos) return rule;
    rest.remove_prefix(comma + 1);
  }
}

Expected<OriginRule> parse_tls_legacy(std::string_view text) {
  auto host = host_of(text);
  if (!host) return host.error();
  if (host->kind == HostPattern::Kind::Any) {
    return no_rule("old ciphers are allowed for single hosts, not for every host",
                   "name the hosts that have no other ciphers");
  }
  return OriginRule{.host = std::move(*host), .legacy_tls = true};
}

bool OriginRules::allows_method(HostKind kind, std::string_view host,
                                std::string_view method) const {
  return std::any_of(rules.begin(), rules.end(), [&](const OriginRule& rule) {
    return std::find(rule.methods.begin(), rule.methods.end(), method) != rule.methods.end() &&
           rule.host.matches(kind, host);
  });
}

bool OriginRules::legacy_tls(HostKind kind, std::string_view host) const {
  return std::any_of(rules.begin(), rules.end(), [&](const OriginRule& rule) {
    return rule.legacy_tls && rule.host.matches(kind, host);
  });
}

}  // namespace bottle
