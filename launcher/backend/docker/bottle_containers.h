#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/backend/docker/docker_steps.h"
#include "launcher/backend/docker/engine.h"
#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::docker {

// The containers and networks of one bottle, from the first step to the last. The destructor
// removes whatever was made, also what a step that failed may have made.
class BottleContainers {
 public:
  // All are borrowed and outlive it. `runtime`: the bottle's directory; `state`: where logs stay.
  BottleContainers(const Engine& engine, const Plan& plan, std::filesystem::path state,
                   SignalWatch& signals);
  BottleContainers(const BottleContainers&) = delete;
  BottleContainers& operator=(const BottleContainers&) = delete;
  ~BottleContainers();

  // Every step but the last: then the agent's container is ready to be started. The Error names the
  // step and has the engine's own words.
  Expected<void> make();

  const std::string& fingerprint() const { return fingerprint_; }
  Child& proxy() { return proxy_; }
  Child& pipelock() { return pipelock_; }  // pid -1: there is none
  // After remove(): whether lines of the audit log are missing.
  bool lost_audit_lines();
  bool agent_has_root_tool() const { return has_update_tool_; }

  // Lets the proxy and pipelock finish, then removes everything. Containers that remain are told
  // on stderr, with the command that does it. Idempotent.
  void remove();

 private:
  Expected<void> run(const StepRef& ref);
  Expected<Answer> asked(Step step);
  Expected<void> start_proxy(const Step& step);
  Expected<void> start_pipelock(const Step& step);
  Expected<void> check_pipelock(const Step& step);
  Expected<void> read_subnets(const std::string& text);
  Expected<void> read_addresses(const std::string& text);
  Expected<void> read_ca(const std::string& archive);
  Expected<std::string> origin_ca_archive() const;
  std::string pipelock_archive() const;
  Expected<std::string> agent_archive() const;

  const Engine& engine_;
  const Plan& plan_;
  std::filesystem::path state_;
  SignalWatch& signals_;
  Facts facts_;
  std::vector<std::string> containers_;  // in the order in which they were made
  std::vector<std::string> networks_;
  Fd proxy_input_;   // the proxy ends when this does, whatever ended us
  Fd proxy_output_;  // kept open so that it never writes to a closed pipe
  Child log_;        // sorts the proxy's output into files; ends when the proxy does, not with us
  Child proxy_;
  Child pipelock_;
  std::string fingerprint_;
  std::string ca_;
  std::string bundle_;
  std::string etc_;  // the agent image's, as an archive
  bool has_update_tool_ = false;
};

}  // namespace bottle::launcher::docker
