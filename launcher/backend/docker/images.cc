#include "launcher/backend/docker/images.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace bottle::launcher::docker {
namespace {

Error unreachable(const std::string& why) {
  return Error{ExitCode::kEngine, "the container engine does not answer: " + why,
               "is it running, and may you use it (DOCKER_HOST, `docker context ls`, the group "
               "docker)? --backend local needs none"};
}

void take(const char* variable, std::string& into) {
  const char* value = std::getenv(variable);
  if (value != nullptr && *value != '\0') into = value;
}

}  // namespace

Images Images::of_environment() {
  Images images;
  take("BOTTLE_PROXY_IMAGE", images.proxy);
  take("BOTTLE_AGENT_IMAGE", images.agent);
  take("BOTTLE_PIPELOCK_IMAGE", images.pipelock);
  return images;
}

bool is_built_here(const std::string& image) {
  return image.starts_with("bottle-proxy:") || image.starts_with("bottle-agent:");
}

bool is_image_name(const std::string& name) {
  constexpr std::size_t kLongest = 512;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/:@+").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= kLongest && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), fits);
}

Expected<std::string> server_version(const Engine& engine) {
  Call call;
  call.arguments = {"version", "--format", "{{.Server.Version}}"};
  call.limit = kQuestionLimit;
  const auto answer = engine.ask(call, nullptr);
  if (!answer) return unreachable(answer.error().message);
  const std::string version = one_line(answer->out);
  if (answer->status != 0 || version.empty()) return unreachable(answer->words);
  return version;
}

Expected<bool> has_image(const Engine& engine, const std::string& image) {
  Call call;
  call.arguments = {"image", "inspect", "--format", "{{.Id}}", image};
  call.limit = kQuestionLimit;
  const auto answer = engine.ask(call, nullptr);
  if (!answer) return unreachable(answer.error().message);
  if (answer->status == 0) return true;
  if (answer->words.find("o such image") != std::string::npos) return false;
  return unreachable(answer->words);
}

std::optional<std::string> image_path(const Engine& engine, const std::string& image) {
  Call call;
  call.arguments = {"image", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}",
                    image};
  call.limit = kQuestionLimit;
  const auto answer = engine.ask(call, nullptr);
  if (!answer || answer->status != 0) return std::nullopt;
  std::istringstream lines(answer->out);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("PATH=/")) return line.substr(5);
  }
  return std::nullopt;
}

}  // namespace bottle::launcher::docker
