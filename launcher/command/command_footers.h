#pragma once

namespace bottle::launcher {

// The words of each command's --help behind its options: examples, and what the options do not
// say. Plain text of 100 columns at most.

inline constexpr const char* kStartFooter = R"(
Examples:
  bottle start --allow example.com curl -sS https://example.com/
  bottle start --dry-run make test        print the plan and change nothing
  bottle start claude                     run an agent of the manifest (bottle.json)
  bottle start claude --continue          add arguments to the agent's command
  bottle start claude -- bash             run another command in the agent's bottle
  bottle start --ask claude               ask you about hosts that are not allowed
  bottle start demo                       run a demonstration; needs no internet

The first word that is not an option names an agent or a bottle of the manifest. If the manifest
has no such name, the word is a command. All words after the name or the command are its arguments,
so options of bottle stand before it. The words after -- are always a command. The exit status is
the command's own; 64 and above are bottle's errors (docs/exit-codes.md).
)";

inline constexpr const char* kListFooter = R"(
Examples:
  bottle list
  bottle stop $(bottle list --quiet)

Prints a line for each of your bottles that runs on this machine. The exit status is 0 even if there
is none.
)";

inline constexpr const char* kStopFooter = R"(
Examples:
  bottle stop 4f2a
  bottle stop --all

Ends the command in the bottle (SIGTERM, then SIGHUP, then SIGKILL) and waits until nothing of the
bottle is left. Prints the ids of the bottles that ended. The first letters of an id are enough.
)";

inline constexpr const char* kLogsFooter = R"(
Examples:
  bottle logs -f
  bottle logs 4f2a --json
  bottle logs 4f2a --verify

Without ID it shows the bottle that runs, or else the one that ended last. A line has the time, the
verdict, the status, method, host and path, the bytes, and the reason of a refusal. docs/config.md
describes the lines of --json.
)";

inline constexpr const char* kWatchFooter = R"(
Examples:
  bottle watch                            all bottles that run, in a view that fills the terminal
  bottle watch 4f2a
  bottle watch --json 4f2a | jq .         until the bottle ends

The view shows each request with its verdict; q ends it, and ? shows its keys. On a request that was
refused because its host is not allowed, the key a allows the host, o allows one request, and s also
writes it into the manifest. Requests that wait for your word stand above the others.
)";

inline constexpr const char* kAllowFooter = R"(
Examples:
  bottle allow api.example.com            until the bottle ends
  bottle allow 4f2a git.example.com:8443 --for 10m
  bottle allow pypi.org --route scan-requests --save
  bottle allow --learned                  write into the manifest what --learn proposed
  bottle allow --secret k5xw4ytq2mzrhd6a  let a value out that the guard refuses

A host is allowed in the bottle that runs, from the next request on. Rules for addresses and hosts
that are denied stay as they are. The exit status is 0 if the host was allowed before, too.

--secret adds the fingerprint to "ignore" of "guard" in the manifest; `bottle logs` shows it. The
guard lets that value out, to every allowed host, from the next start on (docs/guard.md).
)";

inline constexpr const char* kDenyFooter = R"(
Examples:
  bottle deny uploads.example.com
  bottle deny 4f2a '*'                    nothing leaves this bottle any more

The host is closed in the bottle that runs, from the next request on, also if the manifest allows
it. `bottle allow` of the same host takes it back.
)";

inline constexpr const char* kPolicyFooter = R"(
Examples:
  bottle policy                           list what the bottle that runs lets through
  bottle policy 4f2a --check https://api.example.com/

The list has where each entry comes from and how many requests it let through. --check says what
would happen to a request and why, and sends nothing; the exit status is 67 if it would be refused.
)";

inline constexpr const char* kExecFooter = R"(
Examples:
  bottle exec 4f2a bash
  bottle exec 4f2a env

The command gets the bottle's environment, files and network, and the same rights as the agent. The
exit status is the command's own.
)";

inline constexpr const char* kAttachFooter = R"(
Examples:
  id=$(bottle start --detach claude)
  bottle attach "$id"

Shows the latest output again, and is the command's terminal until Ctrl-P Ctrl-Q, which leaves the
bottle running, or until the command ends; then the exit status is the command's. One terminal at a
time has it.
)";

inline constexpr const char* kPortsFooter = R"(
Examples:
  bottle ports
  bottle ports 4f2a --json

Lists the ports that `bottle start --publish`, "ports" of the manifest and `bottle forward` opened.
)";

inline constexpr const char* kForwardFooter = R"(
Examples:
  bottle forward 4f2a 3000                http://127.0.0.1:3000/ here is the bottle's port 3000
  bottle forward 4f2a 3000:8080 5173
  bottle forward 4f2a 3000:0              take a free port and say which

Runs until Ctrl-C, or until the bottle ends (status 0). The agent decides what answers there: read
docs/commands.md before you open such a page in your browser. The bottle gets no way out by it.
)";

inline constexpr const char* kSecretsFooter = R"(
Examples:
  bottle secrets                          list the secrets of the bottle that runs, without values
  bottle secrets reload 4f2a              take new values of all that are kept out of the bottle
  bottle secrets reload 4f2a GH_TOKEN     ... of one

reload reads files again, runs commands again, and takes "from_host" values from the environment of
this call. The bottle goes on: its next request carries the new value (docs/control.md).
)";

inline constexpr const char* kHomeFooter = R"--(
Examples:
  bottle home                             list the homes that are kept
  bottle home rm                          remove the one of this project
  ls -la "$(bottle home path)"

A home is kept for a project's bottle if its manifest says "home": "kept", or with --home kept
(docs/manifest.md). rm refuses while a bottle has the home.
)--";

inline constexpr const char* kEnvFooter = R"--(
Examples:
  eval "$(bottle env --proxy http://127.0.0.1:3128 --ca ca.pem)"
  bottle env --proxy http://127.0.0.1:3128 --ca ca.pem --shell fish | source
  bottle env 4f2a                         print the variables of a bottle's commands

Outside a bottle, JVMs do not read these variables: import the CA with keytool, and set
-Dhttps.proxyHost and -Dhttps.proxyPort.
)--";

inline constexpr const char* kDoctorFooter = R"(
Examples:
  bottle doctor
  bottle start --check claude             check the bottle, then run the agent
  bottle exec 4f2a bottle doctor          check a bottle that runs

On a machine it checks what bottles need. In a bottle it checks that every installed client uses the
proxy and trusts its CA, and that there is no other way out. The exit status is 0, or 67 if a check
failed.
)";

inline constexpr const char* kLoginFooter = R"(
Examples:
  bottle login claude                     log in, in a bottle of its own
  bottle login --import codex             take the login that Codex has on this machine
  bottle login list
  bottle login rm claude

The tokens are kept outside of bottles, in ~/.local/share/bottle/logins. A bottle with
"login": "claude" in its manifest has placeholders instead (docs/credentials.md).
)";

inline constexpr const char* kInitFooter = R"(
Examples:
  bottle init --preset claude --preset git
  bottle init --print

Without a preset the manifest has a bottle and no agent. The hosts of package registries come from
the settings of the installed clients (npm, pip, cargo, go). An existing manifest is an error;
--force keeps it as bottle.json.old.
)";

inline constexpr const char* kCompletionFooter = R"(
Examples:
  source <(bottle completion bash)
  bottle completion bash > ~/.local/share/bash-completion/completions/bottle
  bottle completion zsh > ~/.zfunc/_bottle          (a directory of $fpath)
  bottle completion fish > ~/.config/fish/completions/bottle.fish
)";

inline constexpr const char* kHelpFooter = R"(
Examples:
  bottle help
  bottle help start                       the same as bottle start --help
)";

inline constexpr const char* kVersionFooter = R"(
Examples:
  bottle version                          the same as bottle --version and bottle -V
)";

}  // namespace bottle::launcher
