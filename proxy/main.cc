#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "certs/process_memory.h"
#include "proxy/config/config.h"
#include "proxy/contract/proxy_exit_code.h"
#include "proxy/healthcheck.h"
#include "proxy/log_output.h"
#include "proxy/server.h"
#include "proxy/startup.h"

namespace bottle {
namespace {

int exit_with(ExitCode code) { return static_cast<int>(code); }

int run(const Config& config) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  set_up_log(config.log_level);
  TaskGroup::on_crash(
      [](const char* what) { spdlog::error("a task ended with an exception: {}", what); });
  for (const std::string& warning : harden_process_memory()) spdlog::warn("{}", warning);

  // Bound first: what follows may write files, and a port in use must not leave any.
  auto places = open_places(config);
  if (!places) {
    complain(places.error().detail);
    const bool config_is_wrong = places.error().reason == "bad_config";
    return exit_with(config_is_wrong ? ExitCode::Usage : ExitCode::Listen);
  }
  auto world = World::make(config, *places);
  if (!world) {
    complain(world.error().detail);
    return exit_with(exit_code_for(world.error()));
  }
  const Shared& shared = (*world)->shared();
  Server server(shared, (*world)->secrets(), *places);
  std::printf("bottle-proxy ready %s ca_sha256=%s%s\n", front_word(*places).c_str(),
              shared.ca.fingerprint().c_str(), other_words(*places).c_str());
  std::fflush(stdout);
  const auto drained = server.run();
  if (!drained) complain(drained.error().detail);
  const bool recorded = shared.audit.close();
  if (!recorded) complain("lines of the audit log could not be written and are missing");
  if (!drained) return exit_with(ExitCode::Internal);
  if (!recorded) return exit_with(ExitCode::Files);
  return exit_with(*drained ? ExitCode::Ok : ExitCode::NotDrained);
}

}  // namespace
}  // namespace bottle

int main(int argc, char** argv) {
  using namespace bottle;
  try {
    if (argc == 3 && std::string_view(argv[1]) == "--healthcheck") {
      const auto well = healthcheck(argv[2]);
      if (!well) complain(well.error().detail);
      return exit_with(well ? ExitCode::Ok : ExitCode::Unwell);
    }
    auto invocation = parse_command_line(argc, argv);
    if (!invocation) {
      complain(invocation.error().detail);
      return exit_with(ExitCode::Usage);
    }
    if (invocation->action == Invocation::Action::Print) {
      std::fputs(invocation->text.c_str(), stdout);
      return exit_with(ExitCode::Ok);
    }
    if (invocation->action == Invocation::Action::Check) {
      const auto checked = check_world(invocation->config);
      if (!checked) complain(checked.error().detail);
      return exit_with(checked ? ExitCode::Ok : exit_code_for(checked.error()));
    }
    return run(invocation->config);
  } catch (const std::exception& e) {
    complain(std::string("cannot go on: ") + e.what());
    return exit_with(ExitCode::Internal);
  }
}
