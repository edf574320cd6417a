#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "certs/digest.h"
#include "proxy/ledger/admission.h"

namespace bottle {

// The name of the request field that carries a ticket, and of the response field in which the exit
// repeats the exchange's id, so that an answer cannot be taken for another exchange's.
inline constexpr std::string_view kExchangeField = "X-Bottle-Exchange";
// Holds the origin's status where the scanner is shown another one (a redirect, which it would
// follow).
inline constexpr std::string_view kOriginStatusField = "X-Bottle-Origin-Status";

// "<id>.<mac>" with the MAC in lower-case hex over id, method, destination, scheme, target and body
// digest, each with its length before it. The key is random, one a process.
class TicketOffice {
 public:
  [[nodiscard]] std::string issue(const Admission& admission) const;

 private:
  [[nodiscard]] Digest mac(const Admission& admission) const;
  MacKey key_;
};

// The part before the dot, if the whole has a ticket's form; says nothing about its MAC.
[[nodiscard]] std::optional<std::string_view> id_of_ticket(std::string_view ticket) noexcept;

}  // namespace bottle
