#include "launcher/command/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

namespace bottle::launcher {
namespace {

constexpr const char* kFooter = R"(
Examples:
  bottle start --allow example.com curl -sS https://example.com/
  bottle start claude                     an agent of the manifest (bottle.json)
  bottle start demo                       see it work, without the internet
  bottle init                             write a manifest
  bottle doctor                           can this machine make bottles?

`bottle COMMAND --help` tells more. Exit status: docs/exit-codes.md.
)";

constexpr const char* kStartFooter = R"(
Examples:
  bottle start --allow example.com curl -sS https://example.com/
  bottle start --dry-run make test        print what would be done
  bottle start claude                     an agent of the manifest (bottle.json)
  bottle start claude -- bash             another command in the agent's bottle
  bottle start demo                       see it work, without the internet

The first word that is no option is an agent or a bottle of the manifest; if there is none of that
name, it is a command, and all that follows belongs to it. After -- there is always a command.
Exit status: that of the command; 64 and above for bottle's own errors (docs/exit-codes.md).
)";

constexpr const char* kListFooter = R"(
A line for each bottle of yours that runs on this machine. Exit status 0, also when there is none.
)";

constexpr const char* kStopFooter = R"(
Ends the command in the bottle (SIGTERM, then SIGHUP, SIGKILL at last) and waits until all of the
bottle is gone. Prints the ids of those that ended. The first letters of an id are enough.
)";

constexpr const char* kLogsFooter = R"(
Without ID: the bottle that runs, else the one that ended last. Each line: when, what became of the
request, status, method, host and path, how much, and why it was refused. With -f new lines are
shown until the bottle ends. docs/config.md describes the lines of --json.
)";

constexpr const char* kExecFooter = R"(
Examples:
  bottle exec 4f2a bash
  bottle exec 4f2a env

The command has the bottle's environment, its files and its network, and no more rights than the
agent. Exit status: that of the command.
)";

constexpr const char* kEnvFooter = R"--(
Examples:
  eval "$(bottle env --proxy http://127.0.0.1:3128 --ca ca.pem)"
  bottle env --proxy http://127.0.0.1:3128 --ca ca.pem --shell fish | source
  bottle env 4f2a                         as the bottle's own command has them

JVMs read none of these variables outside a bottle: import the CA with keytool, and set
-Dhttps.proxyHost and -Dhttps.proxyPort.
)--";

constexpr const char* kDoctorFooter = R"(
On the machine: can it make bottles? In a bottle: does every client that is installed use the proxy
and trust its CA, and are all other ways out dead? `bottle start --check` does that before the
command. Exit status: 0, or 67 when a check failed.
)";

constexpr const char* kInitFooter = R"(
Presets: claude (Claude Code), codex, git. More than one may be given; without one there is a bottle
and no agent. The hosts of package registries are asked from the configuration of the clients that
are installed (npm, pip, cargo, go). A manifest that exists is not touched; with --force it is kept
as bottle.json.old.
)";

constexpr const char* kCompletionFooter = R"(
bash:  source <(bottle completion bash)
       or: bottle completion bash > ~/.local/share/bash-completion/completions/bottle
zsh:   bottle completion zsh > ~/.zfunc/_bottle     (a directory of $fpath)
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
  app->add_option("NAME", options.name, "a bottle or an agent of the manifest, or \"demo\"");
  single(app, "--manifest", options.manifest,
         "the manifest; default: bottle.json here or in a parent, up to the repository's root",
         "FILE");
  single(app, "--backend", options.backend, "how the bottle is made", "NAME");
  app->add_flag("--dry-run", options.dry_run, "print the plan and change nothing");
  app->add_flag("--check", options.check,
                "run `bottle doctor` in the bottle first; the command runs when all is well");
  app->add_flag("-q,--quiet", options.quiet, "print nothing of bottle's own but errors");
  many(app, "--allow", options.allow,
       "a host that may be reached: HOST, HOST:PORT, *.HOST or '*'; may be repeated", "HOST");
  many(app, "--allow-address", options.allow_addresses,
       "a private address range that may be reached; may be repeated", "CIDR");
  single(app, "--scanner", options.scanner,
         "pipelock, or guard (built into bottle-proxy, direct mode)", "NAME");
  single(app, "--pipelock", options.pipelock_url, "a pipelock that is running", "URL");
  single(app, "--pipelock-bin", options.pipelock_bin,
         "a pipelock to start for this bottle; also PIPELOCK_BIN", "FILE");
  single(app, "--origin-ca", options.origin_ca,
         "certificates that the proxy trusts besides the system's", "FILE");
  single(app, "--audit", options.audit,
         "the audit log; default: ~/.local/state/bottle/ID/audit.jsonl", "FILE");
  many(app, "--limit", options.limits,
       "a limit of the proxy: NAME=NUMBER, as in docs/limits.md; may be repeated", "LIMIT");
  many(app, "--resolve", options.resolve,
       "for stand-in origins: HOST:PORT=ADDR:PORT; may be repeated", "MAPPING");
}

void add_env(CLI::App* app, EnvOptions& options) {
  app->add_option("ID", options.id, "a bottle that runs");
  single(app, "--proxy", options.proxy, "a bottle-proxy that runs by itself", "URL");
  single(app, "--ca", options.ca, "its CA: what it wrote to --ca-out", "FILE");
  single(app, "--bundle", options.bundle,
         "roots and CA: what it wrote to --bundle-out; without it the CA alone is trusted", "FILE");
  single(app, "--shell", options.shell, "sh, fish or csh; default: by $SHELL", "NAME");
}

void add_doctor(CLI::App* app, DoctorOptions& options) {
  app->add_flag("--json", options.json, "findings as JSON");
  app->add_flag("-q,--quiet", options.quiet, "print only what is not well");
  single(app, "--targets", options.targets,
         "in a bottle: try these addresses instead of the built-in ones (docs/commands.md)",
         "FILE");
}

void add_init(CLI::App* app, InitOptions& options) {
  many(app, "--preset", options.presets, "claude, codex or git; may be repeated", "NAME");
  single(app, "--file", options.file, "where to write it; default: bottle.json here", "FILE");
  app->add_flag("--force", options.force, "write it although there is one; that is kept as .old");
  app->add_flag("--print", options.print, "write it to standard output instead");
}

std::unique_ptr<CLI::App> make_app(Asked& asked) {
  auto app = std::make_unique<CLI::App>(
      "Runs a command in isolation; every request it makes is decrypted and scanned.", "bottle");
  app->set_version_flag("--version", std::string("bottle ") + BOTTLE_VERSION);
  app->set_help_flag("-h,--help", "print this");
  app->require_subcommand(1);
  app->footer(kFooter);
  const auto command = [&app](const std::string& name, const std::string& help,
                              const char* footer) {
    auto* const out = app->add_subcommand(name, help);
    out->set_help_flag("-h,--help", "print this");
    out->footer(footer);
    return out;
  };
  add_start(command("start", "run a command in a bottle: start [OPTIONS] [NAME] [--] [COMMAND...]",
                    kStartFooter),
            asked.start);

  auto* const list = command("list", "the bottles that run", kListFooter);
  list->add_flag("--json", asked.list.json, "as JSON");
  list->add_flag("-q,--quiet", asked.list.quiet, "the ids alone");

  auto* const stop = command("stop", "end bottles", kStopFooter);
  stop->add_option("ID", asked.stop.ids, "bottles to end");
  stop->add_flag("--all", asked.stop.all, "all that run");
  stop->add_flag("-q,--quiet", asked.stop.quiet, "print nothing but errors");

  auto* const logs = command("logs", "what a bottle's requests became", kLogsFooter);
  logs->add_option("ID", asked.logs.id, "a bottle that runs, or one whose log is kept");
  logs->add_flag("-f,--follow", asked.logs.follow, "go on with new lines until the bottle ends");
  logs->add_flag("--json", asked.logs.json, "the audit log's own lines");

  auto* const exec =
      command("exec", "run a command in a bottle that runs: exec ID COMMAND...", kExecFooter);
  exec->add_option("ID", asked.exec.id, "the bottle")->required();

  add_env(command("env", "variables that make a shell's programs use a proxy", kEnvFooter),
          asked.env);
  add_doctor(command("doctor", "check this machine, or the bottle it runs in", kDoctorFooter),
             asked.doctor);
  add_init(command("init", "write a manifest with comments", kInitFooter), asked.init);

  auto* const completion =
      command("completion", "print a shell's completion script", kCompletionFooter);
  completion->add_option("SHELL", asked.completion.shell, "bash or zsh")->required();
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
