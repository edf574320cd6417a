#pragma once

#include <string_view>

// The words of problem documents, X-Bottle-Deny and audit lines that some code decides by. All of
// them are in docs/errors.md.
namespace bottle::problem_code {

inline constexpr std::string_view kHostNotAllowed = "host_not_allowed";
inline constexpr std::string_view kTlsAlert = "tls_alert";

}  // namespace bottle::problem_code
