#include "launcher/process/command_output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <string_view>

#include "launcher/process/process.h"

extern char** environ;

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxText = 64 * 1024;

struct Running {
  Child child;
  Fd output;
};

Running start(const std::vector<std::string>& command, const std::vector<std::string>& env,
              const Fd& nothing) {
  auto pipe = make_pipe();
  if (!pipe) return {};
  Launch launch{.argv = command,
                .env = env,
                .fds = {{nothing.get(), 0}, {pipe->write.get(), 1}, {pipe->write.get(), 2}}};
  auto child = spawn(launch, ExitCode::kSystem);
  if (!child) return {};
  ::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK);
  return {std::move(*child), std::move(pipe->read)};
}

// False at the end of the output.
bool read_some(int fd, std::string& text) {
  std::array<char, 4096> chunk{};
  const auto got = ::read(fd, chunk.data(), chunk.size());
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  const auto room = kMaxText - std::min(kMaxText, text.size());
  text.append(chunk.data(), std::min(static_cast<std::size_t>(got), room));
  return got > 0;
}

}  // namespace

std::vector<std::string> environment_with(const std::vector<std::string>& variables) {
  std::map<std::string, std::string> all;
  const auto add = [&all](std::string_view pair) {
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos) {
      all[std::string(pair.substr(0, equals))] = std::string(pair.substr(equals + 1));
    }
  };
  for (char** at = environ; *at != nullptr; ++at) add(*at);
  for (const auto& pair : variables) add(pair);
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

std::vector<CommandOutput> outputs_of(const std::vector<std::vector<std::string>>& commands,
                                      std::chrono::milliseconds limit,
                                      const std::vector<std::string>& variables) {
  const auto until = Clock::now() + limit;
  const auto env = environment_with(variables);
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<Running> running;
  for (const auto& command : commands) running.push_back(start(command, env, nothing));
  std::vector<CommandOutput> out(commands.size());
  for (;;) {
    std::vector<pollfd> fds;
    for (const auto& one : running) fds.push_back({one.output ? one.output.get() : -1, POLLIN, 0});
    const bool any =
        std::any_of(fds.begin(), fds.end(), [](const pollfd& fd) { return fd.fd >= 0; });
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (!any || left.count() <= 0) break;
    ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents != 0 && !read_some(fds[i].fd, out[i].text)) running[i].output.reset();
    }
  }
  for (std::size_t i = 0; i < running.size(); ++i) {
    auto& child = running[i].child;
    if (!child) continue;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    // One that has closed its output is about to end.
    if (child.wait(std::max(left, std::chrono::milliseconds(100)))) {
      out[i].status = child.exit_status();
      continue;
    }
    out[i].timed_out = true;
    ::kill(-child.pid(), SIGKILL);  // it leads a session: what it started goes too
  }
  return out;
}

CommandOutput output_of(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                        const std::vector<std::string>& variables) {
  return outputs_of({command}, limit, variables).front();
}

}  // namespace bottle::launcher
