#include "launcher/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

namespace bottle::launcher {
namespace {

// Verbs that will come. Named so that nobody takes their absence for a typing error.
constexpr std::array<std::string_view, 7> kReserved{"list",   "stop", "logs", "exec",
                                                    "doctor", "init", "env"};

constexpr const char* kExamples = R"(
Examples:
  bottle start --allow example.com -- curl -sS https://example.com/
  bottle start --dry-run -- make test     print what would be done
  bottle start claude                     an agent of the manifest (bottle.json)
  bottle start demo                       see it work, without the internet

Exit status: that of the command; 64 and above for bottle's own errors (docs/exit-codes.md).
)";

template <class T>
CLI::Option* single(CLI::App* app, const std::string& name, T& into, const std::string& help,
                    const std::string& type) {
  return app->add_option(name, into, help)->type_name(type)->take_last();
}

template <class T>
void many(CLI::App* app, const std::string& name, T& into, const std::string& help,
          const std::string& type) {
  // One value an option, so that a positional argument after it is not swallowed.
  app->add_option(name, into, help)->type_name(type)->allow_extra_args(false)->take_all();
}

void add_start_options(CLI::App* start, StartOptions& options) {
  start->add_option("NAME", options.name, "a bottle or an agent of the manifest, or \"demo\"");
  single(start, "--manifest", options.manifest,
         "the manifest; default: bottle.json here or in a parent, up to the repository's root",
         "FILE");
  single(start, "--backend", options.backend, "how the bottle is made: local", "NAME");
  start->add_flag("--dry-run", options.dry_run, "print the plan and change nothing");
  start->add_flag("-q,--quiet", options.quiet, "print nothing of bottle's own but errors");
  many(start, "--allow", options.allow,
       "a host that may be reached: HOST, HOST:PORT, *.HOST or '*'; may be repeated", "HOST");
  many(start, "--allow-address", options.allow_addresses,
       "a private address range that may be reached; may be repeated", "CIDR");
  single(start, "--scanner", options.scanner,
         "pipelock, or guard (built into bottle-proxy, direct mode)", "NAME");
  single(start, "--pipelock", options.pipelock_url, "a pipelock that is running", "URL");
  single(start, "--pipelock-bin", options.pipelock_bin,
         "a pipelock to start for this bottle; also PIPELOCK_BIN", "FILE");
  single(start, "--origin-ca", options.origin_ca,
         "certificates that the proxy trusts besides the system's", "FILE");
  single(start, "--audit", options.audit,
         "the audit log; default: ~/.local/state/bottle/ID/audit.jsonl", "FILE");
  many(start, "--resolve", options.resolve,
       "for stand-in origins: HOST:PORT=ADDR:PORT; may be repeated", "MAPPING");
}

Error usage(std::string message, std::string hint) {
  return Error{ExitCode::kUsage, std::move(message), std::move(hint)};
}

}  // namespace

Result<Command> parse_command_line(const std::vector<std::string>& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> own(arguments.begin(), dashes);
  const std::string see_help = "bottle --help shows what there is";
  if (own.empty()) return usage("nothing to do", see_help);
  if (std::find(kReserved.begin(), kReserved.end(), own.front()) != kReserved.end()) {
    return Error{ExitCode::kNotYet, "not yet: `bottle " + own.front() + "` has not been built",
                 "what exists: bottle start"};
  }
  const bool is_option = own.front().starts_with("-");
  if (!is_option && own.front() != "start") {
    return usage("unknown command \"" + own.front() + "\"",
                 "what exists: start; to run a program: bottle start -- " + own.front());
  }

  CLI::App app("Runs a command in isolation; every request it makes is decrypted and scanned.",
               "bottle");
  app.set_version_flag("--version", std::string("bottle ") + BOTTLE_VERSION);
  app.set_help_flag("-h,--help", "print this");
  app.require_subcommand(1);
  app.footer(kExamples);
  StartOptions options;
  auto* const start = app.add_subcommand(
      "start", "bottle start [OPTIONS] [NAME] [-- COMMAND...]: run a command in a bottle");
  start->set_help_flag("-h,--help", "print this");
  start->footer(kExamples);
  add_start_options(start, options);
  try {
    std::reverse(own.begin(), own.end());  // CLI11 takes a vector from its end
    app.parse(own);
  } catch (const CLI::CallForHelp&) {
    return Command(PrintText{start->parsed() ? start->help("bottle") : app.help()});
  } catch (const CLI::CallForVersion&) {
    return Command(PrintText{std::string("bottle ") + BOTTLE_VERSION + "\n"});
  } catch (const CLI::ParseError& error) {
    return usage(error.what(),
                 "bottle start --help shows the options; the command to run comes "
                 "after --");
  }
  if (dashes != arguments.end()) {
    options.command.assign(dashes + 1, arguments.end());
    if (options.command.empty()) {
      return usage("there is no command after --", "example: bottle start -- curl https://host/");
    }
    if (options.command.front().empty()) return usage("the command is an empty word", "");
  }
  if (options.name == "demo") {
    if (!options.command.empty()) return usage("the demo has a command of its own", "");
    return Command(RunDemo{std::move(options)});
  }
  return Command(std::move(options));
}

}  // namespace bottle::launcher
