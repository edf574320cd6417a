#pragma once

#include <map>
#include <string>
#include <vector>

#include "launcher/lifetime/registry.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// `bottle exec` for this backend. The process that goes into the bottle is a sealed copy of this
// program in memory, because what the agent can open through /proc/PID/exe it might also write to;
// it gives up every capability and may gain none before it runs the command.

// The word that makes this program that process; see enter_main().
inline constexpr const char* kEnterWord = "--enter-bottle";

struct Entry {
  std::map<std::string, std::string> environment;
  std::string directory;  // in the bottle; its root when it does not exist there
  std::vector<std::string> command;
  ResourceLimits limits{};  // of the process
  bool terminal = false;    // standard input becomes the terminal of a session of the command's
};

// Starts the process. Its standard streams are the caller's, or all three `terminal` when that is
// open. It leads a session of its own; signals to its process group reach the command unless that
// has a terminal, whose session leader has `link` then. It ends with the command's status. Fails
// when the bottle has not begun or ended.
Expected<Child> enter(const BottleRecord& bottle, const Entry& entry, const Fd& terminal,
                      const Fd& link);

// Irrevocably: no capability in any set, none to be had from a program's file, and no call that the
// bottle's other processes do not have. False: errno.
bool give_up_privileges();

// main() calls this with kEnterWord, before anything else. Ends the process with the command's
// status.
[[noreturn]] void enter_main();

}  // namespace bottle::launcher::local
