#pragma once

#include "proxy/contract/fd.h"

namespace bottle::launcher {

// The descriptors of the process that holds the terminal of a detached bottle.
struct HeldThings {
  Fd master;
  Fd socket;   // bound by the launcher, which says so
  Fd control;  // the launcher's words: "listen LOG" and at the end "ended STATUS", a line each
  Fd errors;   // the launcher's standard error: passed on to `caller` until one of these lines, and
  Fd caller;   // shown like output of the terminal
};

// Returns when the launcher has ended and the attachment, if there is one, was told.
int hold_terminal(HeldThings things);

}  // namespace bottle::launcher
