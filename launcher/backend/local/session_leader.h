#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// Job control of a command that has a pseudo terminal of its own. The kernel lets a process group
// be stopped (Ctrl-Z, SIGTSTP) only while a process of the same session and of another group is the
// parent of one of its members: a shell that could continue it. In a bottle that is the session
// leader: this program, which starts the command in a group of its own, gives it the terminal, and
// tells the launcher when it was stopped. The launcher then stops the caller's job; once that goes
// on, it has the leader continue the command.

// The word that makes this program the session leader; see lead_main().
inline constexpr const char* kLeadWord = "--lead-session";
// Where this program is in a bottle whose command has a terminal.
inline constexpr const char* kLeaderPath = "/run/bottle-session";
// The descriptor that the leader's end of the link has.
inline constexpr int kLeaderNumber = 5;

// The process becomes the leader of a new session with standard input as its terminal, runs
// `command` in a child (which execs, or returns an exit status) and returns the command's status as
// a shell counts. `link` is the leader's end; it is closed in the command.
int lead_session(int link, const std::function<int()>& command);

// main() calls it for kLeadWord: runs the words after that, with kLeaderNumber as the link. Ends
// the process with the command's status.
[[noreturn]] void lead_main(const std::vector<std::string>& words);

// The launcher's end of the link to the session leader.
class LeaderLink {
 public:
  // The leader's end is written to `leader`.
  static Expected<LeaderLink> make(Fd& leader);

  int fd() const { return fd_.get(); }
  // Takes a message, without waiting. True: the command is stopped, and waits for go_on().
  bool command_stopped();
  // Continues the command, also one that was stopped unseen.
  void go_on();

 private:
  explicit LeaderLink(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  // go_on() was called and not yet answered: what is told until then is of before.
  bool awaiting_answer_ = false;
};

}  // namespace bottle::launcher::local
