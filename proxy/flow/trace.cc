#include "proxy/flow/trace.h"

#include <memory>

namespace bottle {

Trace& trace_of(Exchange& exchange) {
  if (!exchange.notes) exchange.notes = std::make_unique<Trace>();
  return static_cast<Trace&>(*exchange.notes);
}

const Trace& trace_of(const Exchange& exchange) noexcept {
  static const Trace kNone;
  return exchange.notes ? static_cast<const Trace&>(*exchange.notes) : kNone;
}

}  // namespace bottle
