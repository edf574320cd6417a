#include "proxy/scanner/refusal_rows.h"

#include <array>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr std::string_view kSecretHint =
    "Take the secret, or what looks like one, out of the request.";
// The guard has taken out what it knows, so its settings are no help.
constexpr std::string_view kBodySecretHint =
    "A pattern of the scanner pipelock matched, not one of the guard's; the detail names it. Take "
    "that text out. A conversation carries it in each later turn, so go back to before it came "
    "(Claude Code: /rewind, or Esc twice).";
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
    RefusalRow{"redirect blocked: ", problem_code::kRedirectRefused, kRedirectHint},
    RefusalRow{"domain not in allowlist", problem_code::kHostNotAllowed, kHostHint},
    RefusalRow{"domain blocked", problem_code::kHostNotAllowed, kHostHint},
    RefusalRow{"SSRF", problem_code::kAddressNotAllowed, kAddressHint},
    RefusalRow{"core SSRF", problem_code::kAddressNotAllowed, kAddressHint},
    RefusalRow{"DLP match", problem_code::kSecretInUrl, kSecretHint, true, true},
    RefusalRow{"environment variable leak", problem_code::kSecretInUrl, kSecretHint, true},
    RefusalRow{"known secret leak", problem_code::kSecretInUrl, kSecretHint, true},
    RefusalRow{"request body contains secret", problem_code::kSecretInBody, kBodySecretHint},
    RefusalRow{"request header contains secret", problem_code::kSecretInHeader, kSecretHint},
    RefusalRow{"cross-request", problem_code::kSecretInRequests, kSecretHint, true},
    RefusalRow{"high entropy", problem_code::kUrlLooksLikeSecret, kEntropyHint, true},
    RefusalRow{"request body exceeds", problem_code::kBodyTooLarge, "Send a smaller body."},
    RefusalRow{"invalid JSON body", problem_code::kBodyNotReadable,
               "The body is not the JSON that Content-Type says; correct one of them."},
    RefusalRow{
        "invalid application/x-www-form-urlencoded", problem_code::kBodyNotReadable,
        "The body is not the form that Content-Type says (curl -d sets that type); set the real "
        "type."},
    RefusalRow{"multipart", problem_code::kBodyNotReadable, "Send a simpler multipart body."},
    RefusalRow{"request body uses Content-Encoding", problem_code::kBodyNotReadable,
               "Send the body without Content-Encoding."},
    RefusalRow{"error reading request body", problem_code::kBodyNotReadable, {}},
    RefusalRow{
        .text = "request body", .word = problem_code::kBodyRefused, .hint = {}, .vague = true},
    RefusalRow{"compressed", problem_code::kResponseNotReadable, kCompressedHint},
    RefusalRow{"response contains injection", problem_code::kInjectionInResponse, kContentHint},
    RefusalRow{"media_policy", problem_code::kMediaRefused, kContentHint},
    RefusalRow{"response body exceeds", problem_code::kResponseTooLarge, "Ask for less at a time."},
    RefusalRow{"data budget", problem_code::kBudgetExceeded, "Wait a minute, or send less."},
    RefusalRow{"URL length", problem_code::kUrlRefused, "Use a shorter URL."},
    RefusalRow{"invalid URL", problem_code::kUrlRefused, kUrlHint},
    RefusalRow{"scheme ", problem_code::kUrlRefused, kUrlHint},
    RefusalRow{"CRLF", problem_code::kUrlRefused, kUrlHint},
    RefusalRow{"double-encoded", problem_code::kUrlRefused, kUrlHint},
    RefusalRow{"encoded CR", problem_code::kUrlRefused, kUrlHint},
    RefusalRow{"path traversal", problem_code::kUrlRefused, kUrlHint},
    RefusalRow{"session escalation", problem_code::kSessionRefused, {}},
};

// Codes without a row say nothing that would narrow our word: how a tool of an agent's was used,
// envelopes between pipelocks, a pipelock that is not ready.
constexpr std::array kCodes = {
    RefusalRow{"domain_blocklist", problem_code::kHostNotAllowed, kHostHint},
    RefusalRow{"ssrf_private_ip", problem_code::kAddressNotAllowed, kAddressHint},
    RefusalRow{"ssrf_metadata", problem_code::kAddressNotAllowed, kAddressHint},
    RefusalRow{"ssrf_dns_rebind", problem_code::kAddressNotAllowed, kAddressHint},
    RefusalRow{"redirect_scan_denied", problem_code::kRedirectRefused, kRedirectHint},
    // Where it was found is not said; it may be the target.
    RefusalRow{"dlp_match", problem_code::kSecretInRequest, kSecretHint, true},
    RefusalRow{"prompt_injection", problem_code::kInjectionFound, kContentHint},
    RefusalRow{"cross_request_deny", problem_code::kSecretInRequests, kSecretHint, true},
    RefusalRow{"path_entropy", problem_code::kUrlLooksLikeSecret, kEntropyHint, true},
    RefusalRow{"subdomain_entropy", problem_code::kUrlLooksLikeSecret, kEntropyHint, true},
    RefusalRow{"scheme_blocked", problem_code::kUrlRefused, kUrlHint},
    RefusalRow{"url_length", problem_code::kUrlRefused, "Use a shorter URL."},
    RefusalRow{"rate_limit", problem_code::kRateLimited, "Too many requests to this host."},
    RefusalRow{"data_budget", problem_code::kBudgetExceeded,
               "Too many bytes to or from this host."},
    RefusalRow{"media_policy", problem_code::kMediaRefused, kContentHint},
    RefusalRow{"compressed_response", problem_code::kResponseNotReadable, kCompressedHint},
    RefusalRow{"browser_shield_oversize", problem_code::kResponseTooLarge,
               "Ask for less at a time."},
    RefusalRow{"airlock_active", problem_code::kSessionRefused, {}},
    RefusalRow{"escalation_level", problem_code::kSessionRefused, {}},
    RefusalRow{"session_anomaly", problem_code::kSessionRefused, {}},
    RefusalRow{"session_binding", problem_code::kSessionRefused, {}},
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
