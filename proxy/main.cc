#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "certs/process_memory.h"
#include "proxy/config/config.h"
#include "proxy/config/secrets_file.h"
#include "proxy/contract/control_client.h"
#include "proxy/contract/control_words.h"
#include "proxy/contract/exit_code.h"
#include "proxy/contract/keyed_hash.h"
#include "proxy/contract/port_words.h"
#include "proxy/contract/proxy_contract.h"
#include "proxy/control/control_socket.h"
#include "proxy/engine.h"
#include "proxy/healthcheck.h"
#include "proxy/keeper/keeper.h"
#include "proxy/keeper/memory_file.h"
#include "proxy/lasting_counts.h"
#include "proxy/log_output.h"
#include "proxy/relay_port.h"
#include "proxy/sandbox/sandbox.h"
#include "proxy/server.h"
#include "proxy/startup.h"

namespace bottle {
namespace {

// Beyond the drain, for what ends after it.
constexpr std::chrono::seconds kKeeperPatience{10};

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

void say_ready(const OpenListeners& listeners, const CaPapers& papers) {
  const std::string ready =
      ready_line(front_word(listeners), papers.fingerprint, other_words(listeners));
  std::printf("%s\n", ready.c_str());
  std::fflush(stdout);
}

// The text of --secrets fd:N, which can be read once, for all engines.
Expected<Fd> hold_secrets(const Config& config) {
  if (!config.secrets_fd || !config.secrets_file.empty()) return Fd();
  auto text = read_secret_text(*config.secrets_fd);
  if (!text) return text.error();
  Fd file = memory_file("bottle-secrets", *text);
  ::explicit_bzero(text->data(), text->size());
  if (!file) return Error{ExitCode::kInternal, "no memory for the secrets", ""};
  return file;
}

std::unique_ptr<Lasting<LastingCounts>> lasting_counts() {
  auto out = std::make_unique<Lasting<LastingCounts>>();
  out->value().carried.key = random_hash_key();
  out->value().names.key = random_hash_key();
  return out;
}

// The keeper's life. Signals are its own from Keeper::start() on.
int keep(EngineWorld& world, const CaOptions& ca) {
  const Config& config = world.config;
  // The signer has neither sockets nor secrets.
  Keeper::Options options;
  options.patience = config.session.drain + kKeeperPatience;
  auto keeper = Keeper::start(ca, options);
  if (!keeper) return refuse_start(keeper.error());
  auto secrets = hold_secrets(config);
  if (!secrets) return refuse_start(secrets.error());
  world.secrets = std::move(*secrets);
  const auto counts = lasting_counts();
  world.counts = &counts->value();
  for (const std::string& warning : enter_sandbox(SandboxRole::Keeper, {})) {
    spdlog::warn("{}", warning);
  }
  keeper->on_ready([&] { say_ready(world.listeners, keeper->papers()); });
  return keeper->run(
      [&](EngineStart start) { return be_engine(world, keeper->papers(), std::move(start)); });
}

int run(const Config& config, Server::ReadAgain read_again) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  set_up_log(config.log_level);
  TaskGroup::on_crash(
      [](const char* what) { spdlog::error("a task ended with an exception: {}", what); });
  for (const std::string& warning : forbid_dumps()) spdlog::warn("{}", warning);

  // Bound first: what follows may write files, and a port in use must not leave any.
  auto listeners = open_listeners(config);
  if (!listeners) return refuse_start(listeners.error());
  std::optional<ControlSocket> control;
  if (config.takes_commands()) {
    auto opened = open_control(config);
    if (!opened) return refuse_start(opened.error());
    control.emplace(std::move(*opened));
  }
  const auto ca = ca_options(config, *listeners);
  if (!ca) return refuse_start(ca.error());
  EngineWorld world{.config = config,
                    .listeners = *listeners,
                    .control = control ? &*control : nullptr,
                    .read_again = std::move(read_again),
                    .key = random_key()};
  if (!config.single_process) return keep(world, *ca);
  const auto counts = lasting_counts();
  world.counts = &counts->value();
  auto secrets = hold_secrets(config);
  if (!secrets) return refuse_start(secrets.error());
  world.secrets = std::move(*secrets);
  return be_everything(world, *ca, [&](const CaPapers& papers) { say_ready(*listeners, papers); });
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
    if (!invocation) return refuse_start(invocation.error());
    if (invocation->action == Invocation::Action::Print) {
      std::fputs(invocation->text.c_str(), stdout);
      return to_status(ExitCode::kOk);
    }
    if (invocation->action == Invocation::Action::Check) {
      const auto checked = check_services(invocation->config);
      if (!checked) return refuse_start(checked.error());
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
