#include "proxy/exit/exit_check.h"

#include "proxy/contract/problem_codes.h"
#include "proxy/ledger/rewrites.h"
#include "proxy/ledger/ticket.h"

namespace bottle {

Result<std::string> take_ticket(RequestHead& head) {
  const auto found = head.fields.find(kExchangeField);
  if (!found || head.fields.count(kExchangeField) != 1) {
    return Failure{Code::Denied, "the request has no ticket", problem_code::kNoTicket,
                   "Requests leave only by way of the proxy."};
  }
  std::string ticket(*found);
  head.fields.remove(kExchangeField);
  return ticket;
}

Failure mismatch(const std::string& what) {
  return Failure{Code::Denied, "the scanner passed on another " + what + " than was admitted",
                 problem_code::kExitMismatch};
}

std::optional<Failure> head_mismatch(const Admission& admission, const Destination& destination,
                                     Scheme scheme, const RequestHead& relayed) {
  if (destination.host != admission.destination.host) return mismatch("host");
  const std::uint16_t port = admission.scanned_port.value_or(admission.destination.port);
  if (destination.port != port) return mismatch("port");
  if (scheme != admission.scheme) return mismatch("scheme");
  const auto different = request_difference(admission.scanned.head, relayed);
  if (different) return mismatch(*different);
  return std::nullopt;
}

bool is_admitted_body(const Admission& admission, std::uint64_t bytes, const Digest& digest) {
  return bytes == admission.scanned.body_bytes && digest == admission.scanned.body_digest;
}

}  // namespace bottle
