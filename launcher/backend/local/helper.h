#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/process.h"
#include "launcher/result.h"

namespace bottle::launcher::local {

// The child that lives in the bottle's user and network namespaces: it makes them, opens the
// proxy's listening socket inside, sends that to the launcher, and waits. Told to go on, it becomes
// bubblewrap, whose end is the end of the bottle. Until then its end takes the namespaces away.
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

  Child& child() { return child_; }

 private:
  Child child_;
  Fd control_;  // a seqpacket socket
  Fd listener_;
};

}  // namespace bottle::launcher::local
