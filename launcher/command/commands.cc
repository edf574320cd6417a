#include "launcher/command/commands.h"

#include <vector>

#include "launcher/command/bottles.h"
#include "launcher/command/completion.h"
#include "launcher/command/doctor.h"
#include "launcher/command/env.h"
#include "launcher/command/init.h"
#include "launcher/command/logs.h"
#include "launcher/command/start.h"

namespace bottle::launcher {
namespace {

using OptionList = std::vector<Option>;

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

OptionList start_options(StartOptions& to) {
  return {
      {.names = "NAME",
       .into = &to.name,
       .help = "a bottle or an agent of the manifest, or \"demo\""},
      {.names = "--manifest",
       .into = &to.manifest,
       .help =
           "the manifest; default: bottle.json here or in a parent, up to the repository's root",
       .value = "FILE"},
      {.names = "--backend",
       .into = &to.backend,
       .help = "how the bottle is made",
       .value = "NAME"},
      {.names = "--dry-run", .into = &to.dry_run, .help = "print the plan and change nothing"},
      {.names = "--check",
       .into = &to.check,
       .help = "run `bottle doctor` in the bottle first; the command runs when all is well"},
      {.names = "-q,--quiet",
       .into = &to.quiet,
       .help = "print nothing of bottle's own but errors"},
      {.names = "--allow",
       .into = &to.allow,
       .help = "a host that may be reached: HOST, HOST:PORT, *.HOST or '*'; may be repeated",
       .value = "HOST"},
      {.names = "--allow-address",
       .into = &to.allow_addresses,
       .help = "a private address range that may be reached; may be repeated",
       .value = "CIDR"},
      {.names = "--scanner",
       .into = &to.scanner,
       .help = "pipelock, or guard (built into bottle-proxy, direct mode)",
       .value = "NAME",
       .words = {"pipelock", "guard"}},
      {.names = "--pipelock",
       .into = &to.pipelock_url,
       .help = "a pipelock that is running",
       .value = "URL"},
      {.names = "--pipelock-bin",
       .into = &to.pipelock_bin,
       .help = "a pipelock to start for this bottle; also PIPELOCK_BIN",
       .value = "FILE"},
      {.names = "--origin-ca",
       .into = &to.origin_ca,
       .help = "certificates that the proxy trusts besides the system's",
       .value = "FILE"},
      {.names = "--audit",
       .into = &to.audit,
       .help = "the audit log; default: ~/.local/state/bottle/ID/audit.jsonl",
       .value = "FILE"},
      {.names = "--limit",
       .into = &to.limits,
       .help = "a limit of the proxy: NAME=NUMBER, as in docs/limits.md; may be repeated",
       .value = "LIMIT"},
      {.names = "--resolve",
       .into = &to.resolve,
       .help = "for stand-in origins: HOST:PORT=ADDR:PORT; may be repeated",
       .value = "MAPPING"},
  };
}

OptionList list_options(ListOptions& to) {
  return {{.names = "--json", .into = &to.json, .help = "as JSON"},
          {.names = "-q,--quiet", .into = &to.quiet, .help = "the ids alone"}};
}

OptionList stop_options(StopOptions& to) {
  return {{.names = "ID", .into = &to.ids, .help = "bottles to end"},
          {.names = "--all", .into = &to.all, .help = "all that run"},
          {.names = "-q,--quiet", .into = &to.quiet, .help = "print nothing but errors"}};
}

OptionList logs_options(LogsOptions& to) {
  return {{.names = "ID", .into = &to.id, .help = "a bottle that runs, or one whose log is kept"},
          {.names = "-f,--follow",
           .into = &to.follow,
           .help = "go on with new lines until the bottle ends"},
          {.names = "--json", .into = &to.json, .help = "the audit log's own lines"}};
}

OptionList exec_options(ExecOptions& to) {
  return {{.names = "ID", .into = &to.id, .help = "the bottle"}};
}

OptionList env_options(EnvOptions& to) {
  return {
      {.names = "ID", .into = &to.id, .help = "a bottle that runs"},
      {.names = "--proxy",
       .into = &to.proxy,
       .help = "a bottle-proxy that runs by itself",
       .value = "URL"},
      {.names = "--ca",
       .into = &to.ca,
       .help = "its CA: what it wrote to --ca-out",
       .value = "FILE"},
      {.names = "--bundle",
       .into = &to.bundle,
       .help = "roots and CA: what it wrote to --bundle-out; without it the CA alone is trusted",
       .value = "FILE"},
      {.names = "--shell",
       .into = &to.shell,
       .help = "sh, fish or csh; default: by $SHELL",
       .value = "NAME",
       .words = {"sh", "fish", "csh"}},
  };
}

OptionList doctor_options(DoctorOptions& to) {
  return {
      {.names = "--json", .into = &to.json, .help = "findings as JSON"},
      {.names = "-q,--quiet", .into = &to.quiet, .help = "print only what is not well"},
      {.names = "--targets",
       .into = &to.targets,
       .help = "in a bottle: try these addresses instead of the built-in ones (docs/commands.md)",
       .value = "FILE"},
  };
}

OptionList init_options(InitOptions& to) {
  return {
      {.names = "--preset",
       .into = &to.presets,
       .help = "claude, codex or git; may be repeated",
       .value = "NAME",
       .words = {"claude", "codex", "git"}},
      {.names = "--file",
       .into = &to.file,
       .help = "where to write it; default: bottle.json here",
       .value = "FILE"},
      {.names = "--force",
       .into = &to.force,
       .help = "write it although there is one; that is kept as .old"},
      {.names = "--print", .into = &to.print, .help = "write it to standard output instead"},
  };
}

OptionList completion_options(CompletionOptions& to) {
  return {{.names = "SHELL", .into = &to.shell, .help = "bash or zsh", .words = {"bash", "zsh"}}};
}

}  // namespace

std::span<const CommandRow> command_table() {
  static const std::vector<CommandRow> kTable{
      {.name = "start",
       .summary = "run a command in a bottle",
       .usage = "start [OPTIONS] [NAME] [--] [COMMAND...]",
       .footer = kStartFooter,
       .make = maker_of(start_options, run_start, check_start),
       .read_bare = read_bare_start},
      {.name = "list",
       .summary = "the bottles that run",
       .footer = kListFooter,
       .make = maker_of(list_options, run_list)},
      {.name = "stop",
       .summary = "end bottles",
       .footer = kStopFooter,
       .make = maker_of(stop_options, run_stop, check_stop)},
      {.name = "logs",
       .summary = "what a bottle's requests became",
       .footer = kLogsFooter,
       .make = maker_of(logs_options, run_logs)},
      {.name = "exec",
       .summary = "run a command in a bottle that runs",
       .usage = "exec ID COMMAND...",
       .footer = kExecFooter,
       .make = maker_of(exec_options, run_exec, check_exec),
       .read_bare = read_bare_exec},
      {.name = "env",
       .summary = "variables that make a shell's programs use a proxy",
       .footer = kEnvFooter,
       .make = maker_of(env_options, run_env)},
      {.name = "doctor",
       .summary = "check this machine, or the bottle it runs in",
       .footer = kDoctorFooter,
       .make = maker_of(doctor_options, run_doctor)},
      {.name = "init",
       .summary = "write a manifest with comments",
       .footer = kInitFooter,
       .make = maker_of(init_options, run_init)},
      {.name = "completion",
       .summary = "print a shell's completion script",
       .footer = kCompletionFooter,
       .make = maker_of(completion_options, run_completion)},
  };
  return kTable;
}

Option help_option() {
  return {.names = "-h,--help", .into = static_cast<bool*>(nullptr), .help = "print this"};
}

}  // namespace bottle::launcher
