#pragma once

#include <functional>

#include "certs/ca_papers.h"
#include "proxy/config/config.h"
#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"
#include "proxy/control/control_socket.h"
#include "proxy/keeper/keeper.h"
#include "proxy/lasting_counts.h"
#include "proxy/listen/open_listeners.h"
#include "proxy/server.h"

namespace bottle {

// All that the program has opened and read before its processes part. Outlives them.
struct EngineWorld {
  const Config& config;
  const OpenListeners& listeners;
  const ControlSocket* control = nullptr;  // null: it takes no commands
  Server::ReadAgain read_again;
  LastingCounts* counts = nullptr;  // of all processes of a run
  Fd secrets{};          // the text of --secrets fd:N, as a file in memory; none: there is none
  FingerprintKey key{};  // for all processes of a run, if the secrets have none
};

// The life of the process that serves: sandbox, services, workers, until the end. The exit status.
[[nodiscard]] int be_engine(const EngineWorld& world, const CaPapers& papers, EngineStart start);

// The same with the CA's key in this process, and without a sandbox. `on_ready` as the keeper's.
[[nodiscard]] int be_everything(const EngineWorld& world, const CaOptions& ca,
                                const std::function<void(const CaPapers&)>& on_ready);

// An error at the start, told to a person. The exit status.
int refuse_start(const Error& error);

}  // namespace bottle
