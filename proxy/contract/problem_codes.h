#pragma once

#include <string_view>

// All words that stand as `code` in problem documents and X-Bottle-Deny, and as `reason` in audit
// lines. docs/errors.md has a row for each; `scripts/lint codes` compares them, and refuses a
// Failure whose reason is a literal.
namespace bottle::problem_code {

// The codes of the failures themselves: the table in proxy/base/failure.cc.
inline constexpr std::string_view kBodyTooLarge = "body_too_large";
inline constexpr std::string_view kCancelled = "cancelled";
inline constexpr std::string_view kClientBad = "client_bad";
inline constexpr std::string_view kClientFlood = "client_flood";
inline constexpr std::string_view kClientGone = "client_gone";
inline constexpr std::string_view kClientSlow = "client_slow";
inline constexpr std::string_view kConnectFailed = "connect_failed";
inline constexpr std::string_view kDenied = "denied";
inline constexpr std::string_view kDnsFailed = "dns_failed";
inline constexpr std::string_view kExpectationFailed = "expectation_failed";
inline constexpr std::string_view kHeadTooLarge = "head_too_large";
inline constexpr std::string_view kInternal = "internal";
inline constexpr std::string_view kMisdirected = "misdirected";
inline constexpr std::string_view kNotSupported = "not_supported";
inline constexpr std::string_view kOverloaded = "overloaded";
inline constexpr std::string_view kProxyAuthRequired = "proxy_auth_required";
inline constexpr std::string_view kScannerDenied = "scanner_denied";
inline constexpr std::string_view kScannerUnavailable = "scanner_unavailable";
inline constexpr std::string_view kShuttingDown = "shutting_down";
inline constexpr std::string_view kUpgradeRefused = "upgrade_refused";
inline constexpr std::string_view kUpstreamBroken = "upstream_broken";
inline constexpr std::string_view kUpstreamTimeout = "upstream_timeout";
inline constexpr std::string_view kUpstreamTlsFailed = "upstream_tls_failed";
inline constexpr std::string_view kUpstreamTruncated = "upstream_truncated";

// The request.
inline constexpr std::string_view kBadAuthority = "bad_authority";
inline constexpr std::string_view kBadChunk = "bad_chunk";
inline constexpr std::string_view kBadConnect = "bad_connect";
inline constexpr std::string_view kBadField = "bad_field";
inline constexpr std::string_view kBadFraming = "bad_framing";
inline constexpr std::string_view kBadHost = "bad_host";
inline constexpr std::string_view kBadLine = "bad_line";
inline constexpr std::string_view kBadMethod = "bad_method";
inline constexpr std::string_view kBadRequestLine = "bad_request_line";
inline constexpr std::string_view kBadTarget = "bad_target";
inline constexpr std::string_view kBadTrailer = "bad_trailer";
inline constexpr std::string_view kBadUpgrade = "bad_upgrade";
inline constexpr std::string_view kBadVersion = "bad_version";
inline constexpr std::string_view kCodingBomb = "coding_bomb";
inline constexpr std::string_view kCodingBroken = "coding_broken";
inline constexpr std::string_view kCodingNotScannable = "coding_not_scannable";
inline constexpr std::string_view kConnectNotFirst = "connect_not_first";
inline constexpr std::string_view kHttpsWithoutTls = "https_without_tls";
inline constexpr std::string_view kNotAServer = "not_a_server";
inline constexpr std::string_view kWebsocketBroken = "websocket_broken";
inline constexpr std::string_view kWebsocketHandshake = "websocket_handshake";
inline constexpr std::string_view kWebsocketMessageTooLarge = "websocket_message_too_large";
inline constexpr std::string_view kWebsocketNotSupported = "websocket_not_supported";
inline constexpr std::string_view kWebsocketVersion = "websocket_version";

// TLS with the client, and its first bytes.
inline constexpr std::string_view kBadName = "bad_name";
inline constexpr std::string_view kCaExpired = "ca_expired";
inline constexpr std::string_view kCaFailed = "ca_failed";
inline constexpr std::string_view kCaRefused = "ca_refused";
inline constexpr std::string_view kClientHello = "client_hello";
inline constexpr std::string_view kClientHelloTooLarge = "client_hello_too_large";
inline constexpr std::string_view kNoApplicationProtocol = "no_application_protocol";
inline constexpr std::string_view kNotHttp = "not_http";
inline constexpr std::string_view kNotTls = "not_tls";
inline constexpr std::string_view kSniMalformed = "sni_malformed";
inline constexpr std::string_view kSniMismatch = "sni_mismatch";
inline constexpr std::string_view kSniMissing = "sni_missing";
inline constexpr std::string_view kTlsAlert = "tls_alert";
inline constexpr std::string_view kTlsHandshake = "tls_handshake";
inline constexpr std::string_view kTooManyNames = "too_many_names";

// The policy, the guard and the audit log.
inline constexpr std::string_view kAddressNotAllowed = "address_not_allowed";
inline constexpr std::string_view kAnswerBlocked = "answer_blocked";
inline constexpr std::string_view kAuditUnwritable = "audit_unwritable";
inline constexpr std::string_view kHostNameSuspicious = "host_name_suspicious";
inline constexpr std::string_view kHostNotAllowed = "host_not_allowed";
inline constexpr std::string_view kOpaqueRefused = "opaque_refused";
inline constexpr std::string_view kOwnAddress = "own_address";
inline constexpr std::string_view kPathAmbiguous = "path_ambiguous";
inline constexpr std::string_view kPortNotAllowed = "port_not_allowed";
inline constexpr std::string_view kProxyRestarted = "proxy_restarted";
inline constexpr std::string_view kRouteDeny = "route_deny";
inline constexpr std::string_view kSecretInBody = "secret_in_body";
inline constexpr std::string_view kSecretInHeader = "secret_in_header";
inline constexpr std::string_view kSecretInHost = "secret_in_host";
inline constexpr std::string_view kSecretInUrl = "secret_in_url";

// The route splice.
inline constexpr std::string_view kSpliceBudget = "splice_budget";
inline constexpr std::string_view kSpliceIdle = "splice_idle";
inline constexpr std::string_view kSpliceOnly = "splice_only";
inline constexpr std::string_view kTooManyTunnels = "too_many_tunnels";

// The memory and the disk for bodies.
inline constexpr std::string_view kDecodeMemoryFull = "decode_memory_full";
inline constexpr std::string_view kMemoryFull = "memory_full";
inline constexpr std::string_view kRedactMemoryFull = "redact_memory_full";
inline constexpr std::string_view kSpoolFailed = "spool_failed";
inline constexpr std::string_view kSpoolFull = "spool_full";
inline constexpr std::string_view kSpoolNoSpace = "spool_no_space";

// The way to the origin.
inline constexpr std::string_view kConnectTimeout = "connect_timeout";
inline constexpr std::string_view kConnectionRefused = "connection_refused";
inline constexpr std::string_view kDnsBusy = "dns_busy";
inline constexpr std::string_view kDnsTimeout = "dns_timeout";
inline constexpr std::string_view kDnsUnavailable = "dns_unavailable";
inline constexpr std::string_view kInterimFlood = "interim_flood";
inline constexpr std::string_view kLoginAnswerOdd = "login_answer_odd";
inline constexpr std::string_view kLoginBusy = "login_busy";
inline constexpr std::string_view kLoginNotKept = "login_not_kept";
inline constexpr std::string_view kNoResponse = "no_response";
inline constexpr std::string_view kParentAuth = "parent_auth";
inline constexpr std::string_view kParentBroken = "parent_broken";
inline constexpr std::string_view kParentRefused = "parent_refused";
inline constexpr std::string_view kParentTimeout = "parent_timeout";
inline constexpr std::string_view kParentUnreachable = "parent_unreachable";
inline constexpr std::string_view kQueueFull = "queue_full";
inline constexpr std::string_view kQueueTimeout = "queue_timeout";
inline constexpr std::string_view kRequestStalled = "request_stalled";
inline constexpr std::string_view kResponseHeadTooLarge = "response_head_too_large";
inline constexpr std::string_view kResponseStalled = "response_stalled";
inline constexpr std::string_view kTlsBadChain = "tls_bad_chain";
inline constexpr std::string_view kTlsClientCertRequired = "tls_client_cert_required";
inline constexpr std::string_view kTlsExpired = "tls_expired";
inline constexpr std::string_view kTlsNotYetValid = "tls_not_yet_valid";
inline constexpr std::string_view kTlsProtocol = "tls_protocol";
inline constexpr std::string_view kTlsReset = "tls_reset";
inline constexpr std::string_view kTlsSelfSigned = "tls_self_signed";
inline constexpr std::string_view kTlsTimeout = "tls_timeout";
inline constexpr std::string_view kTlsUnknownCa = "tls_unknown_ca";
inline constexpr std::string_view kTlsWrongName = "tls_wrong_name";

// Pipelock's refusals.
inline constexpr std::string_view kBodyNotReadable = "body_not_readable";
inline constexpr std::string_view kBodyRefused = "body_refused";
inline constexpr std::string_view kBudgetExceeded = "budget_exceeded";
inline constexpr std::string_view kInjectionFound = "injection_found";
inline constexpr std::string_view kInjectionInResponse = "injection_in_response";
inline constexpr std::string_view kKillSwitchActive = "kill_switch_active";
inline constexpr std::string_view kMediaRefused = "media_refused";
inline constexpr std::string_view kOriginUnreachable = "origin_unreachable";
inline constexpr std::string_view kRateLimited = "rate_limited";
inline constexpr std::string_view kRedirectRefused = "redirect_refused";
inline constexpr std::string_view kResponseNotReadable = "response_not_readable";
inline constexpr std::string_view kResponseTooLarge = "response_too_large";
inline constexpr std::string_view kScannerMisconfigured = "scanner_misconfigured";
inline constexpr std::string_view kScannerRejectedRequest = "scanner_rejected_request";
inline constexpr std::string_view kSecretInRequest = "secret_in_request";
inline constexpr std::string_view kSecretInRequests = "secret_in_requests";
inline constexpr std::string_view kSessionRefused = "session_refused";
inline constexpr std::string_view kUrlLooksLikeSecret = "url_looks_like_secret";
inline constexpr std::string_view kUrlRefused = "url_refused";

// Pipelock with the exit behind it.
inline constexpr std::string_view kChangedByScanner = "changed_by_scanner";
inline constexpr std::string_view kEventTooLarge = "event_too_large";
inline constexpr std::string_view kExitEnded = "exit_ended";
inline constexpr std::string_view kExitLostBytes = "exit_lost_bytes";
inline constexpr std::string_view kExitSilent = "exit_silent";
inline constexpr std::string_view kExitUnreachable = "exit_unreachable";
inline constexpr std::string_view kGrpcStreaming = "grpc_streaming";
inline constexpr std::string_view kScannerCut = "scanner_cut";
inline constexpr std::string_view kScannerCutStream = "scanner_cut_stream";
inline constexpr std::string_view kScannerMixedUp = "scanner_mixed_up";
inline constexpr std::string_view kScannerRestarted = "scanner_restarted";
inline constexpr std::string_view kScannerSizeCut = "scanner_size_cut";
inline constexpr std::string_view kScannerTimeCut = "scanner_time_cut";

// The exit's own refusals.
inline constexpr std::string_view kExitMismatch = "exit_mismatch";
inline constexpr std::string_view kNoTicket = "no_ticket";
inline constexpr std::string_view kScannerLeft = "scanner_left";
inline constexpr std::string_view kStaleTicket = "stale_ticket";
inline constexpr std::string_view kUsedTicket = "used_ticket";

}  // namespace bottle::problem_code
