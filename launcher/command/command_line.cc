#include "launcher/command/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

namespace bottle::launcher {
namespace {

constexpr const char* kFooter = R"(
Examples:
  bottle start --allow example.com curl -sS https://example.com/
  bottle start claude                     run an agent of the manifest (bottle.json)
  bottle start demo                       run a demonstration; needs no internet
  bottle init                             write a manifest
  bottle doctor                           check whether this machine can run bottles

`bottle COMMAND --help` shows the options of a command. docs/exit-codes.md lists the exit codes.
)";

constexpr const char* kStartFooter = R"(
Examples:
  bottle start --allow example.com curl -sS https://example.com/
  bottle start --dry-run make test        print the plan and change nothing
  bottle start claude                     run an agent of the manifest (bottle.json)
  bottle start claude -- bash             run another command in the agent's bottle
  bottle start demo                       run a demonstration; needs no internet

The first word that is not an option names an agent or a bottle of the manifest. If the manifest
has no such name, the word is a command, and all words after it are its arguments. The words after
-- are always a command. The exit status is the command's own; 64 and above are bottle's errors
(docs/exit-codes.md).
)";

constexpr const char* kListFooter = R"(
Examples:
  bottle list
  bottle stop $(bottle list --quiet)

Prints a line for each of your bottles that runs on this machine. The exit status is 0 even if there
is none.
)";

constexpr const char* kStopFooter = R"(
Examples:
  bottle stop 4f2a
  bottle stop --all

Ends the command in the bottle (SIGTERM, then SIGHUP, then SIGKILL) and waits until nothing of the
bottle is left. Prints the ids of the bottles that ended. The first letters of an id are enough.
)";

constexpr const char* kLogsFooter = R"(
Examples:
  bottle logs -f
  bottle logs 4f2a --json

Without ID it shows the bottle that runs, or else the one that ended last. A line has the time, the
verdict, the status, method, host and path, the bytes, and the reason of a refusal. docs/config.md
describes the lines of --json.
)";

constexpr const char* kExecFooter = R"(
Examples:
  bottle exec 4f2a bash
  bottle exec 4f2a env

The command gets the bottle's environment, files and network, and the same rights as the agent. The
exit status is the command's own.
)";

constexpr const char* kEnvFooter = R"--(
Examples:
  eval "$(bottle env --proxy http://127.0.0.1:3128 --ca ca.pem)"
  bottle env --proxy http://127.0.0.1:3128 --ca ca.pem --shell fish | source
  bottle env 4f2a                         print the variables of a bottle's commands

Outside a bottle, JVMs do not read these variables: import the CA with keytool, and set
-Dhttps.proxyHost and -Dhttps.proxyPort.
)--";

constexpr const char* kDoctorFooter = R"(
Examples:
  bottle doctor
  bottle start --check claude             check the bottle, then run the agent
  bottle exec 4f2a bottle doctor          check a bottle that runs

On a machine it checks what bottles need. In a bottle it checks that every installed client uses the
proxy and trusts its CA, and that there is no other way out. The exit status is 0, or 67 if a check
failed.
)";

constexpr const char* kInitFooter = R"(
Examples:
  bottle init --preset claude --preset git
  bottle init --print

Without a preset the manifest has a bottle and no agent. The hosts of package registries come from
the settings of the installed clients (npm, pip, cargo, go). An existing manifest is an error;
--force keeps it as bottle.json.old.
)";

constexpr const char* kCompletionFooter = R"(
Examples:
  source <(bottle completion bash)
  bottle completion bash > ~/.local/share/bash-completion/completions/bottle
  bottle completion zsh > ~/.zfunc/_bottle          (a directory of $fpath)
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

// Everything that can be asked for; the one whose subcommand was parsed counts.
struct Asked {
  StartOptions start;
  ListOptions list;
  StopOptions stop;
  LogsOptions logs;
  ExecOptions exec;
  EnvOptions env;
  DoctorOptions doctor;
  InitOptions init;
  CompletionOptions completion;
};

void add_start(CLI::App* app, StartOptions& options) {
  app->add_option("NAME", options.name, "an agent or a bottle of the manifest, or \"demo\"")
      ->type_name("");
  single(app, "--manifest", options.manifest,
         "the manifest (default: bottle.json here or in a parent, up to the repository's root)",
         "FILE");
  single(
      app, "--backend", options.backend,
      "make the bottle of namespaces (local) or containers (docker); default: docker if its engine "
      "answers and has the images, else local",
      "local|docker");
  app->add_flag("--dry-run", options.dry_run, "print the plan and change nothing");
  app->add_flag("--check", options.check,
                "run `bottle doctor` in the bottle first, and the command only if no check failed");
  app->add_flag("-q,--quiet", options.quiet, "print only errors of bottle's own");
  many(app, "--allow", options.allow,
       "allow a host: HOST, HOST:PORT, *.HOST (the host and all below it) or '*'; may be repeated",
       "HOST");
  many(app, "--allow-address", options.allow_addresses,
       "allow a private address range, such as 10.1.0.0/16; may be repeated", "CIDR");
  single(app, "--scanner", options.scanner,
         "scan with the built-in guard alone, or also with pipelock (default: pipelock if one is "
         "named, else guard)",
         "guard|pipelock");
  single(app, "--pipelock", options.pipelock_url, "use a running pipelock: http://HOST:PORT",
         "URL");
  single(app, "--pipelock-bin", options.pipelock_bin,
         "start this pipelock for the bottle (default: $PIPELOCK_BIN)", "FILE");
  single(app, "--origin-ca", options.origin_ca,
         "PEM certificates that the proxy trusts for origins, besides the system's", "FILE");
  single(app, "--audit", options.audit,
         "write the audit log there (default: ~/.local/state/bottle/ID/audit.jsonl)", "FILE");
  many(app, "--limit", options.limits,
       "change a limit of the proxy, such as idle_ms=60000 (docs/limits.md); may be repeated",
       "NAME=NUMBER");
  many(app, "--resolve", options.resolve,
       "connect to another address for a host: HOST:PORT=ADDR:PORT; may be repeated", "MAPPING");
}

void add_env(CLI::App* app, EnvOptions& options) {
  app->add_option("ID", options.id, "a bottle that runs")->type_name("");
  single(app, "--proxy", options.proxy,
         "a bottle-proxy that runs alone: http://[USER:PASSWORD@]HOST:PORT", "URL");
  single(app, "--ca", options.ca, "its CA, the file of its --ca-out", "FILE");
  single(app, "--bundle", options.bundle,
         "its roots and CA, the file of its --bundle-out; without it only the CA is trusted",
         "FILE");
  single(app, "--shell", options.shell, "the shell's language (default: from $SHELL)",
         "sh|fish|csh");
}

void add_doctor(CLI::App* app, DoctorOptions& options) {
  app->add_flag("--json", options.json, "print the findings as JSON");
  app->add_flag("-q,--quiet", options.quiet, "print only warnings and failures");
  single(app, "--targets", options.targets,
         "in a bottle, try the addresses of this JSON file instead of the built-in ones "
         "(docs/commands.md)",
         "FILE");
}

void add_init(CLI::App* app, InitOptions& options) {
  many(app, "--preset", options.presets,
       "add what this agent or tool needs (claude is Claude Code); may be repeated",
       "claude|codex|git");
  single(app, "--file", options.file, "write the manifest there (default: bottle.json here)",
         "FILE");
  app->add_flag("--force", options.force, "replace an existing manifest, and keep it as .old");
  app->add_flag("--print", options.print, "write to standard output instead of a file");
}

std::unique_ptr<CLI::App> make_app(Asked& asked) {
  auto app = std::make_unique<CLI::App>(
      "Runs a command in isolation. Each of its requests is decrypted, checked and scanned.",
      "bottle");
  app->set_version_flag("--version", std::string("bottle ") + BOTTLE_VERSION, "print the version");
  app->set_help_flag("-h,--help", "print this help");
  app->require_subcommand(1);
  app->footer(kFooter);
  const auto command = [&app](const std::string& name, const std::string& help,
                              const char* footer) {
    auto* const out = app->add_subcommand(name, help);
    out->set_help_flag("-h,--help", "print this help");
    out->footer(footer);
    return out;
  };
  add_start(command("start", "run a command in a bottle: start [OPTIONS] [NAME] [--] [COMMAND...]",
                    kStartFooter),
            asked.start);

  auto* const list = command("list", "list the bottles that run", kListFooter);
  list->add_flag("--json", asked.list.json, "print JSON");
  list->add_flag("-q,--quiet", asked.list.quiet, "print only the ids");

  auto* const stop = command("stop", "end bottles", kStopFooter);
  stop->add_option("ID", asked.stop.ids, "the bottles to end")->type_name("");
  stop->add_flag("--all", asked.stop.all, "end all bottles");
  stop->add_flag("-q,--quiet", asked.stop.quiet, "print only errors");

  auto* const logs =
      command("logs", "show the requests of a bottle, and what became of them", kLogsFooter);
  logs->add_option("ID", asked.logs.id, "a bottle that runs, or one whose log is kept")
      ->type_name("");
  logs->add_flag("-f,--follow", asked.logs.follow, "show new lines too, until the bottle ends");
  logs->add_flag("--json", asked.logs.json, "print the lines of the audit log itself");

  auto* const exec =
      command("exec", "run a command in a bottle that runs: exec ID COMMAND...", kExecFooter);
  exec->add_option("ID", asked.exec.id, "the bottle")->type_name("")->required();

  add_env(command("env", "print variables that make a shell's programs use a proxy", kEnvFooter),
          asked.env);
  add_doctor(
      command("doctor", "check this machine, or the bottle that it is called in", kDoctorFooter),
      asked.doctor);
  add_init(command("init", "write a manifest with comments", kInitFooter), asked.init);

  auto* const completion =
      command("completion", "print a shell's completion script", kCompletionFooter);
  completion->add_option("SHELL", asked.completion.shell, "bash or zsh")->type_name("")->required();
  return app;
}

Error usage(std::string message, std::string hint) {
  return Error{ExitCode::kUsage, std::move(message), std::move(hint)};
}

std::string known_commands(const CLI::App& app) {
  std::string out;
  for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    out += (out.empty() ? "" : ", ") + one->get_name();
  }
  return out;
}

bool knows_command(const CLI::App& app, const std::string& name) {
  const auto all = app.get_subcommands([](const CLI::App*) { return true; });
  return std::any_of(all.begin(), all.end(),
                     [&name](const CLI::App* one) { return one->get_name() == name; });
}

Expected<Command> start_command(StartOptions options) {
  if (options.name != kDemoName) return Command(std::move(options));
  if (!options.command.empty()) {
    return usage("the demo has a command of its own", "bottle start demo, without --");
  }
  return Command(RunDemo{std::move(options)});
}

Expected<Command> command_of(const std::string& name, Asked& asked,
                             std::vector<std::string> command) {
  if (name == "start") {
    asked.start.command = std::move(command);
    return start_command(std::move(asked.start));
  }
  if (name == "exec") {
    if (command.empty()) {
      return usage("bottle exec needs a command", "example: bottle exec ID bash");
    }
    asked.exec.command = std::move(command);
    return Command(std::move(asked.exec));
  }
  if (name == "doctor") {
    asked.doctor.command = std::move(command);
    return Command(std::move(asked.doctor));
  }
  if (!command.empty()) {
    return usage("bottle " + name + " takes no command after --", "bottle " + name + " --help");
  }
  if (name == "list") return Command(asked.list);
  if (name == "stop") {
    if (asked.stop.ids.empty() != asked.stop.all) {
      return usage(asked.stop.all ? "ids and --all are both given" : "which bottle?",
                   "bottle stop ID, or bottle stop --all; bottle list shows the ids");
    }
    return Command(std::move(asked.stop));
  }
  if (name == "logs") return Command(std::move(asked.logs));
  if (name == "env") return Command(std::move(asked.env));
  if (name == "init") return Command(std::move(asked.init));
  return Command(std::move(asked.completion));
}

// Each word before the first `--` is bottle's own.
Expected<Command> parse_own(const std::vector<std::string>& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> own(arguments.begin(), dashes);
  if (own.empty()) return usage("nothing to do", "bottle --help shows what there is");
  Asked asked;
  const auto app = make_app(asked);
  const std::string first = own.front();
  if (!first.starts_with("-") && !knows_command(*app, first)) {
    return usage(
        "unknown command \"" + first + "\"",
        "what exists: " + known_commands(*app) + "; to run a program: bottle start " + first);
  }
  std::vector<std::string> command;
  if (dashes != arguments.end()) {
    command.assign(dashes + 1, arguments.end());
    if (command.empty()) {
      return usage("there is no command after --", "example: bottle start -- curl https://host/");
    }
    if (command.front().empty()) {
      return usage("the command is an empty word", "is a variable in it not set?");
    }
  }
  try {
    std::reverse(own.begin(), own.end());  // CLI11 takes a vector from its end
    app->parse(own);
  } catch (const CLI::CallForHelp&) {
    const auto parsed = app->get_subcommands();
    return Command(PrintText{parsed.empty() ? app->help() : parsed.front()->help("bottle")});
  } catch (const CLI::CallForVersion&) {
    return Command(PrintText{std::string("bottle ") + BOTTLE_VERSION + "\n"});
  } catch (const CLI::ParseError& error) {
    const std::string name = first.starts_with("-") ? "" : first + " ";
    return usage(error.what(),
                 "bottle " + name + "--help shows the options; a command to run comes after --");
  }
  return command_of(app->get_subcommands().front()->get_name(), asked, std::move(command));
}

// Where the first word stands that is neither an option of `command` nor an option's value.
std::size_t first_word(const CLI::App& command, const std::vector<std::string>& words) {
  std::size_t at = 1;
  while (at < words.size() && words[at].starts_with("-")) {
    const auto* const option = command.get_option_no_throw(words[at]);
    const bool value_follows = option != nullptr && option->get_items_expected_max() > 0;
    at += value_follows ? 2 : 1;
  }
  return std::min(at, words.size());
}

// `bottle start [OPTIONS] WORD...` where WORD may be a command: from there on all is the command's.
Expected<Command> parse_start(const std::vector<std::string>& arguments, std::size_t at,
                              const WordTest& meaning_of) {
  const std::string& word = arguments[at];
  auto own = parse_own(arguments);
  const bool all_own = own && !std::holds_alternative<PrintText>(*own);
  auto before = parse_own({arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(at)});
  if (!before || std::holds_alternative<PrintText>(*before)) return before;
  const auto* const known = all_own ? std::get_if<StartOptions>(&*own) : nullptr;
  auto options = std::get<StartOptions>(std::move(*before));
  switch (meaning_of(known != nullptr ? *known : options, word)) {
    case WordMeaning::kEntry:
      if (!own) {
        own.error().hint =
            "bottle start --help shows the options. Another command in this bottle: "
            "bottle start " +
            word + " -- COMMAND...";
      }
      return own;
    case WordMeaning::kNeither:
      if (own) return own;
      options.name = word;  // the rest does not count: making the bottle says that there is none
      return Command(std::move(options));
    case WordMeaning::kCommand:
      break;
  }
  if (all_own && std::find(arguments.begin(), arguments.end(), "--") != arguments.end()) {
    return usage("\"" + word + "\" is a command, and after -- there is another one",
                 "what stands before -- is a bottle or an agent of the manifest; a command: bottle "
                 "start -- " +
                     word);
  }
  options.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
  return Command(std::move(options));
}

}  // namespace

Expected<Command> parse_command_line(const std::vector<std::string>& arguments,
                                     const WordTest& meaning_of) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  const std::vector<std::string> own(arguments.begin(), dashes);
  if (own.empty() || (own.front() != "start" && own.front() != "exec")) return parse_own(arguments);
  Asked asked;
  const auto app = make_app(asked);
  const std::size_t at = first_word(*app->get_subcommand(own.front()), own);
  if (at >= own.size()) return parse_own(arguments);
  if (own.front() == "start") {
    return meaning_of ? parse_start(arguments, at, meaning_of) : parse_own(arguments);
  }
  // The word after the id begins the command.
  if (at + 1 == own.size() || own[at + 1].starts_with("-")) return parse_own(arguments);
  std::vector<std::string> dashed = arguments;
  dashed.insert(dashed.begin() + static_cast<std::ptrdiff_t>(at) + 1, "--");
  return parse_own(dashed);
}

std::vector<CommandWords> command_words() {
  Asked asked;
  const auto app = make_app(asked);
  std::vector<CommandWords> out;
  for (const auto* one : app->get_subcommands([](const CLI::App*) { return true; })) {
    CommandWords words{.name = one->get_name(), .help = one->get_description()};
    words.help = words.help.substr(0, words.help.find(':'));
    for (const auto* option : one->get_options()) {
      if (option->get_positional()) {
        words.argument = option->get_name(true);
        continue;
      }
      OptionWords entry{.help = option->get_description()};
      for (const auto& name : option->get_snames()) entry.names.push_back("-" + name);
      for (const auto& name : option->get_lnames()) entry.names.push_back("--" + name);
      if (option->get_items_expected_max() > 0) entry.value = option->get_type_name();
      words.options.push_back(std::move(entry));
    }
    out.push_back(std::move(words));
  }
  return out;
}

}  // namespace bottle::launcher
