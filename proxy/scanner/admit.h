#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/body/content_decoder.h"
#include "proxy/body/spool.h"
#include "proxy/http/exchange.h"
#include "proxy/ledger/admission.h"

namespace bottle {

// The fields by which a request is the front's as the scanner gets it: no Content-Encoding (the
// body was decoded), identity coding asked for, an empty User-Agent where there was none, since Go
// would put in its own name, and no TE. With `bypass_body` the scanner gets no body to read, and
// the head keeps the codings that the client asks for: they go to the origin, so they have to be
// scanned.
void make_scannable(RequestHead& head, bool bypass_body);

// A request's body as it was collected.
struct CollectedBody {
  std::shared_ptr<const SpooledBody> scanned;  // null: there is none
  std::shared_ptr<const SpooledBody> sent;     // null: the scanned one
  bool decoded = false;  // the body that is sent has no content coding any more
  bool unread = false;   // it has one that cannot be taken off
};

// The port by which the scanner is told of `destination`, if that is another one: of `exit_ports`,
// where the exit listens (empty: there is none).
[[nodiscard]] std::optional<std::uint16_t> scanned_port(
    const Destination& destination, Scheme scheme, const std::vector<std::uint16_t>& exit_ports);

// Makes what may leave for `exchange`: `head` as the client sent it (canonical) and its body. The
// form that goes out keeps the client's order and case; it asks for identity coding too unless the
// response's body goes past the scanner (`bypass_body`). Reads the body once, giving way to others
// now and then.
awaitable<Result<Admission>> make_admission(const RequestHead& head, CollectedBody body,
                                            const Exchange& exchange, bool bypass_body,
                                            std::optional<std::uint16_t> scanned_port);

}  // namespace bottle
