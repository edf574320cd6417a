#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/host_pattern.h"

// The needs of single origins beyond the usual: a person's rules, in the same words in the
// manifest, on the proxy's command line and in its configuration.
namespace bottle {

inline constexpr std::size_t kMaxOriginRules = 256;
inline constexpr std::size_t kMaxMethods = 64;     // of one rule
inline constexpr std::size_t kLongestMethod = 32;  // the longest registered one has 17

// One rule. It speaks of one of these.
struct OriginRule {
  HostPattern host;                       // without a port
  std::vector<std::string> methods = {};  // that requests may have besides the usual ones
  bool legacy_tls = false;                // ciphers without forward secrecy, or with CBC
};

// "HOST=PROPFIND,REPORT", and "HOST". The Error (kUsage) says what is wrong. A method is a token as
// the host will see it, case and all; CONNECT, TRACE, TRACK and PRI are none of them.
[[nodiscard]] Expected<OriginRule> parse_methods(std::string_view text);
[[nodiscard]] Expected<OriginRule> parse_tls_legacy(std::string_view text);
// Empty: a rule may name it. Else what is wrong with it.
[[nodiscard]] std::string problem_with_method(std::string_view method);

// All of them. A value; immutable once the configuration is complete. `host` is canonical.
class OriginRules {
 public:
  [[nodiscard]] bool allows_method(HostKind kind, std::string_view host,
                                   std::string_view method) const;
  [[nodiscard]] bool legacy_tls(HostKind kind, std::string_view host) const;

  std::vector<OriginRule> rules;
};

}  // namespace bottle
