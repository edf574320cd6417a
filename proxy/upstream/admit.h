#pragma once

#include <memory>

#include "proxy/http/exchange.h"
#include "proxy/ledger/admission.h"
#include "proxy/upstream/content_decoder.h"
#include "proxy/upstream/spool.h"

namespace bottle {

// The fields by which a request is the front's as the scanner gets it: no Content-Encoding (the
// body was decoded), identity coding asked for, an empty User-Agent where there was none, since Go
// would put in its own name, and no TE. With `side_body` the scanner gets no body to read, and what
// the client asks for stays in the head: it goes to the origin, so it has to be scanned.
void make_scannable(RequestHead& head, bool side_body);

// What may leave for `exchange`: `head` as the client sent it (canonical), `body` as it was
// collected (null: none), `coding` what was taken off it. The form that goes out keeps the client's
// order and case; it asks for identity coding too unless the response's body goes past the scanner.
// Reads the body once, giving way to others now and then.
awaitable<Result<Admission>> make_admission(const RequestHead& head,
                                            std::shared_ptr<const SpooledBody> body, Coding coding,
                                            const Exchange& exchange);

}  // namespace bottle
