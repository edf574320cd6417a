#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/contract/decided_by.h"

namespace bottle {

// Everything that may go wrong with an exchange: a closed list. Its meaning on the wire
// (status, h2 error code, log level) stands in one table, failure.cc; docs/errors.md explains it.
enum class Code : std::uint8_t {
  ClientBad,
  NotSupported,    // well-formed, but a thing this proxy does not do (method, coding)
  UpgradeRefused,  // the client wants another protocol than HTTP
  ExpectationFailed,
  HeadTooLarge,
  BodyTooLarge,
  ClientSlow,
  ClientGone,
  ClientFlood,
  Denied,
  ProxyAuth,  // the proxy itself wants to know who asks
  Misdirected,
  DnsFailed,
  ConnectFailed,
  UpstreamTlsFailed,
  ScannerUnavailable,
  UpstreamTimeout,
  UpstreamBroken,
  UpstreamTruncated,
  UpstreamDenied,
  Overloaded,
  ShuttingDown,
  Cancelled,  // ended from above (client gone, shutdown); the canceller knows why
  Internal,
};

// One failure, as a value. `detail` is for a person: no header values, bodies or query values, and
// nothing unescaped from the wire. `reason` is a machine-readable word that is narrower than the
// code, a constant of problem_codes.h; empty means the table's word. `hint` says what may be done
// instead. `by` is set where the code does not tell who decided.
struct Failure {
  Code code = Code::Internal;
  std::string detail;
  std::string reason;
  std::string hint;
  DecidedBy by = DecidedBy::None;

  Failure() = default;
  Failure(Code code_in, std::string detail_in) : code(code_in), detail(std::move(detail_in)) {}
  Failure(Code code_in, std::string detail_in, std::string_view reason_in, std::string hint_in = {})
      : code(code_in), detail(std::move(detail_in)), reason(reason_in), hint(std::move(hint_in)) {}
};

// For destructors, and what else may not throw: without its words if there is no memory for them.
[[nodiscard]] Failure failure_without_fail(Code code, const char* detail) noexcept;
// Memory ran out. Needs none.
[[nodiscard]] Failure out_of_memory() noexcept;

enum class LogLevel : std::uint8_t { Debug, Info, Audit, Warn, Error };

// HTTP/2 error codes (RFC 9113 section 7) that we send.
enum class H2Error : std::uint32_t {
  NoError = 0x0,
  ProtocolError = 0x1,
  InternalError = 0x2,
  FlowControlError = 0x3,
  StreamClosed = 0x5,
  RefusedStream = 0x7,
  Cancel = 0x8,
  EnhanceYourCalm = 0xb,
};

// gRPC status codes that we send.
enum class GrpcStatus : std::uint8_t {
  Cancelled = 1,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  Unauthenticated = 16,
};

struct FailureTraits {
  Code code;
  std::string_view word;   // the `code` of a problem document and of X-Bottle-Deny
  int status;              // 0: nothing is answered, the connection or stream just ends
  std::string_view title;  // the problem document's title
  std::string_view hint;   // advice for an agent; used when the Failure has none of its own
  H2Error after_head;      // RST_STREAM code when the head is already out
  bool closes;             // an h1 connection cannot be used after it
  LogLevel level;
  GrpcStatus grpc;  // a gRPC call is answered with this one
  DecidedBy by;     // Origin: no usable answer came from upstream
};

[[nodiscard]] const FailureTraits& traits(Code code) noexcept;
[[nodiscard]] std::span<const FailureTraits> all_failure_traits() noexcept;

// The party that decided: the failure's own `by`, or the one that its code tells. `upstream` stands
// for the origin where requests go there through another. `others`, if not None, stands for every
// party but the upstream: for a place that sees neither client nor scanner.
[[nodiscard]] DecidedBy decided_by(const Failure& failure, DecidedBy upstream,
                                   DecidedBy others = DecidedBy::None) noexcept;

// The failure's machine-readable word: its own `reason`, or the table's.
[[nodiscard]] std::string_view word(const Failure& failure) noexcept;

}  // namespace bottle
