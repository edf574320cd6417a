#pragma once

#include "proxy/base/lasting.h"
#include "proxy/flow/carried_bytes.h"
#include "proxy/guard/new_names.h"

namespace bottle {

// The counts that each engine of a run goes on with: budgets that a crash must not give back.
// Mapped by the keeper after the signer was started, which has no part in it.
struct LastingCounts {
  CarriedBytes carried;
  NewNames names;
};

}  // namespace bottle
