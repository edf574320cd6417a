#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/contract/audit_chain.h"
#include "proxy/contract/audit_schema.h"
#include "proxy/contract/decided_by.h"
#include "proxy/contract/finding_record.h"
#include "proxy/contract/shown_record.h"

namespace bottle {

// One exchange or refused connection. Never holds credentials, bodies or query values: `target` is
// cut down by audit_line, and no header field has a place here.
struct AuditRecord {
  std::chrono::system_clock::time_point time;  // when the request (or connection) began
  std::string id;                              // the exchange's, as in problem documents
  AuditKind kind = AuditKind::Exchange;
  std::string route;              // "scan", "deny"
  std::string client_protocol;    // "h2", "http/1.1"; empty is written as null
  std::string upstream_protocol;  // empty: no upstream was asked
  std::string method;
  std::string host;  // the caller puts "[redacted]" here after a hit in the host's name
  std::uint16_t port = 0;
  std::string target;  // as sent; the line has the path, and the query's keys with "*" for values
  bool target_has_secret = false;  // the scanner hit in it: the line says "[redacted]"
  int status = 0;                  // the client's; 0: it got none
  std::uint64_t bytes_in = 0;      // body bytes from the client
  std::uint64_t bytes_out = 0;     // body bytes to the client
  std::optional<std::chrono::milliseconds> ttfb;  // to the answer's head
  std::chrono::milliseconds total{0};
  Verdict verdict = Verdict::Allowed;
  std::string reason;  // a machine-readable word; empty if allowed
  std::string detail;  // the Failure's detail
  DecidedBy by = DecidedBy::None;
  bool not_inspected = false;  // its bytes were not read: the route splice
  bool scanned_request_body = false;
  bool scanned_response_body = false;
  bool request_body_changed = false;  // by the guard or the scanner
  ShownRecord shown;                  // of the request's body, to the scanner
  FindingRecords findings;            // of the guard
  bool learned = false;               // the allowlist does not have the host, and it passed
  bool begun = false;                 // something of it was sent: it has a Begin line
  bool anonymous = false;             // by a client that --proxy-auth did not let in
  std::uint64_t count = 1;            // the line stands for so many records (audit_fold.h)
  std::string answer;                 // of an ask; empty: it is none
  std::string who;                    // the user or program that gave the answer
};

// Where a record's line belongs.
[[nodiscard]] AuditPart part_of(const AuditRecord& record) noexcept;
// A scanner refused what had begun: it has its line among the exchanges, and is a finding as well.
[[nodiscard]] bool is_late_finding(const AuditRecord& record) noexcept;

// One JSON object in one line, ending in '\n', valid UTF-8, at most kMaxAuditLine bytes whatever
// the record holds. Fields too long are cut and end in "...".
[[nodiscard]] std::string audit_line(const AuditRecord& record, AuditPart part);
[[nodiscard]] inline std::string audit_line(const AuditRecord& record) {
  return audit_line(record, part_of(record));
}
// The log's last line: how the chain of each part ends.
[[nodiscard]] std::string audit_end_line(std::chrono::system_clock::time_point time,
                                         const std::array<ChainLink, kAuditParts>& ends);
// Bytes of a line that was not finished stand before this one.
[[nodiscard]] std::string audit_torn_line(std::chrono::system_clock::time_point time,
                                          AuditPart part, std::uint64_t bytes);
inline constexpr std::size_t kMaxAuditLine = 48 * 1024;

// The path with its query's keys kept and every value replaced by "*". Of a target that is no path
// (a URL) only what follows the host. Also for other logs.
[[nodiscard]] std::string path_without_values(std::string_view target);

}  // namespace bottle
