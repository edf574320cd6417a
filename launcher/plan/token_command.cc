#include "launcher/plan/token_command.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "launcher/process/command_output.h"
#include "launcher/process/plain_text.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMostErrors = 4096;  // the end of what it says there
constexpr std::size_t kMostLine = 300;
constexpr std::chrono::milliseconds kAfterOutput{1000};  // its output has ended: it is about to

struct Said {
  std::string output;
  std::string errors;
};

// Reads both to their ends. False: the time is up, or there is more output than a token has.
bool read_all(Fd& output, Fd& errors, Said& said, Clock::time_point until) {
  while (output || errors) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> fds{pollfd{output ? output.get() : -1, POLLIN, 0},
                              pollfd{errors ? errors.get() : -1, POLLIN, 0}};
    ::poll(fds.data(), fds.size(), static_cast<int>(left));
    const auto read_one = [](Fd& from, short events, std::string& text) {
      std::array<char, 4096> piece{};
      if (events == 0) return;
      const auto got = ::read(from.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) return;
      if (got <= 0) return from.reset();
      text.append(piece.data(), static_cast<std::size_t>(got));
    };
    read_one(output, fds[0].revents, said.output);
    read_one(errors, fds[1].revents, said.errors);
    if (said.output.size() > kMostTokenBytes) return false;
    if (said.errors.size() > kMostErrors) said.errors.erase(0, said.errors.size() - kMostErrors);
  }
  return true;
}

class Failed {
 public:
  Failed(const std::string& name, const std::vector<std::string>& command)
      : begin_("the command for " + name + " (" + command.front() + ") ") {}
  Error operator()(const std::string& what, const std::string& said = {}) const {
    return Error{ExitCode::kEnvironment, begin_ + what + (said.empty() ? "" : ": " + said),
                 "run it in a shell; what it prints must be the token alone"};
  }

 private:
  std::string begin_;
};

}  // namespace

Expected<std::string> token_of_command(const std::string& name,
                                       const std::vector<std::string>& command,
                                       std::chrono::milliseconds limit,
                                       const std::optional<std::string>& path) {
  const Failed failed(name, command);
  const char* const own = std::getenv("PATH");
  const auto program = find_program(command.front(), path.value_or(own == nullptr ? "" : own));
  if (!program) return failed("is not on this machine, or only where the agent can change it");
  auto output = make_pipe();
  auto errors = make_pipe();
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!output || !errors || !nothing) return system_error("cannot run " + *program, errno);
  Launch launch{.argv = command,
                .env = path ? environment_with({"PATH=" + *path}) : environment_with(),
                .fds = {{nothing.get(), 0}, {output->write.get(), 1}, {errors->write.get(), 2}}};
  launch.argv.front() = *program;
  auto child = spawn(launch, ExitCode::kEnvironment);
  if (!child) return std::move(child.error());
  output->write.reset();
  errors->write.reset();
  Said said;
  const auto until = Clock::now() + limit;
  const bool complete = read_all(output->read, errors->read, said, until);
  if (!complete || !child->wait(kAfterOutput)) {
    ::kill(-child->pid(), SIGKILL);  // it leads a session: all that it started goes too
    if (said.output.size() > kMostTokenBytes) return failed("printed more than 64 KiB");
    return failed("did not end within " + std::to_string(limit.count() / 1000) + " s",
                  last_line(said.errors, kMostLine));
  }
  if (child->exit_status() != 0) {
    return failed("ended with status " + std::to_string(child->exit_status()),
                  last_line(said.errors, kMostLine));
  }
  if (said.output.ends_with('\n')) said.output.pop_back();
  if (said.output.ends_with('\r')) said.output.pop_back();
  if (said.output.empty()) return failed("printed nothing", last_line(said.errors, kMostLine));
  return std::move(said.output);
}

}  // namespace bottle::launcher
