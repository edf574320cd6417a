#pragma once

#include <optional>
#include <string>

#include "proxy/http/authority.h"
#include "proxy/http/head.h"

// What pipelock does to the messages that it relays (its contract, sections 1, 4 to 6), as
// comparisons: two heads are the same message if nothing but that lies between them. Sans-I/O.
namespace bottle {

// The request that came out of the scanner against the one that was admitted. Nothing if it is the
// same one; otherwise what differs, in words without values ("target", "field x-api-key", …).
// `relayed` is canonical (check_request with RequestRules::from_scanner), with the ticket taken
// off. Differences that are fine: names' case, fields' order (not that of equal names), the fields
// that the scanner strips (identity, hop-by-hop, its own), a User-Agent where there was none,
// percent-encoding of bytes that a path may not have, the query without its "agent" parameter and
// sorted.
[[nodiscard]] std::optional<std::string> request_difference(const RequestHead& admitted,
                                                            const RequestHead& relayed);

// The response that the scanner relayed against the head that the exit gave it. Differences that
// are fine: names' case, fields' order, Content-Length and the framing, a Date or Content-Type
// where there was none, a reason phrase.
[[nodiscard]] std::optional<std::string> response_difference(const ResponseHead& given,
                                                             const ResponseHead& relayed);

// The head that the scanner is shown for an origin's: a redirect with a Location as a 200 with
// kOriginStatusField, no Content-Encoding on `side_body`, the exchange's id in kExchangeField.
// Front and exit both compute it: the one to send, the other to compare.
[[nodiscard]] ResponseHead shown_to_scanner(const ResponseHead& origin, const std::string& id,
                                            bool side_body);

}  // namespace bottle
