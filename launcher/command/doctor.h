#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/backend/bottle_control.h"
#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct DoctorOptions {
  bool json = false;
  bool quiet = false;
  std::optional<std::string> targets{};
  std::vector<std::string> command{};  // in a bottle: run when all is well
};

// `bottle doctor`: on the machine, whether it can make bottles (machine_checks.h); in a bottle,
// whether the isolation holds (bottle_checks.h). With a command, in a bottle: becomes that command
// when nothing failed. Ends with kCheckFailed when something did.
Expected<int> run_doctor(const DoctorOptions& options, const Context& context);

// A line for each finding and for its hint; or, as JSON, an object with "ok" and "checks".
void print_findings(const std::vector<Finding>& findings, const DoctorOptions& options,
                    const Context& context);
bool all_well(const std::vector<Finding>& findings);  // nothing failed

}  // namespace bottle::launcher
