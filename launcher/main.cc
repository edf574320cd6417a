#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "launcher/backend/backend.h"
#include "launcher/backend/docker/docker_backend.h"
#include "launcher/backend/docker/docker_control.h"
#include "launcher/backend/left_overs.h"
#include "launcher/backend/local/enter.h"
#include "launcher/backend/local/local_backend.h"
#include "launcher/backend/local/local_control.h"
#include "launcher/backend/local/session_leader.h"
#include "launcher/command/command_line.h"
#include "launcher/command/context.h"
#include "launcher/lifetime/sign_client.h"
#include "launcher/plan/git_sign.h"

namespace bottle::launcher {
namespace {

int report(const Error& error) {
  std::cerr << "bottle: " << error.message << "\n";
  if (!error.hint.empty()) std::cerr << "bottle: hint: " << error.hint << "\n";
  return static_cast<int>(error.code);
}

// The table of backends, best first.
std::array<BackendEntry, 2> backends() {
  return {BackendEntry{"docker", docker::make_docker_backend, docker::make_docker_control,
                       docker::docker_is_ready},
          BackendEntry{"local", local::make_local_backend, local::make_local_control}};
}

int run(const std::vector<std::string>& arguments) {
  // Ignored by the caller, it would take the statuses of our children away.
  ::signal(SIGCHLD, SIG_DFL);
  if (!arguments.empty() && arguments.front() == local::kEnterWord) local::enter_main();
  if (!arguments.empty() && arguments.front() == local::kLeadWord) {
    local::lead_main({arguments.begin() + 1, arguments.end()});
  }
  auto around = Surroundings::of_this_process();
  const auto meaning_of = [&around](const StartOptions& options, const std::string& word) {
    return around ? meaning_of_word(options, word, *around) : WordMeaning::kEntry;
  };
  const auto command = parse_command_line(arguments, meaning_of);
  if (!command) return report(command.error());
  if (!around) return report(around.error());
  const auto table = backends();
  const Context context{.around = *around,
                        .backends = table,
                        .out = std::cout,
                        .err = std::cerr,
                        .style = Style::for_descriptor(STDOUT_FILENO, *around),
                        .reap = [&around, &table] { remove_left_overs(*around, table); }};
  const auto status = (*command)->run(context);
  std::cout << std::flush;
  return status ? *status : report(status.error());
}

}  // namespace
}  // namespace bottle::launcher

int main(int argc, char** argv) {
  try {
    if (argc > 0 && argv[0] == bottle::launcher::kSignProgram) {
      return bottle::launcher::sign_client_main({argv + 1, argv + argc});
    }
    return bottle::launcher::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::cerr << "bottle: out of memory, or a bug in bottle: " << error.what() << "\n";
    return static_cast<int>(bottle::ExitCode::kSystem);
  }
}
