#include "launcher/command/start_options.h"

namespace bottle::launcher {

std::vector<Option> machine_options(StartOptions& to) {
  return {
      {.names = "--audit",
       .into = &to.audit,
       .help = "write the audit log there (default: ~/.local/state/bottle/ID/audit.jsonl)",
       .value = "FILE"},
      {.names = "--audit-copy",
       .into = &to.audit_copy,
       .help = "send each of its lines to a program of this machine, too",
       .value = "syslog|journald|unix:PATH"},
      {.names = "-p,--publish",
       .into = &to.ports,
       .help = "open a port of the bottle on 127.0.0.1 of this machine, at the same number or "
               "another; may be repeated",
       .value = "PORT[:HOSTPORT]"},
      {.names = "--publish-address",
       .into = &to.publish_address,
       .help = "open these ports at another address, where other machines may reach them",
       .value = "ADDR"},
      {.names = "--memory",
       .into = &to.memory,
       .help = "limit the memory of the bottle's processes together, such as 8g or 512m",
       .value = "SIZE"},
      {.names = "--cpus",
       .into = &to.cpus,
       .help = "limit their processor time, to so many processors: 4, 1.5",
       .value = "NUMBER"},
      {.names = "--pids",
       .into = &to.pids,
       .help = "limit the number of the bottle's processes and threads",
       .value = "NUMBER"},
  };
}

}  // namespace bottle::launcher
