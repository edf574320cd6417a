#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

// The promises of bottle-proxy to the program that starts it.
namespace bottle {

// The options that the launcher passes. A test compares them with the proxy's own table.
namespace proxy_flag {
inline constexpr const char* kAllow = "--allow";
inline constexpr const char* kAllowAddress = "--allow-address";
inline constexpr const char* kAsk = "--ask";
inline constexpr const char* kAudit = "--audit";
inline constexpr const char* kAuditCopy = "--audit-copy";
inline constexpr const char* kBottleId = "--bottle-id";
inline constexpr const char* kBundleOut = "--bundle-out";
inline constexpr const char* kCaNames = "--ca-names";
inline constexpr const char* kCaOut = "--ca-out";
inline constexpr const char* kControl = "--control";
inline constexpr const char* kEndWithStdin = "--end-with-stdin";
inline constexpr const char* kExitListen = "--exit-listen";
inline constexpr const char* kExitNames = "--exit-names";
inline constexpr const char* kGuardIgnore = "--guard-ignore";
inline constexpr const char* kGuardSet = "--guard-set";
inline constexpr const char* kLearn = "--learn";
inline constexpr const char* kLimit = "--limit";
inline constexpr const char* kListen = "--listen";
inline constexpr const char* kListenHttp = "--listen-http";
inline constexpr const char* kListenTls = "--listen-tls";
inline constexpr const char* kMethods = "--methods";
inline constexpr const char* kNames = "--names";
inline constexpr const char* kNoProxy = "--no-proxy";
inline constexpr const char* kOnSecret = "--on-secret";
inline constexpr const char* kOpaque = "--opaque";
inline constexpr const char* kOriginCa = "--origin-ca";
inline constexpr const char* kParent = "--parent";
inline constexpr const char* kPipelock = "--pipelock";
inline constexpr const char* kPipelockSockets = "--pipelock-sockets";
inline constexpr const char* kResolve = "--resolve";
inline constexpr const char* kResponses = "--responses";
inline constexpr const char* kRoute = "--route";
inline constexpr const char* kScannerShows = "--scanner-shows";
inline constexpr const char* kSecrets = "--secrets";
inline constexpr const char* kSeen = "--seen";
inline constexpr const char* kSpoolDir = "--spool-dir";
inline constexpr const char* kTlsLegacy = "--tls-legacy";
inline constexpr const char* kUpstream = "--upstream";

inline constexpr std::array kAll{
    kAllow,        kAllowAddress, kAsk,          kAudit,           kAuditCopy,
    kBottleId,     kBundleOut,    kCaNames,      kCaOut,           kControl,
    kEndWithStdin, kExitListen,   kExitNames,    kGuardIgnore,     kGuardSet,
    kLearn,        kLimit,        kListen,       kListenHttp,      kListenTls,
    kMethods,      kNames,        kNoProxy,      kOnSecret,        kOpaque,
    kOriginCa,     kParent,       kPipelock,     kPipelockSockets, kResolve,
    kResponses,    kRoute,        kScannerShows, kSecrets,         kSeen,
    kSpoolDir,     kTlsLegacy,    kUpstream,
};
}  // namespace proxy_flag

// A line of what --secrets reads: {"fingerprint_key": "64 hexadecimal digits"}.
inline constexpr const char* kFingerprintKey = "fingerprint_key";
// Another one: {"parent_password": "…"}, the password of the user that --parent names.
inline constexpr const char* kParentPassword = "parent_password";
// Its name among the secrets that must not leave.
inline constexpr const char* kParentPasswordName = "PARENT_PROXY_PASSWORD";
// The value of --guard-set, and the word for it in a manifest.
inline constexpr const char* kFinancialSet = "financial";

// The values of --scanner-shows, and of "scanner_shows" in a manifest.
inline constexpr const char* kShowsNew = "new";
inline constexpr const char* kShowsAll = "all";

// Two commands that start no proxy. The first takes a start's options behind it, the second a URL.
inline constexpr const char* kCheckConfig = "--check-config";
// How it begins a line on what it accepts and what does not do what it seems to.
inline constexpr std::string_view kNoteMark = "note: ";
inline constexpr const char* kHealthcheck = "--healthcheck";

// An inherited descriptor as the value of an option: "fd:3".
[[nodiscard]] std::string fd_word(int fd);

// The line that says that the proxy listens and has written its files, without the line's end:
//   bottle-proxy ready listen=HOST:PORT ca_sha256=AA:BB:… [exit=… …]
// `others` is empty or begins with a space.
[[nodiscard]] std::string ready_line(std::string_view listen, std::string_view ca_sha256,
                                     std::string_view others);
// The fingerprint in a ready line; nullopt: it is none.
[[nodiscard]] std::optional<std::string> fingerprint_in_ready_line(std::string_view line);

}  // namespace bottle
