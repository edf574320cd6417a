#pragma once

#include <optional>
#include <string>

#include "proxy/http/authority.h"
#include "proxy/http/head.h"

// pipelock's changes to the messages that it relays (docs/pipelock.md, sections 1 and 4 to 6), as
// comparisons: two heads are the same message if nothing but that lies between them. Sans-I/O.
namespace bottle {

// The request that came out of the scanner against the one that was admitted. Nothing if it is the
// same one; otherwise what differs, in words without values ("method", "scheme", "host", "path",
// "query", "field x-api-key"). Both are canonical (check_request, the relayed one with
// ControlFields::Keep), the relayed one with the ticket taken off. Differences that are
// fine: names' case, fields' order (not that of equal names), the fields that the scanner strips
// (identity, hop-by-hop, its own), an empty User-Agent that is gone, Go's own where there was none,
// a Cache-Control that Go made of "Pragma: no-cache", the query without its "agent" parameter,
// sorted and encoded anew, and the root for "OPTIONS *". A path never changes: what Go would encode
// the front has encoded already.
[[nodiscard]] std::optional<std::string> request_difference(const RequestHead& admitted,
                                                            const RequestHead& relayed);

// The response that the scanner relayed against the head that the exit gave it. Differences that
// are fine: names' case, fields' order (not that of equal names), Content-Length and the framing, a
// Date or Content-Type where there was none, a 304's Content-Type, a Cache-Control that Go made of
// "Pragma: no-cache", the reason phrase.
[[nodiscard]] std::optional<std::string> response_difference(const ResponseHead& given,
                                                             const ResponseHead& relayed);

// The head that the scanner is shown for an origin's: a redirect that it would follow (301, 302,
// 303, 307, 308 with a Location) as a 200 with kOriginStatusField, on `bypass_body` without length
// and body, without Content-Encoding where there is no body, the exchange's id in kExchangeField.
// Front and exit both compute it: the one to send, the other to compare.
[[nodiscard]] ResponseHead shown_to_scanner(const ResponseHead& origin, const std::string& id,
                                            bool bypass_body);

}  // namespace bottle
