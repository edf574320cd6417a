#include "proxy/scanner/refusal_rows.h"

#include <array>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr std::string_view kSecretHint =
    "Take the secret, or what looks like one, out of the request.";
constexpr std::string_view kEntropyHint =
    "Part of the URL looks like encoded data; use a shorter or plainer one.";
constexpr std::string_view kCompressedHint =
    "The origin compressed its answer although it was asked not to; ask for another form.";
constexpr std::string_view kAddressHint = "The host leads to a private address.";
constexpr std::string_view kRedirectHint =
    "The redirect leads where the bottle may not go; ask for its target to be allowed.";
constexpr std::string_view kHostHint =
    "Use a host that is allowed, or ask the person who runs the bottle to allow this one.";
constexpr std::string_view kUrlHint = "Send a plain URL: the scanner does not accept this form.";
constexpr std::string_view kContentHint =
    "The scanner does not let this content through; ask for other content.";

// The first row that fits counts.
constexpr std::array kLines = {
    RefusalRow{"redirect blocked: ", "redirect_refused", kRedirectHint},
    RefusalRow{"domain not in allowlist", problem_code::kHostNotAllowed, kHostHint},
    RefusalRow{"domain blocked", problem_code::kHostNotAllowed, kHostHint},
    RefusalRow{"SSRF", "address_not_allowed", kAddressHint},
    RefusalRow{"core SSRF", "address_not_allowed", kAddressHint},
    RefusalRow{"DLP match", "secret_in_url", kSecretHint, true, true},
    RefusalRow{"environment variable leak", "secret_in_url", kSecretHint, true},
    RefusalRow{"known secret leak", "secret_in_url", kSecretHint, true},
    RefusalRow{"request body contains secret", "secret_in_body", kSecretHint},
    RefusalRow{"request header contains secret", "secret_in_header", kSecretHint},
    RefusalRow{"cross-request", "secret_in_requests", kSecretHint, true},
    RefusalRow{"high entropy", "url_looks_like_secret", kEntropyHint, true},
    RefusalRow{"request body exceeds", "body_too_large", "Send a smaller body."},
    RefusalRow{"invalid JSON body", "body_not_readable",
               "The body is not the JSON that Content-Type says; correct one of them."},
    RefusalRow{
        "invalid application/x-www-form-urlencoded", "body_not_readable",
        "The body is not the form that Content-Type says (curl -d sets that type); set the real "
        "type."},
    RefusalRow{"multipart", "body_not_readable", "Send a simpler multipart body."},
    RefusalRow{"request body uses Content-Encoding", "body_not_readable",
               "Send the body without Content-Encoding."},
    RefusalRow{"error reading request body", "body_not_readable", {}},
    RefusalRow{.text = "request body", .word = "body_refused", .hint = {}, .vague = true},
    RefusalRow{"compressed", "response_not_readable", kCompressedHint},
    RefusalRow{"response contains injection", "injection_in_response", kContentHint},
    RefusalRow{"media_policy", "media_refused", kContentHint},
    RefusalRow{"response body exceeds", "response_too_large", "Ask for less at a time."},
    RefusalRow{"data budget", "budget_exceeded", "Wait a minute, or send less."},
    RefusalRow{"URL length", "url_refused", "Use a shorter URL."},
    RefusalRow{"invalid URL", "url_refused", kUrlHint},
    RefusalRow{"scheme ", "url_refused", kUrlHint},
    RefusalRow{"CRLF", "url_refused", kUrlHint},
    RefusalRow{"double-encoded", "url_refused", kUrlHint},
    RefusalRow{"encoded CR", "url_refused", kUrlHint},
    RefusalRow{"path traversal", "url_refused", kUrlHint},
    RefusalRow{"session escalation", "session_refused", {}},
};

// Codes without a row say nothing that would narrow our word: how a tool of an agent's was used,
// envelopes between pipelocks, a pipelock that is not ready.
constexpr std::array kCodes = {
    RefusalRow{"domain_blocklist", problem_code::kHostNotAllowed, kHostHint},
    RefusalRow{"ssrf_private_ip", "address_not_allowed", kAddressHint},
    RefusalRow{"ssrf_metadata", "address_not_allowed", kAddressHint},
    RefusalRow{"ssrf_dns_rebind", "address_not_allowed", kAddressHint},
    RefusalRow{"redirect_scan_denied", "redirect_refused", kRedirectHint},
    // Where it was found is not said; it may be the target.
    RefusalRow{"dlp_match", "secret_in_request", kSecretHint, true},
    RefusalRow{"prompt_injection", "injection_found", kContentHint},
    RefusalRow{"cross_request_deny", "secret_in_requests", kSecretHint, true},
    RefusalRow{"path_entropy", "url_looks_like_secret", kEntropyHint, true},
    RefusalRow{"subdomain_entropy", "url_looks_like_secret", kEntropyHint, true},
    RefusalRow{"scheme_blocked", "url_refused", kUrlHint},
    RefusalRow{"url_length", "url_refused", "Use a shorter URL."},
    RefusalRow{"rate_limit", "rate_limited", "Too many requests to this host."},
    RefusalRow{"data_budget", "budget_exceeded", "Too many bytes to or from this host."},
    RefusalRow{"media_policy", "media_refused", kContentHint},
    RefusalRow{"compressed_response", "response_not_readable", kCompressedHint},
    RefusalRow{"browser_shield_oversize", "response_too_large", "Ask for less at a time."},
    RefusalRow{"airlock_active", "session_refused", {}},
    RefusalRow{"escalation_level", "session_refused", {}},
    RefusalRow{"session_anomaly", "session_refused", {}},
    RefusalRow{"session_binding", "session_refused", {}},
};

}  // namespace

const RefusalRow* row_of_line(std::string_view line) {
  for (const RefusalRow& row : kLines) {
    const bool fits =
        row.anywhere ? line.find(row.text) != std::string_view::npos : line.starts_with(row.text);
    if (fits) return &row;
  }
  return nullptr;
}

const RefusalRow* row_of_code(std::string_view code) {
  for (const RefusalRow& row : kCodes) {
    if (row.text == code) return &row;
  }
  return nullptr;
}

}  // namespace bottle
