#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/backend/local/room.h"
#include "launcher/manifest/resource_limits.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// The child that holds the agent's namespaces (a Room). Told to go on, its inner process becomes
// bubblewrap, whose end is the end of the bottle. bubblewrap's own promise (--die-with-parent)
// comes too late: killed in its first milliseconds, it leaves a process behind.
class AgentRoom {
 public:
  // The sockets open inside, at 127.0.0.1: the proxy's own port, and those that catch clients that
  // do not know of a proxy. The caller closes its copies after handing them on: while anyone holds
  // one, connections queue instead of being refused.
  struct Sockets {
    Fd proxy;  // TCP, the port that start() was given
    Fd tls;    // TCP 443
    Fd http;   // TCP 80
    Fd names;  // UDP 53
  };

  // Forks and waits for nothing.
  static Expected<AgentRoom> start(std::uint16_t port);
  // Waits until they have come. Once.
  Expected<Sockets> take_sockets();

  // The arguments that bubblewrap is started with. The standard streams are the launcher's own, or
  // all three `terminal` when that is open; then `link` is passed on too, as kLeaderNumber.
  struct BubblewrapCall {
    std::string bwrap;
    std::vector<std::string> arguments;  // all but the command; sent through a pipe
    std::vector<std::string> command;
    ResourceLimits limits{};  // of each process
  };
  // The number that bwrap's --json-status-fd must have.
  static constexpr int kStatusNumber = 3;
  // `link`: the leader's end of its link, with a terminal alone. `report`: the end of a pipe that
  // bwrap writes its status to; see BubblewrapReport.
  Expected<void> go_on(const BubblewrapCall& call, const Fd& terminal, const Fd& link,
                       const Fd& report);

  // It ends with the status of the bottle, when nothing of the bottle is left.
  Child& child() { return room_.child(); }
  // The process that everything of the bottle descends from, as numbered here; known with the
  // sockets.
  pid_t inner() const { return room_.inner(); }
  // Ends the bottle at once. child() ends soon after.
  void kill_bottle() const;
  // The first process inside of bubblewrap's own process namespace, or -1 while there is none.
  pid_t first() const;

 private:
  explicit AgentRoom(Room room) : room_(std::move(room)) {}
  Room room_;
};

}  // namespace bottle::launcher::local
