#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/body/body_scan.h"
#include "proxy/body/held_body.h"
#include "proxy/guard/redactor.h"
#include "proxy/http/body.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// How a body can be redacted; decided by the request's head.
struct RedactPlan {
  RedactKind kind = RedactKind::Json;
  Codings codings;
};
// Nothing: a hit in this body is refused, since it cannot be redacted.
[[nodiscard]] std::optional<RedactPlan> redact_plan(const RequestHead& head, const Codings& codings,
                                                    const RedactLimits& limits);

// Holds one request's body until it has been scanned as a whole, and redacts it if there is a hit.
// A body that turns out to be too large to be held goes on as a stream, and a hit in it is refused.
// Lives in the frame of the exchange's coroutine; everything it is given outlives it, and the
// services also the body that it leaves in the request.
class BodyRedaction {
 public:
  struct Services {
    const SecretSet& secrets;
    ScanSpace& scan;
    DecodeSpace& decode;
    const DecodeLimits& decode_limits;
    const RedactLimits& limits;
    BodyMemory& memory;
    // For a body that goes to pipelock: what it would refuse is taken out after the rest, if that
    // is possible. Null: this is left to it.
    const SecretSet* for_scanner = nullptr;
    ScanSpace* scanner_scan = nullptr;
  };

  BodyRedaction(const Services& services, const RedactPlan& plan, std::string_view host,
                Scheme scheme);
  BodyRedaction(const BodyRedaction&) = delete;
  BodyRedaction& operator=(const BodyRedaction&) = delete;

  // The request has a body, and goes on with one that may leave. Failures: the body's own,
  // refusal(finding), the decoder's, Overloaded (no memory to redact).
  awaitable<Result<>> run(Request& request, Passage& passage);

 private:
  [[nodiscard]] std::unique_ptr<BodyScan> make_scan(const Codings& codings,
                                                    const ScanPlace& place) const;
  // False: it is too large to be held.
  awaitable<Result<>> go(Request& request, Passage& passage);
  awaitable<Result<bool>> collect(BodySource& body, Passage& passage);
  awaitable<Result<>> redact(Request& request, Passage& passage);
  awaitable<Result<>> redact_for(const ScanPlace& place, Passage& passage, Bytes text);
  awaitable<Result<>> decode();
  awaitable<Result<>> check(ByteView text);

  const Services& services_;
  const RedactPlan& plan_;
  const ScanPlace place_;
  const ScanPlace scanner_place_;  // the same without Services::for_scanner
  std::unique_ptr<HeldBody> held_;
  std::optional<Failure> hit_;
  std::optional<Finding> refused_;  // the finding that `hit_` tells of
  bool ended_ = false;
};

}  // namespace bottle
