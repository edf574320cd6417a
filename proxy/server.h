#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/contract/error.h"
#include "proxy/control/control_socket.h"
#include "proxy/control/policy_book.h"
#include "proxy/keeper/engine_link.h"
#include "proxy/listen/open_listeners.h"
#include "proxy/start_secrets.h"
#include "proxy/worker.h"

namespace bottle {

class PolicyDesk;
class SecretDesk;

// The workers, the process's signals (or its keeper's orders) and its control channel. SIGHUP reads
// files again. SIGTERM and SIGINT drain: no new connections, what was begun may finish; the second
// one, or the end of the drain, stops. The exit goes last, when no worker has a client any more.
// Made and run by main.
class Server {
 public:
  // Reads the options and files of the start again.
  using ReadAgain = std::function<Expected<Config>()>;
  // All outlive it. With a `link` the keeper's orders take the place of signals, and the keeper is
  // handed what the next process needs.
  Server(const Shared& shared, StartSecrets& secrets, PolicyBook& policy,
         const OpenListeners& listeners, const ControlSocket* control, ReadAgain read_again,
         const EngineLink* link);
  ~Server();

  // Until all workers have ended. False if something was still under way when it was stopped. The
  // workers begin when `secrets` are there: until then connections wait where they are accepted.
  // Fails if they cannot be made.
  [[nodiscard]] Expected<bool> run();

 private:
  // At SIGHUP: an invalid file is told in the log, and nothing changes by it.
  void read_again(SecretDesk& secrets, PolicyDesk& policy) const;
  void read_secrets(SecretDesk& desk) const;
  // The tokens of logins changed: the guard is to know the new ones.
  void take_tokens(SecretDesk& desk) const;
  void make_workers(const Snapshot& snapshot);
  void keep(KeptKind kind, const std::string& text) const;

  const Shared& shared_;
  StartSecrets& secrets_;
  PolicyBook& policy_;
  const OpenListeners& listeners_;
  const ControlSocket* const control_;  // null: it takes no commands
  const ReadAgain read_again_;
  const EngineLink* const link_;  // null: there is no keeper
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bottle
