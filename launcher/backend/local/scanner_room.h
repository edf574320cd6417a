#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/backend/local/bubblewrap_report.h"
#include "launcher/backend/local/room.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// The namespaces that pipelock runs in (a Room): the network one has loopback only, and on it
// nothing but the exit of bottle-proxy and the exit's name server. Its inner process starts
// pipelock, hands out TCP sockets of the namespace (what bottle-proxy's --pipelock-sockets takes; a
// socket belongs to the namespace that it was made in), and ends when pipelock ends.
class ScannerRoom {
 public:
  // The exit's place in there, which every name is at for pipelock. Not 127.0.0.1, where pipelock's
  // own port is.
  static constexpr std::uint8_t kExitLast = 2;
  static constexpr const char* kExitAddress = "127.0.0.2";

  struct Sockets {
    std::vector<Fd> exit;  // TCP, one for each of the ports
    Fd names;              // UDP 53
  };

  // Forks and waits for nothing. At most kMaxPassed - 1 ports.
  static Expected<ScannerRoom> start(const std::vector<std::uint16_t>& ports);
  // Waits until they have come. Once.
  Expected<Sockets> take_sockets();

  // For asking for sockets; see proxy/contract/fd_message.h. Shared by all that have a copy.
  const Fd& broker() const { return broker_; }

  // Starts pipelock: bubblewrap with `arguments` (which are not in its command line) and `command`.
  // Its standard output and error go to `log`.
  Expected<void> go_on(const std::string& bwrap, const std::vector<std::string>& arguments,
                       const std::vector<std::string>& command, const Fd& log);

  // When child() has ended: false if bubblewrap failed before it executed pipelock.
  bool was_executed();

  // It ends with pipelock's status, when nothing is left in there.
  Child& child() { return room_.child(); }
  // Ends pipelock and everything in there, and returns when it is gone.
  void stop();

 private:
  ScannerRoom(Room room, Fd broker) : room_(std::move(room)), broker_(std::move(broker)) {}
  Room room_;
  Fd broker_;
  std::optional<BubblewrapReport> report_{};
};

}  // namespace bottle::launcher::local
