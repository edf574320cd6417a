#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/lifetime/registry.h"
#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// A port of a bottle that is open on this machine.
struct HostPort {
  PortRule rule;  // with the number that it has on this machine
  std::string address;
  Fd listener{};  // absent in what ports_of() gives
};
// "127.0.0.1:8080", "[::1]:8080".
std::string place_of(const HostPort& port);

// Listens for each, and accepts no connection yet. The Error names the port that is taken, and what
// to do.
Expected<std::vector<HostPort>> open_ports(const std::vector<PortRule>& rules,
                                           const std::string& address);

// The warning about an address that other machines may reach. Empty for this machine's own.
std::string warning_about(const std::string& address);

// Tells other calls of `bottle` of these ports, by a file in the bottle's directory. Lives as long
// as the ports are open.
class PortNote {
 public:
  static Expected<PortNote> write(const std::filesystem::path& runtime,
                                  const std::vector<HostPort>& ports);
  PortNote(PortNote&&) = default;
  PortNote& operator=(PortNote&&) = delete;
  ~PortNote();

 private:
  explicit PortNote(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;
};

// The ports of the notes in a bottle's directory whose processes still run.
std::vector<HostPort> ports_of(const std::filesystem::path& runtime);

}  // namespace bottle::launcher
