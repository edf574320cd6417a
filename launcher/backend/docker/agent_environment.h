#pragma once

#include <map>
#include <string>
#include <vector>

#include "launcher/backend/docker/docker_steps.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher::docker {

// The agent's environment, proxy and trust variables included; secrets in the clear.
struct AgentEnvironment {
  std::vector<std::string> arguments;    // --env words; no secret is in them
  std::string file;                      // the content of an --env-file
  std::vector<std::string> environment;  // of the docker program: secrets that no file can hold
};
AgentEnvironment agent_environment(const Plan& plan, const Facts& facts);
// The proxy and trust variables alone, which every program in the container should find.
std::map<std::string, std::string> trust_variables(const Plan& plan, const Facts& facts);

// A secret of several lines can reach the agent only through the docker program's own environment,
// where some names mean something. Empty: fine.
std::string problem_with_secret_name(const std::string& name, const std::string& value);

}  // namespace bottle::launcher::docker
