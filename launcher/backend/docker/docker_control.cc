#include "launcher/backend/docker/docker_control.h"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "launcher/backend/docker/archive.h"
#include "launcher/backend/docker/docker_ports.h"
#include "launcher/backend/docker/docker_steps.h"
#include "launcher/backend/docker/engine.h"
#include "launcher/backend/docker/images.h"
#include "launcher/backend/docker/left_overs.h"
#include "proxy/contract/control_words.h"

namespace bottle::launcher::docker {
namespace {

// This program, where the image does not have it.
constexpr const char* kOwnProgramPath = "/run/bottle-program";
constexpr std::chrono::seconds kTellLimit{30};  // the proxy's own time, and the engine's

class DockerControl final : public BottleControl {
 public:
  Expected<ExitStatus> exec(const BottleRecord& bottle,
                            const std::vector<std::string>& command) override;
  Expected<std::string> tell_proxy(const BottleRecord& bottle, const std::filesystem::path& runtime,
                                   const std::string& message) override;
  Expected<std::unique_ptr<PortDialer>> port_dialer(const BottleRecord& bottle) override {
    auto engine = Engine::find();
    if (!engine) return std::move(engine.error());
    return make_docker_dialer(std::move(*engine), bottle);
  }
  bool remove_left_overs(const BottleRecord& bottle) override;
  std::vector<Finding> examine(bool wanted) override;
};

// True if the agent's container has the program in its PATH.
bool has_program(const Engine& engine, const std::string& container, const std::string& name) {
  Call call;
  call.arguments = {"exec", container, "sh", "-c", "command -v -- \"$1\" >/dev/null 2>&1",
                    "sh",   name};
  call.limit = kQuestionLimit;
  const auto there = engine.ask(call, nullptr);
  // The engine's own failures show at the next call.
  return !there || there->status == 0;
}

// Puts this program into the container, as root's: a plain user there cannot change it.
Expected<void> give_program(const Engine& engine, const std::string& container) {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  const std::string program{std::istreambuf_iterator<char>(in), {}};
  Archive archive;
  archive.file(std::string_view(kOwnProgramPath).substr(1), 0555, program);
  Call call;
  call.arguments = {"cp", "-", container + ":/"};
  call.input = archive.finish();
  const auto answer = engine.ask(call, nullptr);
  if (!answer) return answer.error();
  if (answer->status == 0) return {};
  return Error{
      ExitCode::kEngine, "bottle cannot be put into the container: " + answer->words,
      "install bottle in the image, or check the bottle at its start: bottle start --check"};
}

Expected<ExitStatus> DockerControl::exec(const BottleRecord& bottle,
                                         const std::vector<std::string>& asked) {
  auto engine = Engine::find();
  if (!engine) return std::move(engine.error());
  auto command = asked;
  const auto container = Names(bottle.id).agent;
  if (command.front() == "bottle" && !has_program(*engine, container, command.front())) {
    if (auto given = give_program(*engine, container); !given) return std::move(given.error());
    command.front() = kOwnProgramPath;
  }
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  // The container has the agent's environment, user and directory; exec inherits all three.
  std::vector<std::string> words{"exec", "--interactive"};
  if (terminal) words.emplace_back("--tty");
  words.push_back(container);
  words.insert(words.end(), command.begin(), command.end());
  // In our process group: the terminal's signals are its own to answer.
  auto child = engine->begin(words, {}, false);
  if (!child) return std::move(child.error());
  while (!child->wait(std::chrono::hours(24))) {
  }
  const int status = child->exit_status();
  // Engines before 25 end with 126 for a command that does not exist, too.
  if (status == static_cast<int>(ExitCode::kCommandNotRunnable)) {
    if (!has_program(*engine, container, command.front())) {
      return Error{ExitCode::kCommandNotFound, command.front() + " does not exist in the bottle",
                   "only programs of its image can be run"};
    }
  }
  return ExitStatus{status};
}

// By the engine, which may be on another machine. The message is on no command line.
Expected<std::string> DockerControl::tell_proxy(const BottleRecord& bottle,
                                                const std::filesystem::path&,
                                                const std::string& message) {
  const auto engine = Engine::find();
  if (!engine) return engine.error();
  Call call;
  call.arguments = {
      "exec",      "--interactive",           Names(bottle.id).proxy, "/usr/local/bin/bottle-proxy",
      kAskControl, std::string(kProxyControl)};
  call.input = message;
  call.limit = kTellLimit;
  auto answer = engine->ask(call, nullptr);
  if (!answer) return std::move(answer.error());
  if (answer->status != 0) {
    return Error{ExitCode::kProxy, "the bottle's proxy does not answer: " + answer->words,
                 "bottle list shows the bottles that run"};
  }
  if (answer->out.ends_with('\n')) answer->out.pop_back();
  return std::move(answer->out);
}

bool DockerControl::remove_left_overs(const BottleRecord& bottle) {
  const auto engine = Engine::find();
  return engine && remove_bottle(*engine, bottle.id);
}

std::vector<Finding> DockerControl::examine(bool wanted) {
  const auto missing = wanted ? Finding::Status::kFailed : Finding::Status::kWarning;
  const auto engine = Engine::find();
  if (!engine) {
    return {{"container engine", missing, engine.error().message, engine.error().hint}};
  }
  const auto version = server_version(*engine);
  if (!version) {
    return {{"container engine", missing, version.error().message, version.error().hint}};
  }
  std::vector<Finding> out{{"container engine", Finding::Status::kOk, "docker " + *version}};
  const Images images = Images::of_environment();
  for (const auto& [name, image] :
       {std::pair{"image of the proxy", images.proxy}, std::pair{"image of agents", images.agent},
        std::pair{"image of pipelock", images.pipelock}}) {
    const auto there = has_image(*engine, image);
    if (!there) {
      out.push_back({name, missing, there.error().message, there.error().hint});
    } else if (*there) {
      out.push_back({name, Finding::Status::kOk, image});
    } else if (is_built_here(image)) {
      out.push_back({name, missing, image + " has not been built", "make image"});
    } else {
      out.push_back({name, Finding::Status::kOk, image + ", fetched when it is needed"});
    }
  }
  return out;
}

}  // namespace

std::unique_ptr<BottleControl> make_docker_control() { return std::make_unique<DockerControl>(); }

}  // namespace bottle::launcher::docker
