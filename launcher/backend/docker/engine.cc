#include "launcher/backend/docker/engine.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "launcher/process/command_output.h"

namespace bottle::launcher::docker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEnvFileNumber = 9;  // as kEnvFile says
constexpr std::size_t kMostWords = 1000;

bool ends_a_wait(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

// Bytes still to be written to a child. Closes its end when done or when the child does not read.
struct Feed {
  Fd pipe;
  std::string_view rest;

  void push() {
    while (pipe && !rest.empty()) {
      const auto put = ::write(pipe.get(), rest.data(), rest.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return;
      if (put < 0) break;
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    pipe.reset();
  }
};

// Reads what is there. False: the end.
bool drain(int fd, std::string& into) {
  std::array<char, 16 * 1024> chunk{};
  const auto got = ::read(fd, chunk.data(), chunk.size());
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  into.append(chunk.data(), static_cast<std::size_t>(got));
  return got > 0;
}

Expected<Feed> make_feed(std::string_view content, Fd& reader) {
  auto pipe = make_pipe();
  if (!pipe) return std::move(pipe.error());
  ::fcntl(pipe->write.get(), F_SETFL, O_NONBLOCK);
  reader = std::move(pipe->read);
  return Feed{std::move(pipe->write), content};
}

}  // namespace

std::string one_line(std::string_view words) {
  std::string out;
  for (const char c : words) {
    const bool space = c == '\n' || c == '\t' || c == ' ';
    if (space) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      out += c;
    }
    if (out.size() >= kMostWords) break;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

Expected<Engine> Engine::find() {
  const char* path = std::getenv("PATH");
  auto program = find_program("docker", path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  if (!program) {
    return Error{ExitCode::kEngine, "the docker program was not found",
                 "install Docker's command line client, or choose --backend local"};
  }
  return Engine(std::move(*program));
}

Expected<Answer> Engine::ask(const Call& call, SignalWatch* signals) const {
  Fd input;
  auto feed = make_feed(call.input, input);
  if (!feed) return std::move(feed.error());
  Fd env_file;
  auto variables = make_feed(call.env_file, env_file);
  if (!variables) return std::move(variables.error());
  auto out = make_pipe();
  if (!out) return std::move(out.error());
  auto err = make_pipe();
  if (!err) return std::move(err.error());

  Launch launch;
  launch.argv = {program_};
  launch.argv.insert(launch.argv.end(), call.arguments.begin(), call.arguments.end());
  launch.env = environment_with(call.environment);
  launch.fds = {{input.get(), 0},
                {out->write.get(), 1},
                {err->write.get(), 2},
                {env_file.get(), kEnvFileNumber}};
  auto child = spawn(launch, ExitCode::kEngine);
  if (!child) return std::move(child.error());
  input.reset();
  env_file.reset();
  out->write.reset();
  err->write.reset();

  const auto until = Clock::now() + call.limit;
  Answer answer;
  std::string words;
  while (out->read || err->read) {
    feed->push();
    variables->push();
    std::array<pollfd, 5> fds{
        pollfd{out->read.get(), POLLIN, 0}, pollfd{err->read.get(), POLLIN, 0},
        pollfd{feed->pipe.get(), POLLOUT, 0}, pollfd{variables->pipe.get(), POLLOUT, 0},
        pollfd{signals == nullptr ? -1 : signals->fd(), POLLIN, 0}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) {
      return Error{ExitCode::kEngine,
                   "the engine did not answer within " +
                       std::to_string(std::chrono::ceil<std::chrono::seconds>(call.limit).count()) +
                       " s",
                   "does `docker info` answer?"};
    }
    ::poll(fds.data(), fds.size(),
           static_cast<int>(std::min<std::int64_t>(left.count() + 1, 60'000)));
    while (signals != nullptr) {
      const auto signal = signals->next();
      if (!signal) break;
      if (!ends_a_wait(*signal)) continue;
      return Error{static_cast<ExitCode>(128 + *signal), "interrupted", ""};
    }
    if (fds[0].revents != 0 && !drain(out->read.get(), answer.out)) out->read.reset();
    if (fds[1].revents != 0 && !drain(err->read.get(), words)) err->read.reset();
    if (answer.out.size() > kMostOutput || words.size() > kMostOutput) {
      return Error{ExitCode::kEngine, "the docker program printed more than 16 MiB", ""};
    }
  }
  if (!child->wait(std::chrono::seconds(10))) {
    return Error{ExitCode::kEngine, "the docker program closed its output and did not end", ""};
  }
  answer.status = child->exit_status();
  answer.words = one_line(words);
  return answer;
}

Launch Engine::launch_of(const std::vector<std::string>& arguments,
                         std::vector<std::pair<int, int>> fds) const {
  Launch launch;
  launch.argv = {program_};
  launch.argv.insert(launch.argv.end(), arguments.begin(), arguments.end());
  launch.env = environment_with({});
  launch.fds = std::move(fds);
  return launch;
}

Expected<Child> Engine::begin(const std::vector<std::string>& arguments,
                              std::vector<std::pair<int, int>> fds, bool own_session) const {
  const Launch launch = launch_of(arguments, std::move(fds));
  if (own_session) return spawn(launch, ExitCode::kEngine);
  return fork_child([&launch] {
    exec_now(launch);
    return 127;
  });
}

Expected<Child> Engine::begin_to_outlive(const std::vector<std::string>& arguments,
                                         std::vector<std::pair<int, int>> fds) const {
  Launch launch = launch_of(arguments, std::move(fds));
  launch.outlives_launcher = true;
  return spawn(launch, ExitCode::kEngine);
}

}  // namespace bottle::launcher::docker
