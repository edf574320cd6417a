#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// A user, a network and a process namespace with nothing in them, held by a child in two processes.
// The outer one makes them and only waits. The inner one is the first of the process namespace: it
// brings up the loopback interface and opens the sockets that are wanted there, sends those to the
// launcher, and goes on as `inside` says, with a /proc of that namespace. When the inner one ends,
// the kernel ends everything in the namespaces before anyone sees it end; when the launcher or the
// outer one dies, the inner one is killed.
class Room {
 public:
  // A socket that listens (TCP) or is bound (UDP) inside: at 127.0.0.`last`.
  struct Opening {
    enum class Kind { kListener, kDatagrams };
    Kind kind = Kind::kListener;
    std::uint8_t last = 1;
    std::uint16_t port = 0;
  };

  Room() = default;
  // Forks and waits for nothing. `inside` runs in the inner process once the sockets have been
  // sent; `control` is its end of a seqpacket pair with the launcher. It returns the exit
  // status.
  static Expected<Room> make(const std::vector<Opening>& openings,
                             const std::function<int(int control)>& inside);
  // Waits until the sockets have come, in the order in which they were named.
  Expected<std::vector<Fd>> take_sockets();

  // To the inner process.
  int control() const { return control_.get(); }
  // It reads an end of file from now on.
  void hang_up() { control_.reset(); }
  // The outer process; it ends with the status of the inner one, when nothing is left inside.
  Child& child() { return child_; }
  // The inner one, as numbered here; known when the sockets have come.
  pid_t inner() const { return inner_; }

 private:
  Child child_;
  Fd control_;
  pid_t inner_ = -1;
  std::size_t wanted_ = 0;
};

}  // namespace bottle::launcher::local
