#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/process.h"
#include "launcher/result.h"

namespace bottle::launcher::local {

// The child that holds the bottle's namespaces, in two processes. The outer one makes the user,
// network and process namespaces and only waits. The inner one is the first of the process
// namespace: it opens the proxy's listening socket, sends that to the launcher, and, told to go on,
// becomes bubblewrap, whose end is the end of the bottle. When the inner one ends, the kernel ends
// everything in the namespace before anyone sees it end; when the launcher or the outer one dies,
// the inner one is killed. bubblewrap's own promise (--die-with-parent) comes too late: killed in
// its first milliseconds, it leaves a process behind.
class Helper {
 public:
  // Forks and waits until the socket has come.
  static Result<Helper> start(std::uint16_t port);

  // The socket that listens on 127.0.0.1:port inside. The caller closes its copy after handing it
  // on: while anyone holds it, connections queue instead of being refused.
  Fd take_listener() { return std::move(listener_); }

  // What bubblewrap is started with. The standard streams are the launcher's own, or all three
  // `terminal` when that is open.
  struct Go {
    std::string bwrap;
    std::vector<std::string> arguments;  // all but the command; sent through a pipe
    std::vector<std::string> command;
  };
  // The number that bwrap's --info-fd must have.
  static constexpr int kInfoNumber = 3;
  Result<void> go_on(const Go& go, const Fd& terminal, const Fd& info);

  // The outer process; it ends with the status of the bottle, when nothing of the bottle is left.
  Child& child() { return child_; }
  // The inner one, as numbered here.
  pid_t inner() const { return inner_; }
  // Ends the bottle at once. child() ends soon after.
  void kill_bottle() const;
  // The first process inside of bubblewrap's own process namespace, or -1 while there is none.
  pid_t first() const;

 private:
  Child child_;
  pid_t inner_ = -1;
  Fd control_;  // a seqpacket socket
  Fd listener_;
};

}  // namespace bottle::launcher::local
