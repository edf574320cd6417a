#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::docker {

// How long the engine may take to answer: generous, since disks and machines are slow at times, and
// bounded, since nothing may hang.
inline constexpr std::chrono::seconds kQuestionLimit{10};
inline constexpr std::chrono::seconds kCommandLimit{120};
inline constexpr std::chrono::minutes kFetchLimit{60};  // an image over a slow line
inline constexpr std::size_t kMostOutput = 16 * 1024 * 1024;

// The input of one call of the docker program, besides its arguments.
struct Call {
  std::vector<std::string> arguments;      // after the program's own name
  std::string input{};                     // its standard input
  std::string env_file{};                  // readable as kEnvFile while it runs; never on disk
  std::vector<std::string> environment{};  // "NAME=value", besides the caller's own
  std::chrono::milliseconds limit = kCommandLimit;
};
inline constexpr std::string_view kEnvFile = "/dev/fd/9";

// The result of a call that ended. Not an Error: the caller knows what a failure means.
struct Answer {
  int status = 0;
  std::string out;
  std::string words;  // its standard error, on one line, without control characters, ≤ 1000 bytes
};

// The docker program, so that DOCKER_HOST, contexts and ssh work as the caller is used to.
class Engine {
 public:
  // Found in the caller's PATH.
  static Expected<Engine> find();

  // Runs to the end. Error: it could not be run, took longer than its limit, said more than
  // kMostOutput, or one of `signals` came (128+n); it is killed then. `signals` may be null: then
  // none interrupts it.
  Expected<Answer> ask(const Call& call, SignalWatch* signals) const;

  // As a child that goes on. `own_session`: no signal of the caller's terminal reaches it.
  // `fds`: as in Launch.
  Expected<Child> begin(const std::vector<std::string>& arguments,
                        std::vector<std::pair<int, int>> fds, bool own_session) const;
  // In a session of its own, and not killed when the launcher dies: for a container that ends when
  // its standard input does, and whose last output still has to be carried.
  Expected<Child> begin_to_outlive(const std::vector<std::string>& arguments,
                                   std::vector<std::pair<int, int>> fds) const;

 private:
  Launch launch_of(const std::vector<std::string>& arguments,
                   std::vector<std::pair<int, int>> fds) const;
  explicit Engine(std::string program) : program_(std::move(program)) {}
  std::string program_;
};

// For a message: printable, one line, not long.
std::string one_line(std::string_view words);

}  // namespace bottle::launcher::docker
