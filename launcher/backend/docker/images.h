#pragma once

#include <optional>
#include <string>

#include "launcher/backend/docker/engine.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::docker {

// The images that a bottle is made of, unless the manifest's "image" or these variables say
// otherwise: BOTTLE_PROXY_IMAGE, BOTTLE_AGENT_IMAGE, BOTTLE_PIPELOCK_IMAGE.
struct Images {
  std::string proxy = "bottle-proxy:latest";
  std::string agent = "bottle-agent:latest";
  // Pinned: its configuration is written for this version.
  std::string pipelock = "ghcr.io/luckypipewrench/pipelock:2.3.0";

  static Images of_environment();
};

// One that `make image` makes; no registry has it.
bool is_built_here(const std::string& image);

// NAME[:TAG][@DIGEST]; what could be taken for an option is none.
bool is_image_name(const std::string& name);

Expected<std::string> server_version(const Engine& engine);
Expected<bool> has_image(const Engine& engine, const std::string& image);
// The PATH that its containers have. nullopt: the image is not there, or sets none.
std::optional<std::string> image_path(const Engine& engine, const std::string& image);

}  // namespace bottle::launcher::docker
