#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/command/command.h"

namespace bottle::launcher {

// `bottle ports`: lists the ports of bottles that are open on this machine.
struct PortsOptions {
  std::optional<std::string> id;
  bool json = false;
};
std::vector<Option> ports_options(PortsOptions& to);
Expected<int> run_ports(const PortsOptions& options, const Context& context);

// `bottle forward`: opens ports of a bottle that runs, until it is ended or the bottle ends.
struct ForwardOptions {
  std::string id{};
  std::vector<std::string> ports{};
  std::optional<std::string> address{};
  bool quiet = false;
};
std::vector<Option> forward_options(ForwardOptions& to);
Expected<int> run_forward(const ForwardOptions& options, const Context& context);
Expected<void> check_forward(const ForwardOptions& options);

}  // namespace bottle::launcher
