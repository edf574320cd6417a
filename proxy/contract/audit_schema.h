#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The audit log as bottle-proxy writes it and as `bottle` reads it: files, keys and words. One line
// is one JSON object; docs/config.md describes it for people.
namespace bottle {

// The log has three parts with files of their own, so that none can push another one out.
// Exchanges: what sent something out. Findings: what a scanner or the exit refused. Refusals: what
// policy refused, and what failed before anything was sent.
enum class AuditPart : std::uint8_t { Exchanges, Findings, Refusals };
inline constexpr std::size_t kAuditParts = 3;

// Begin: the first byte of an exchange is about to leave; its Exchange line comes when it ends.
// RefusedAtExit: something that came to the exit and was not let out; RefusedName: a name that was
// asked for and not answered; LostLines: lines that could not be written; SecretsChanged: the
// proxy has new values, of the names in its detail; PolicyChanged: its detail says what another
// policy than before allows or denies, and who asked for it; Ask: a person was asked about a host,
// and how that ended (ask_answer.h); EngineRestarted: the process that serves ended unexpectedly,
// as its detail says, and this is the next one. TornLine: bytes stand before it that are no line,
// since the writing of one was broken off; LostCopies: so many lines could not be copied
// (--audit-copy), and the log has them; LogEnd: the proxy ended in order, and this is the log's
// last line.
enum class AuditKind : std::uint8_t {
  Exchange,
  RefusedConnection,
  RefusedAtExit,
  RefusedName,
  Begin,
  LostLines,
  SecretsChanged,
  PolicyChanged,
  Ask,
  EngineRestarted,
  TornLine,
  LostCopies,
  LogEnd,
};

// Refused: nothing of it went out, by decision; Failed: it could not be done; Cut: the answer began
// and did not end.
enum class Verdict : std::uint8_t { Allowed, Refused, Failed, Cut };

[[nodiscard]] std::string_view to_string(AuditPart part) noexcept;
[[nodiscard]] std::string_view to_string(AuditKind kind) noexcept;
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;
[[nodiscard]] std::optional<Verdict> verdict_by_word(std::string_view word) noexcept;

// The keys of a line, in the order of the line.
namespace audit_key {
inline constexpr const char* kTime = "time";
inline constexpr const char* kPart = "part";
inline constexpr const char* kId = "id";
inline constexpr const char* kKind = "kind";
inline constexpr const char* kRoute = "route";
inline constexpr const char* kClientProtocol = "client_protocol";
inline constexpr const char* kUpstreamProtocol = "upstream_protocol";
inline constexpr const char* kMethod = "method";
inline constexpr const char* kHost = "host";
inline constexpr const char* kPort = "port";
inline constexpr const char* kPath = "path";
inline constexpr const char* kNotInspected = "not_inspected";
inline constexpr const char* kStatus = "status";
inline constexpr const char* kBytesIn = "bytes_in";
inline constexpr const char* kBytesOut = "bytes_out";
inline constexpr const char* kTtfb = "ttfb_ms";
inline constexpr const char* kTotal = "total_ms";
inline constexpr const char* kVerdict = "verdict";
inline constexpr const char* kReason = "reason";
inline constexpr const char* kDetail = "detail";
inline constexpr const char* kBy = "by";
inline constexpr const char* kScanned = "scanned";
inline constexpr const char* kChanged = "changed";
inline constexpr const char* kShownBytes = "shown_bytes";
inline constexpr const char* kSentBytes = "sent_bytes";
inline constexpr const char* kLeftOut = "left_out";
inline constexpr const char* kFindings = "findings";
inline constexpr const char* kMoreFindings = "more_findings";
inline constexpr const char* kLearned = "learned";
inline constexpr const char* kBegun = "begun";
inline constexpr const char* kCount = "count";
inline constexpr const char* kAnswer = "answer";
inline constexpr const char* kWho = "who";
inline constexpr const char* kEnds = "ends";
// Of the chain (audit_chain.h).
inline constexpr const char* kLine = "line";
inline constexpr const char* kChain = "chain";
inline constexpr const char* kAfter = "after";
}  // namespace audit_key

// The keys of kLeftOut.
namespace left_out_key {
inline constexpr const char* kSeen = "seen";
inline constexpr const char* kTheirs = "theirs";
inline constexpr const char* kUnreadable = "unreadable";
inline constexpr const char* kRepeated = "repeated";
}  // namespace left_out_key

// The keys of each of kFindings.
namespace finding_key {
inline constexpr const char* kName = "name";
inline constexpr const char* kKind = "kind";
inline constexpr const char* kSeverity = "severity";
inline constexpr const char* kPart = "part";
inline constexpr const char* kField = "field";
inline constexpr const char* kJsonPath = "json_path";
inline constexpr const char* kFingerprint = "fingerprint";
inline constexpr const char* kAction = "action";
}  // namespace finding_key

// A file of a part that has reached this many bytes becomes FILE.1, FILE.1 becomes FILE.2, and so
// on.
inline constexpr std::uint64_t kMaxAuditFile = 64ull << 20;
inline constexpr int kAuditFiles = 4;  // of a part: the current one and three older ones
// Logs of older versions had one more, which is read and never written.
inline constexpr int kMostAuditFiles = 5;

// The current files of the log at `path`, in the order of AuditPart.
[[nodiscard]] std::array<std::string, kAuditParts> audit_files(const std::string& path);
// FILE.NUMBER, of which 1 is the newest.
[[nodiscard]] std::string older_audit_file(const std::string& file, int number);

// The part that a line says it belongs to. Within strings a line has no bare quotes, so nothing
// that the agent chose looks like this.
[[nodiscard]] AuditPart audit_part_of(std::string_view line) noexcept;

}  // namespace bottle
