#pragma once

#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// `bottle start demo`: starts a stand-in origin (bottle-demo-origin) on loopback, and then this
// very program with a manifest made for it, as a user would. Prints what happens, and checks each
// thing it claims from what the real clients in the bottle printed. Error kDemoFailed when one of
// them did not happen.
Expected<void> run_demo(const StartOptions& options, const Surroundings& around);

}  // namespace bottle::launcher
