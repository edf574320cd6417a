#pragma once

#include <memory>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/contract/error.h"
#include "proxy/control/control_socket.h"
#include "proxy/listen/open_listeners.h"
#include "proxy/start_secrets.h"
#include "proxy/worker.h"

namespace bottle {

class SecretDesk;

// The workers, the process's signals and its control channel. SIGHUP reads files again. SIGTERM and
// SIGINT drain: no new connections, what was begun may finish; the second one, or the end of the
// drain, stops. The exit goes last, when no worker has a client any more. Made and run by main.
class Server {
 public:
  // All outlive it.
  Server(const Shared& shared, StartSecrets& secrets, const OpenListeners& listeners,
         const ControlSocket* control);
  ~Server();

  // Until all workers have ended. False if something was still under way when it was stopped. The
  // workers begin when `secrets` are there: until then connections wait where they are accepted.
  // Fails if they cannot be made.
  [[nodiscard]] Expected<bool> run();

 private:
  // At SIGHUP: an invalid file is told in the log, and nothing changes.
  void read_again(SecretDesk& desk) const;
  // The tokens of logins changed: the guard is to know the new ones.
  void take_tokens(SecretDesk& desk) const;
  void make_workers(const Snapshot& snapshot);

  const Shared& shared_;
  StartSecrets& secrets_;
  const OpenListeners& listeners_;
  const ControlSocket* const control_;  // null: it takes no commands
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bottle
