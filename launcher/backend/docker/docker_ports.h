#pragma once

#include <memory>

#include "launcher/backend/docker/engine.h"
#include "launcher/backend/port_forward.h"
#include "launcher/lifetime/registry.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::docker {

// Reaches the agent's ports by a container that shares the agent's network and has bottle-proxy. It
// is made for the first connection, and ends with this process. Each connection is an `exec` in it:
// the agent's image needs no program for this, and the engine may be on another machine.
std::unique_ptr<PortDialer> make_docker_dialer(Engine engine, const BottleRecord& bottle);

}  // namespace bottle::launcher::docker
