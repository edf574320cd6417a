#pragma once

#include <string>

#include "proxy/flow/audit_sink.h"
#include "proxy/http/authority.h"

namespace bottle {

// A request that the exit did not let out, for the audit log.
struct ExitRefusal {
  std::string id;      // the exchange's, if it is known; else the exit's own
  std::string route;   // empty: not known
  std::string method;  // empty: it was no request
  Destination destination;
  int status = 0;  // of the answer to the scanner; 0: there was none
  Failure failure;
};

// One line of kind RefusedAtExit by Exit. Without the target: what a request tried to carry out
// must not end in the log.
void write_refusal(AuditSink& audit, ExitRefusal refusal);

}  // namespace bottle
