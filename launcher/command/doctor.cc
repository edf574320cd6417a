#include "launcher/command/doctor.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "launcher/command/bottle_checks.h"
#include "launcher/command/machine_checks.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

using Status = Finding::Status;
using Colour = Style::Colour;

std::string_view word(Status status) {
  switch (status) {
    case Status::kOk:
      return "ok";
    case Status::kWarning:
      return "warning";
    case Status::kFailed:
      return "failed";
    case Status::kSkipped:
      return "skipped";
  }
  return "";
}

std::string coloured(Status status, const Style& style) {
  std::string text(word(status));
  text += std::string(8 - text.size(), ' ');
  switch (status) {
    case Status::kOk:
      return style.in(Colour::kGreen, text);
    case Status::kWarning:
      return style.in(Colour::kYellow, text);
    case Status::kFailed:
      return style.in(Colour::kRed, text);
    case Status::kSkipped:
      return style.in(Colour::kFaint, text);
  }
  return text;
}

Expected<std::vector<Target>> targets_of(const DoctorOptions& options, const Context& context) {
  if (!options.targets) return default_targets();
  const auto file = context.around.directory / *options.targets;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return Error{ExitCode::kUsage, "cannot read the targets " + file.string(),
                 "docs/commands.md describes the file"};
  }
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return read_targets(text, file.string());
}

// Returns only on failure.
Error become(const std::vector<std::string>& command, const Surroundings& around) {
  const auto program = find_program(command.front(), around.variable("PATH").value_or(""));
  if (!program) {
    return Error{ExitCode::kCommandNotFound,
                 command.front() + " does not exist in the bottle, or cannot be run",
                 "only the system, the workspace and the manifest's mounts are there"};
  }
  Launch launch{.argv = command, .env = {}, .fds = {}};
  launch.argv.front() = *program;
  for (const auto& [name, value] : around.env) launch.env.push_back(name + "=" + value);
  const int problem = exec_now(launch);
  return system_error("cannot run " + *program, problem, "", ExitCode::kCommandNotRunnable);
}

}  // namespace

bool all_well(const std::vector<Finding>& findings) {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& one) { return one.status == Status::kFailed; });
}

void print_findings(const std::vector<Finding>& findings, const DoctorOptions& options,
                    const Context& context) {
  // With a command, standard output is the command's.
  auto& out = options.command.empty() ? context.out : context.err;
  if (options.json) {
    auto checks = nlohmann::ordered_json::array();
    for (const auto& one : findings) {
      checks.push_back({{"name", one.name},
                        {"status", word(one.status)},
                        {"detail", one.detail},
                        {"hint", one.hint}});
    }
    const nlohmann::ordered_json json{{"ok", all_well(findings)}, {"checks", checks}};
    out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n" << std::flush;
    return;
  }
  for (const auto& one : findings) {
    const bool trouble = one.status == Status::kFailed || one.status == Status::kWarning;
    if (options.quiet && !trouble) continue;
    out << coloured(one.status, context.style) << " " << one.name << ": " << one.detail << "\n";
    if (!one.hint.empty()) out << "         " << one.hint << "\n";
  }
  out << std::flush;
}

Expected<int> run_doctor(const DoctorOptions& options, const Context& context) {
  const bool inside = in_a_bottle(context.around);
  if (!inside && (options.targets || !options.command.empty())) {
    return Error{ExitCode::kUsage, "this is not a bottle",
                 "run it in one: bottle start --check -- COMMAND, or bottle exec ID -- bottle "
                 "doctor --targets FILE"};
  }
  std::vector<Finding> findings;
  if (inside) {
    const auto targets = targets_of(options, context);
    if (!targets) return targets.error();
    findings = bottle_checks(*targets, context);
  } else {
    findings = machine_checks(context);
  }
  print_findings(findings, options, context);
  if (!all_well(findings)) {
    if (!options.command.empty()) {
      return Error{ExitCode::kCheckFailed,
                   "the bottle is not as it should be; the command was "
                   "not run",
                   "without --check it runs anyway"};
    }
    return static_cast<int>(ExitCode::kCheckFailed);
  }
  if (options.command.empty()) return 0;
  return become(options.command, context.around);
}

}  // namespace bottle::launcher
