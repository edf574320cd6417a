#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "certs/process_memory.h"
#include "proxy/config/config.h"
#include "proxy/contract/control_client.h"
#include "proxy/contract/control_words.h"
#include "proxy/contract/exit_code.h"
#include "proxy/contract/port_words.h"
#include "proxy/contract/proxy_contract.h"
#include "proxy/control/control_socket.h"
#include "proxy/healthcheck.h"
#include "proxy/log_output.h"
#include "proxy/relay_port.h"
#include "proxy/seen_file.h"
#include "proxy/server.h"
#include "proxy/startup.h"

namespace bottle {
namespace {

// The exit status after an error at the start.
int refuse(const Error& error) {
  complain(error.hint.empty() ? error.message : error.message + ". " + error.hint);
  return to_status(error.code);
}

// A message from standard input to the control socket of a proxy, and the answer to standard
// output.
int carry_command(const std::string& path) {
  std::string message;
  std::array<char, 4096> piece{};
  while (message.size() <= kMaxControlMessage) {
    const auto got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got <= 0) break;
    message.append(piece.data(), static_cast<std::size_t>(got));
  }
  const auto answer = ask_control(path, message);
  ::explicit_bzero(message.data(), message.size());
  if (!answer) {
    complain(answer.error().message);
    return to_status(ExitCode::kUnwell);
  }
  std::printf("%s\n", answer->c_str());
  return to_status(ExitCode::kOk);
}

Expected<ControlSocket> open_control(const Config& config) {
  if (config.control_fd) return ControlSocket::inherited(*config.control_fd);
  return ControlSocket::at(config.control_path);
}

int run(const Config& config, Server::ReadAgain read_again) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  set_up_log(config.log_level);
  TaskGroup::on_crash(
      [](const char* what) { spdlog::error("a task ended with an exception: {}", what); });
  for (const std::string& warning : harden_process_memory()) spdlog::warn("{}", warning);

  // Bound first: what follows may write files, and a port in use must not leave any.
  auto listeners = open_listeners(config);
  if (!listeners) return refuse(listeners.error());
  std::optional<ControlSocket> control;
  if (config.takes_commands()) {
    auto opened = open_control(config);
    if (!opened) return refuse(opened.error());
    control.emplace(std::move(*opened));
  }
  auto services = ProxyServices::make(config, *listeners);
  if (!services) return refuse(services.error());
  const Shared& shared = (*services)->shared();
  Server server(shared, (*services)->secrets(), (*services)->policy(), *listeners,
                control ? &*control : nullptr, std::move(read_again));
  const std::string ready =
      ready_line(front_word(*listeners), shared.ca.fingerprint(), other_words(*listeners));
  std::printf("%s\n", ready.c_str());
  std::fflush(stdout);
  const auto drained = server.run();
  if (!drained) complain(drained.error().message);
  if (shared.known != nullptr && !config.seen_file.empty()) {
    const bool kept = save_seen(config.seen_file, *shared.known, *shared.life);
    if (!kept) complain("the file of --seen could not be written");
  }
  const bool recorded = shared.audit.close();
  if (!recorded) complain("lines of the audit log could not be written and are missing");
  if (!drained) return to_status(ExitCode::kInternal);
  if (!recorded) return to_status(ExitCode::kFiles);
  return to_status(*drained ? ExitCode::kOk : ExitCode::kNotDrained);
}

}  // namespace
}  // namespace bottle

int main(int argc, char** argv) {
  using namespace bottle;
  try {
    if (argc == 3 && std::string_view(argv[1]) == kHealthcheck) {
      const auto well = healthcheck(argv[2]);
      if (!well) complain(well.error().detail);
      return to_status(well ? ExitCode::kOk : ExitCode::kUnwell);
    }
    if (argc == 3 && std::string_view(argv[1]) == kAskControl) return carry_command(argv[2]);
    if (argc == 2 && std::string_view(argv[1]) == kAwaitRelays) return await_relays();
    if (argc == 3 && std::string_view(argv[1]) == kRelayPort) {
      return relay_port(static_cast<unsigned short>(std::atoi(argv[2])));
    }
    auto invocation = parse_command_line(argc, argv);
    if (!invocation) return refuse(invocation.error());
    if (invocation->action == Invocation::Action::Print) {
      std::fputs(invocation->text.c_str(), stdout);
      return to_status(ExitCode::kOk);
    }
    if (invocation->action == Invocation::Action::Check) {
      const auto checked = check_services(invocation->config);
      if (!checked) return refuse(checked.error());
      for (const std::string& note : *checked) complain(std::string(kNoteMark) + note);
      return to_status(ExitCode::kOk);
    }
    return run(invocation->config, [argc, argv]() -> Expected<Config> {
      auto again = parse_command_line(argc, argv);
      if (!again) return again.error();
      return std::move(again->config);
    });
  } catch (const std::exception& e) {
    complain(std::string("cannot go on: ") + e.what());
    return to_status(ExitCode::kInternal);
  }
}
