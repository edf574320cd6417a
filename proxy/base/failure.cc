#include "proxy/base/failure.h"

#include <array>
#include <cstddef>
#include <new>

#include "proxy/contract/problem_codes.h"

namespace bottle {

Failure failure_without_fail(Code code, const char* detail) noexcept {
  Failure failure;
  failure.code = code;
  try {
    failure.detail = detail;
  } catch (const std::bad_alloc&) {
  }
  return failure;
}

Failure out_of_memory() noexcept { return failure_without_fail(Code::Internal, "out of memory"); }

namespace {

using enum DecidedBy;
using enum GrpcStatus;
using enum H2Error;

constexpr std::array kTable = {
    FailureTraits{Code::ClientBad, problem_code::kClientBad, 400, "Bad request",
                  "The request breaks HTTP's rules; send it again in a standard form.",
                  ProtocolError, true, LogLevel::Info, InvalidArgument, Proxy},
    FailureTraits{Code::NotSupported, problem_code::kNotSupported, 501, "Not supported",
                  "This proxy does not do that; use an ordinary HTTP request.", ProtocolError, true,
                  LogLevel::Info, Unimplemented, Proxy},
    FailureTraits{Code::UpgradeRefused, problem_code::kUpgradeRefused, 426, "Upgrade refused",
                  "This proxy passes HTTP on and no other protocol; use an ordinary HTTP request.",
                  ProtocolError, true, LogLevel::Info, Unimplemented, Proxy},
    FailureTraits{Code::ExpectationFailed, problem_code::kExpectationFailed, 417,
                  "Expectation failed", "Only 'Expect: 100-continue' is understood.", ProtocolError,
                  true, LogLevel::Info, InvalidArgument, Proxy},
    FailureTraits{Code::HeadTooLarge, problem_code::kHeadTooLarge, 431, "Request head too large",
                  "Send fewer or shorter header fields.", ProtocolError, true, LogLevel::Info,
                  ResourceExhausted, Proxy},
    FailureTraits{Code::BodyTooLarge, problem_code::kBodyTooLarge, 413, "Request body too large",
                  "Send a smaller body, or ask for a larger --limit spool_body_bytes "
                  "(decoded_bytes for a compressed one).",
                  ProtocolError, true, LogLevel::Info, ResourceExhausted, Proxy},
    FailureTraits{Code::ClientSlow, problem_code::kClientSlow, 408, "Request timed out",
                  "Send the whole request without pausing.", ProtocolError, true, LogLevel::Info,
                  DeadlineExceeded, Proxy},
    FailureTraits{Code::ClientGone, problem_code::kClientGone, 0, "Client gone", "", Cancel, true,
                  LogLevel::Debug, Cancelled, Client},
    FailureTraits{Code::ClientFlood, problem_code::kClientFlood, 0, "Too many frames", "",
                  EnhanceYourCalm, true, LogLevel::Warn, ResourceExhausted, Proxy},
    FailureTraits{Code::Denied, problem_code::kDenied, 403, "Refused by policy",
                  "This bottle's policy does not allow it; ask the person who runs the bottle.",
                  RefusedStream, false, LogLevel::Audit, PermissionDenied, Guard},
    FailureTraits{Code::ProxyAuth, problem_code::kProxyAuthRequired, 407,
                  "Proxy authentication required",
                  "Give the proxy's user and password; ask the person who runs the proxy.",
                  RefusedStream, false, LogLevel::Audit, Unauthenticated, Proxy},
    FailureTraits{Code::Misdirected, problem_code::kMisdirected, 421, "Misdirected request",
                  "The request names another host than the connection; open one for that host.",
                  ProtocolError, false, LogLevel::Audit, PermissionDenied, Proxy},
    FailureTraits{Code::DnsFailed, problem_code::kDnsFailed, 502, "Host not found",
                  "Check the host's name; it could not be resolved.", InternalError, false,
                  LogLevel::Warn, Unavailable, Origin},
    FailureTraits{Code::ConnectFailed, problem_code::kConnectFailed, 502, "Origin not reachable",
                  "The origin did not accept a connection; try again later.", InternalError, false,
                  LogLevel::Warn, Unavailable, Origin},
    FailureTraits{Code::UpstreamTlsFailed, problem_code::kUpstreamTlsFailed, 502,
                  "Origin's TLS not trusted",
                  "The origin's certificate or handshake was refused; nothing was sent.",
                  InternalError, false, LogLevel::Warn, Unavailable, Origin},
    FailureTraits{Code::ScannerUnavailable, problem_code::kScannerUnavailable, 503,
                  "Scanner unavailable",
                  "The scanner does not answer; nothing leaves without it. Try again later.",
                  InternalError, false, LogLevel::Warn, Unavailable, Pipelock},
    FailureTraits{Code::UpstreamTimeout, problem_code::kUpstreamTimeout, 504, "Upstream timed out",
                  "No answer came in time; try again later.", InternalError, false, LogLevel::Warn,
                  DeadlineExceeded, Origin},
    FailureTraits{Code::UpstreamBroken, problem_code::kUpstreamBroken, 502, "Broken answer",
                  "The upstream's answer broke HTTP's rules or ended early; try again.",
                  InternalError, false, LogLevel::Warn, Unavailable, Origin},
    FailureTraits{Code::UpstreamTruncated, problem_code::kUpstreamTruncated, 502,
                  "Truncated answer", "The answer was cut off on its way; ask for less at a time.",
                  InternalError, false, LogLevel::Warn, Unavailable, Origin},
    FailureTraits{Code::UpstreamDenied, problem_code::kScannerDenied, 403, "Refused by the scanner",
                  "The scanner refused the request; take out what it names.", InternalError, false,
                  LogLevel::Audit, PermissionDenied, Pipelock},
    FailureTraits{Code::Overloaded, problem_code::kOverloaded, 503, "Overloaded",
                  "The proxy is overloaded; wait and try again.", RefusedStream, false,
                  LogLevel::Warn, ResourceExhausted, Proxy},
    FailureTraits{Code::ShuttingDown, problem_code::kShuttingDown, 503, "Shutting down",
                  "The proxy is stopping; try again when it is back.", RefusedStream, true,
                  LogLevel::Warn, Unavailable, Proxy},
    FailureTraits{Code::Cancelled, problem_code::kCancelled, 0, "Cancelled", "", Cancel, true,
                  LogLevel::Debug, Cancelled, Client},
    FailureTraits{Code::Internal, problem_code::kInternal, 500, "Internal error",
                  "This is a defect of the proxy; the request was not passed on.", InternalError,
                  true, LogLevel::Error, Internal, Proxy},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].code) != i) return false;
  }
  return kTable.size() == static_cast<std::size_t>(Code::Internal) + 1;
}
static_assert(in_order(), "the table has one row a code, in the order of the enum");

}  // namespace

const FailureTraits& traits(Code code) noexcept { return kTable[static_cast<std::size_t>(code)]; }

std::span<const FailureTraits> all_failure_traits() noexcept { return kTable; }

DecidedBy decided_by(const Failure& failure, DecidedBy upstream, DecidedBy others) noexcept {
  if (failure.by != None) return failure.by;
  const DecidedBy by = traits(failure.code).by;
  if (by == Origin) return upstream;
  return others == None ? by : others;
}

std::string_view word(const Failure& failure) noexcept {
  return failure.reason.empty() ? traits(failure.code).word : std::string_view(failure.reason);
}

}  // namespace bottle
