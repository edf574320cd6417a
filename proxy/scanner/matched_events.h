#pragma once

#include <chrono>
#include <memory>

#include "proxy/http/body.h"
#include "proxy/http/exchange.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/scanner/scanner_limits.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// An event stream that the scanner passes event by event, as the origin sent it: see SseMatch.
// Events that the scanner did not pass are not given, and where it stops the stream does not end
// but breaks. After `idle` without a byte, between two events, a comment of our own is put in.
// `front` is the exchange's, from here on owned by the body; `relayed` what the scanner sends; both
// are waited for by children in exchange.tasks(). A hindrance of the origin's or the scanner's
// comes after what had been passed before it. `exchange` and `passage` outlive it.
[[nodiscard]] std::unique_ptr<BodySource> matched_events(std::unique_ptr<FrontEnd> front,
                                                         std::unique_ptr<BodySource> relayed,
                                                         std::chrono::milliseconds idle,
                                                         const AnswerJudgeLimits& limits,
                                                         Exchange& exchange, Passage& passage);

}  // namespace bottle
