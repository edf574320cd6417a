#include "launcher/command/commands.h"

#include <utility>
#include <vector>

#include "launcher/command/allow.h"
#include "launcher/command/attach.h"
#include "launcher/command/bottles.h"
#include "launcher/command/command_footers.h"
#include "launcher/command/completion.h"
#include "launcher/command/doctor.h"
#include "launcher/command/env.h"
#include "launcher/command/help.h"
#include "launcher/command/home.h"
#include "launcher/command/init.h"
#include "launcher/command/login.h"
#include "launcher/command/logs.h"
#include "launcher/command/policy.h"
#include "launcher/command/ports.h"
#include "launcher/command/secrets.h"
#include "launcher/command/start.h"
#include "launcher/command/start_options.h"
#include "launcher/command/watch.h"

namespace bottle::launcher {
namespace {

using OptionList = std::vector<Option>;

// The scanners, and how they scan.
OptionList scan_options(StartOptions& to) {
  return {
      {.names = "--scanner",
       .into = &to.scanner,
       .help = "scan with the built-in guard alone, or also with pipelock (default: pipelock if "
               "one is named, else guard)",
       .value = "guard|pipelock"},
      {.names = "--pipelock",
       .into = &to.pipelock_url,
       .help = "use a running pipelock: http://HOST:PORT",
       .value = "URL"},
      {.names = "--pipelock-bin",
       .into = &to.pipelock_bin,
       .help = "start this pipelock for the bottle (default: $PIPELOCK_BIN)",
       .value = "FILE"},
      {.names = "--parent",
       .into = &to.parent,
       .help = "reach hosts through this HTTP proxy: http://[USER@]HOST:PORT",
       .value = "URL"},
      {.names = "--origin-ca",
       .into = &to.origin_ca,
       .help = "PEM certificates that the proxy trusts for origins, besides the system's",
       .value = "FILE"},
      {.names = "--on-secret",
       .into = &to.on_secret,
       .help = "refuse a request with a secret in its body (default), or take the secret out and "
               "send the rest; HOST=redact for one host; may be repeated",
       .value = "refuse|redact"},
      {.names = "--responses",
       .into = &to.responses,
       .help = "do nothing about an answer that the guard objects to, note it in the audit log "
               "(default), or refuse it; HOST=block for one host; may be repeated",
       .value = "off|note|block"},
      {.names = "--opaque",
       .into = &to.opaque,
       .help = "leave text that no scanner can read (images, ciphertext) to the guard (default), "
               "show it to pipelock, or refuse it; HOST=scan for one host; may be repeated",
       .value = "guard|scan|refuse"},
      {.names = "--show-all",
       .into = &to.show_all,
       .help = "show pipelock all of every body, not only what is new to it"},
  };
}

OptionList start_options(StartOptions& to) {
  OptionList out{
      {.names = "NAME",
       .into = &to.name,
       .help = "an agent or a bottle of the manifest, or \"demo\""},
      {.names = "--manifest",
       .into = &to.manifest,
       .help =
           "the manifest (default: bottle.json here or in a parent, up to the repository's root)",
       .value = "FILE"},
      {.names = "--backend",
       .into = &to.backend,
       .help = "make the bottle of namespaces (local) or containers (docker); default: docker if "
               "its engine answers and has the images, else local",
       .value = "local|docker"},
      {.names = "--home",
       .into = &to.home,
       .help = "keep /home/agent for the next start of this project's bottle, or remove it with "
               "the bottle (default: \"home\" of the manifest, else private)",
       .value = "private|kept"},
      {.names = "--ask",
       .into = &to.ask,
       .help = "hold a request for a host that is not allowed for up to a minute, and ask you: "
               "answer in bottle watch, or with bottle allow or deny"},
      {.names = "--ask-command",
       .into = &to.ask_command,
       .help = "have a command of this machine answer: it reads JSON and prints allow, once or "
               "deny (docs/commands.md)",
       .value = "COMMAND"},
      {.names = "--learn",
       .into = &to.learn,
       .help = "let requests for every public host pass, and propose what the manifest would have "
               "to allow"},
      {.names = "--dry-run", .into = &to.dry_run, .help = "print the plan and change nothing"},
      {.names = "--check",
       .into = &to.check,
       .help = "run `bottle doctor` in the bottle first, and the command only if no check failed"},
      {.names = "-d,--detach",
       .into = &to.detach,
       .help =
           "print the bottle's id when the command runs, and leave it running (`bottle attach`)"},
      {.names = "-q,--quiet", .into = &to.quiet, .help = "print only errors of bottle's own"},
      {.names = "--allow",
       .into = &to.allow,
       .help = "allow a host: HOST, HOST:PORT, *.HOST (the host and all below it) or '*'; may be "
               "repeated",
       .value = "HOST"},
      {.names = "--allow-address",
       .into = &to.allow_addresses,
       .help = "allow a private address range, such as 10.1.0.0/16; may be repeated",
       .value = "CIDR"},
      {.names = "--limit",
       .into = &to.limits,
       .help = "change a limit of the proxy, such as idle_ms=60000 (docs/limits.md); may be "
               "repeated",
       .value = "NAME=NUMBER"},
      {.names = "--resolve",
       .into = &to.resolve,
       .help = "connect to another address for a host: HOST:PORT=ADDR:PORT; may be repeated",
       .value = "MAPPING"},
  };
  for (auto more : {machine_options(to), scan_options(to)}) {
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

OptionList list_options(ListOptions& to) {
  return {{.names = "--json", .into = &to.json, .help = "print JSON"},
          {.names = "-q,--quiet", .into = &to.quiet, .help = "print only the ids"}};
}

OptionList stop_options(StopOptions& to) {
  return {{.names = "ID", .into = &to.ids, .help = "the bottles to end"},
          {.names = "--all", .into = &to.all, .help = "end all bottles"},
          {.names = "-q,--quiet", .into = &to.quiet, .help = "print only errors"}};
}

OptionList logs_options(LogsOptions& to) {
  return {{.names = "ID", .into = &to.id, .help = "a bottle that runs, or one whose log is kept"},
          {.names = "-f,--follow",
           .into = &to.follow,
           .help = "show new lines too, until the bottle ends"},
          {.names = "--json", .into = &to.json, .help = "print the lines of the audit log itself"},
          {.names = "--verify",
           .into = &to.verify,
           .help = "check that no line is missing or changed; ID may be a FILE with a / in it"}};
}

OptionList watch_options(WatchOptions& to) {
  return {{.names = "ID", .into = &to.id, .help = "show this bottle alone"},
          {.names = "--json",
           .into = &to.json,
           .help = "print what happens, a JSON object in each line, and show nothing"}};
}

OptionList allow_options(AllowOptions& to) {
  return {{.names = "WORDS",
           .into = &to.words,
           .help = "the bottle's id if more than one runs, and HOST, HOST:PORT or *.HOST; with "
                   "--secret a bottle or an agent of the manifest"},
          {.names = "--route",
           .into = &to.route,
           .help = "the route of the host's requests (docs/routes.md)",
           .value = "scan|scan-requests|relay|splice"},
          {.names = "--once", .into = &to.once, .help = "allow one request"},
          {.names = "--for",
           .into = &to.lasts,
           .help = "allow it so long: 90s, 10m, 2h, 7d",
           .value = "TIME"},
          {.names = "--save",
           .into = &to.save,
           .help = "write it into the bottle's manifest, too, and show what changed there"},
          {.names = "--learned",
           .into = &to.learned,
           .help = "write into the manifest which hosts a bottle with --learn reached"},
          {.names = "--secret",
           .into = &to.secret,
           .help = "the fingerprint of a value that the guard found",
           .value = "FINGERPRINT"},
          {.names = "--manifest",
           .into = &to.manifest,
           .help = "the manifest (default: bottle.json here or in a parent, as for start)",
           .value = "FILE"}};
}

OptionList deny_options(DenyOptions& to) {
  return {{.names = "WORDS",
           .into = &to.words,
           .help = "the bottle's id if more than one runs, and HOST or *.HOST"}};
}

OptionList policy_options(PolicyOptions& to) {
  return {{.names = "ID", .into = &to.id, .help = "the bottle, if more than one runs"},
          {.names = "--check",
           .into = &to.check,
           .help = "say what would happen to a request for HOST, HOST:PORT or a URL",
           .value = "HOST"},
          {.names = "--json", .into = &to.json, .help = "print JSON"}};
}

OptionList exec_options(ExecOptions& to) {
  return {{.names = "ID", .into = &to.id, .help = "the bottle"}};
}

OptionList secrets_options(SecretsOptions& to) {
  return {{.names = "WORDS",
           .into = &to.words,
           .help = "list (default) or reload, the bottle's id, and for reload names of secrets"},
          {.names = "--json", .into = &to.json, .help = "print the list as JSON"}};
}

OptionList home_options(HomeOptions& to) {
  return {{.names = "WORDS",
           .into = &to.words,
           .help = "list (default), path or rm, and names of homes; without a name: the one of "
                   "this project"},
          {.names = "--json", .into = &to.json, .help = "print the list as JSON"}};
}

OptionList env_options(EnvOptions& to) {
  return {
      {.names = "ID", .into = &to.id, .help = "a bottle that runs"},
      {.names = "--proxy",
       .into = &to.proxy,
       .help = "a bottle-proxy that runs alone: http://[USER:PASSWORD@]HOST:PORT",
       .value = "URL"},
      {.names = "--ca",
       .into = &to.ca,
       .help = "its CA, the file of its --ca-out",
       .value = "FILE"},
      {.names = "--bundle",
       .into = &to.bundle,
       .help = "its roots and CA, the file of its --bundle-out; without it only the CA is trusted",
       .value = "FILE"},
      {.names = "--shell",
       .into = &to.shell,
       .help = "the shell's language (default: from $SHELL)",
       .value = "sh|fish|csh"},
  };
}

OptionList doctor_options(DoctorOptions& to) {
  return {
      {.names = "--json", .into = &to.json, .help = "print the findings as JSON"},
      {.names = "-q,--quiet", .into = &to.quiet, .help = "print only warnings and failures"},
      {.names = "--targets",
       .into = &to.targets,
       .help = "in a bottle, try the addresses of this JSON file instead of the built-in ones "
               "(docs/commands.md)",
       .value = "FILE"},
  };
}

OptionList init_options(InitOptions& to) {
  return {
      {.names = "--preset",
       .into = &to.presets,
       .help = "add what this agent or tool needs (claude is Claude Code); may be repeated",
       .value = "claude|codex|gemini|opencode|aider|git"},
      {.names = "--file",
       .into = &to.file,
       .help = "write the manifest there (default: bottle.json here)",
       .value = "FILE"},
      {.names = "--force",
       .into = &to.force,
       .help = "replace an existing manifest, and keep it as .old"},
      {.names = "--print", .into = &to.print, .help = "write to standard output instead of a file"},
  };
}

OptionList login_options(LoginOptions& to) {
  return {
      {.names = "AGENT", .into = &to.words, .help = "claude or codex; or list; or rm and an agent"},
      {.names = "--import",
       .into = &to.import,
       .help = "take the login that the agent has on this machine"},
      {.names = "--file",
       .into = &to.file,
       .help = "take it from there (default: ~/.claude/.credentials.json, ~/.codex/auth.json)",
       .value = "FILE"},
      {.names = "--origin-ca",
       .into = &to.origin_ca,
       .help = "PEM certificates that the proxy trusts for origins, besides the system's",
       .value = "FILE"},
      {.names = "--resolve",
       .into = &to.resolve,
       .help = "connect to another address for a host: HOST:PORT=ADDR:PORT; may be repeated",
       .value = "MAPPING"},
  };
}

OptionList completion_options(CompletionOptions& to) {
  return {
      {.names = "SHELL", .into = &to.shell, .help = "bash, zsh or fish", .value = "bash|zsh|fish"},
      {.names = "--list",
       .into = &to.list,
       .help = "print what the scripts ask for: the names, or the hosts, of the manifest",
       .value = "names|hosts"}};
}

OptionList help_options(HelpOptions& to) {
  return {{.names = "COMMAND", .into = &to.topic, .help = "a command of bottle"}};
}

OptionList version_options(VersionOptions& /*to*/) { return {}; }

// The commands for bottles.
std::vector<CommandRow> bottle_rows() {
  return {
      {.name = "start",
       .summary = "run a command in a bottle",
       .usage = "start [OPTIONS] [NAME] [--] [COMMAND...]",
       .footer = kStartFooter,
       .make = maker_of(start_options, run_start, check_start),
       .read_bare = read_bare_start},
      {.name = "list",
       .summary = "list the bottles that run",
       .footer = kListFooter,
       .make = maker_of(list_options, run_list)},
      {.name = "stop",
       .summary = "end bottles",
       .footer = kStopFooter,
       .make = maker_of(stop_options, run_stop, check_stop)},
      {.name = "logs",
       .summary = "show the requests of a bottle, and what became of them",
       .footer = kLogsFooter,
       .make = maker_of(logs_options, run_logs)},
      {.name = "watch",
       .summary = "show requests as they come, and answer for hosts",
       .footer = kWatchFooter,
       .make = maker_of(watch_options, run_watch)},
      {.name = "allow",
       .summary = "allow a host in a bottle that runs, or let a value out",
       .usage = "allow [OPTIONS] [ID] HOST[:PORT]",
       .footer = kAllowFooter,
       .make = maker_of(allow_options, run_allow, check_allow)},
      {.name = "deny",
       .summary = "close a host in a bottle that runs",
       .usage = "deny [ID] HOST",
       .footer = kDenyFooter,
       .make = maker_of(deny_options, run_deny, check_deny)},
      {.name = "policy",
       .summary = "list the hosts that a bottle lets through, or check one",
       .footer = kPolicyFooter,
       .make = maker_of(policy_options, run_policy)},
      {.name = "exec",
       .summary = "run a command in a bottle that runs",
       .usage = "exec ID COMMAND...",
       .footer = kExecFooter,
       .make = maker_of(exec_options, run_exec, check_exec),
       .read_bare = read_bare_exec},
      {.name = "attach",
       .summary = "use the terminal of a bottle that was started with --detach",
       .footer = kAttachFooter,
       .make = maker_of(attach_options, run_attach)},
      {.name = "ports",
       .summary = "list the ports of bottles that are open on this machine",
       .footer = kPortsFooter,
       .make = maker_of(ports_options, run_ports)},
      {.name = "forward",
       .summary = "open a port of a bottle that runs on this machine",
       .usage = "forward [OPTIONS] ID PORT[:HOSTPORT]...",
       .footer = kForwardFooter,
       .make = maker_of(forward_options, run_forward, check_forward)},
      {.name = "secrets",
       .summary = "list the secrets of a bottle, or give them new values",
       .usage = "secrets [list|reload] [ID] [NAME...]",
       .footer = kSecretsFooter,
       .make = maker_of(secrets_options, run_secrets, check_secrets)},
      {.name = "home",
       .summary = "list, find or remove the homes that are kept",
       .usage = "home [list|path|rm] [NAME...]",
       .footer = kHomeFooter,
       .make = maker_of(home_options, run_home, check_home)},
  };
}

// ... and for this machine, its manifests and its shell.
std::vector<CommandRow> machine_rows() {
  return {
      {.name = "env",
       .summary = "print variables that make a shell's programs use a proxy",
       .footer = kEnvFooter,
       .make = maker_of(env_options, run_env)},
      {.name = "doctor",
       .summary = "check this machine, or the bottle that it is called in",
       .footer = kDoctorFooter,
       .make = maker_of(doctor_options, run_doctor)},
      {.name = "init",
       .summary = "write a manifest with comments",
       .footer = kInitFooter,
       .make = maker_of(init_options, run_init)},
      {.name = "login",
       .summary = "keep an agent's login out of its bottles",
       .usage = "login [OPTIONS] AGENT | list | rm AGENT",
       .footer = kLoginFooter,
       .make = maker_of(login_options, run_login, check_login)},
      {.name = "completion",
       .summary = "print a shell's completion script",
       .footer = kCompletionFooter,
       .make = maker_of(completion_options, run_completion, check_completion)},
      {.name = "help",
       .summary = "print the help of bottle, or of a command",
       .footer = kHelpFooter,
       .make = maker_of(help_options, run_help)},
      {.name = "version",
       .summary = "print the version",
       .footer = kVersionFooter,
       .make = maker_of(version_options, run_version)},
  };
}

std::vector<CommandRow> all_rows() {
  auto out = bottle_rows();
  for (auto& row : machine_rows()) out.push_back(std::move(row));
  return out;
}

}  // namespace

std::span<const CommandRow> command_table() {
  static const std::vector<CommandRow> kTable = all_rows();
  return kTable;
}

Option version_option() {
  return {.names = "-V,--version", .into = static_cast<bool*>(nullptr), .help = "print version"};
}

Option help_option() {
  return {.names = "-h,--help", .into = static_cast<bool*>(nullptr), .help = "print this help"};
}

}  // namespace bottle::launcher
