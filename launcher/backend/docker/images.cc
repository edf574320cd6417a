#include "launcher/backend/docker/images.h"

#include <algorithm>
#include <cstdlib>

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

}  // namespace bottle::launcher::docker
