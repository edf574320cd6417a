#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "launcher/backend/bottle_control.h"
#include "launcher/command/context.h"
#include "launcher/process/command_output.h"

namespace bottle::launcher {

// A client that is asked to fetch kDoctorUrl. Nothing but the bottle's proxy can answer for that
// host, and its certificate is signed by the bottle's CA: a client that gets an answer, even a
// refusal, uses the proxy and trusts the CA.
struct ClientRow {
  std::string_view name;
  std::string_view program;  // looked for in PATH; without it the row is left out
  std::vector<std::string> arguments;
};

inline constexpr std::string_view kDoctorUrl = "https://doctor.bottle.invalid/";

std::vector<ClientRow> client_rows();

// Judges the output in `said`. kSkipped: the program is there, a part that it needs is not.
Finding judge_client(std::string_view name, const CommandOutput& said);

// Runs those that are installed, side by side.
std::vector<Finding> client_checks(const Context& context);

}  // namespace bottle::launcher
