#pragma once

#include <memory>

#include "launcher/backend/backend.h"

namespace bottle::launcher::docker {

// Bottles made of containers: the agent's network has no way out but the proxy, pipelock's neither.
// Everything goes through the docker program, so contexts, DOCKER_HOST and engines on other
// machines work; only the workspace and the manifest's mounts must be where the engine is.
std::unique_ptr<BottleBackend> make_docker_backend();

// Whether the engine answers and has the images that a bottle needs by default: then docker is the
// backend unless the user asks for another one. Takes as long as three docker
// commands, and no time where there is no docker program.
bool docker_is_ready();

}  // namespace bottle::launcher::docker
