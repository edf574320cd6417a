#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "certs/digest.h"
#include "proxy/base/result.h"
#include "proxy/http/head.h"
#include "proxy/ledger/admission.h"

// The exit's checks of a request before anything of it goes out. Sans-I/O.
namespace bottle {

// Takes the ticket off a request that came out of the scanner. Denied "no_ticket" if there is not
// exactly one.
[[nodiscard]] Result<std::string> take_ticket(RequestHead& head);

// Why a request is not the one that was admitted: Denied "exit_mismatch", whose detail names what
// differs, never a value. `relayed` is canonical, without the ticket.
[[nodiscard]] std::optional<Failure> head_mismatch(const Admission& admission,
                                                   const Destination& destination, Scheme scheme,
                                                   const RequestHead& relayed);

// The same for its body, which counts as empty if there is none.
[[nodiscard]] bool is_admitted_body(const Admission& admission, std::uint64_t bytes,
                                    const Digest& digest);
[[nodiscard]] Failure mismatch(const std::string& what);

}  // namespace bottle
