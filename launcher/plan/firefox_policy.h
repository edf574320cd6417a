#pragma once

#include <string>
#include <string_view>

namespace bottle::launcher {

// Firefox reads no bundle and no variable, and its database is in a profile that it makes itself.
// It trusts what a policy of the machine's administrator names.
inline constexpr std::string_view kFirefoxPolicyFile = "/etc/firefox/policies/policies.json";

// The policies in `before` (a JSON file; empty: none), and with them the bottle's CA. A text that
// is no object of JSON, which Firefox ignores, is left out.
std::string firefox_policy(std::string_view before);

}  // namespace bottle::launcher
