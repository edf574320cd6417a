#pragma once

#include "launcher/plan/plan.h"

namespace bottle::launcher {

// Has the proxy of a local bottle remember, for the next bottles of this user, what its pipelock
// has passed (docs/what-pipelock-sees.md), unless the manifest says no. Needs plan.pipelock. The
// file's name is made of the program and of its configuration, so that two which may not say the
// same to one text have a file each; the proxy asks pipelock itself, too.
void add_seen_file(const BottleSpec& spec, Plan& plan);

}  // namespace bottle::launcher
