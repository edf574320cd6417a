#include "launcher/backend/docker/agent_environment.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>

#include "launcher/manifest/trust_env.h"

namespace bottle::launcher::docker {
namespace {

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int more = lead < 0x80   ? 0
                     : lead < 0xc2 ? -1
                     : lead < 0xe0 ? 1
                     : lead < 0xf0 ? 2
                     : lead < 0xf5 ? 3
                                   : -1;
    if (more < 0) return false;
    for (int k = 0; k < more; ++k, ++i) {
      if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80) return false;
    }
  }
  return true;
}

// The docker program reads an environment file line by line, wants UTF-8, and gives up on lines
// beyond 64 KiB.
bool fits_file(const std::string& name, const std::string& value) {
  constexpr std::size_t kLongest = 60'000;
  return value.find_first_of("\r\n") == std::string::npos && is_utf8(value) &&
         name.size() + value.size() < kLongest;
}

}  // namespace

std::map<std::string, std::string> trust_variables(const Plan& plan, const Facts& facts) {
  TrustSettings settings{.proxy_host = facts.proxy_address,
                         .proxy_port = plan.proxy_port,
                         .java = plan.java,
                         .java_tool_options = containers_of(plan).java_tool_options};
  return trust_environment(settings);
}

AgentEnvironment agent_environment(const Plan& plan, const Facts& facts) {
  auto all = plan.environment;
  for (auto& [name, value] : trust_variables(plan, facts)) all[name] = std::move(value);
  AgentEnvironment out;
  for (const auto& [name, value] : all) {
    const auto* const text = std::get_if<std::string>(&value);
    const std::string plain(text != nullptr ? *text : std::get<Secret>(value).reveal());
    if (fits_file(name, plain)) {
      out.file += name + "=" + plain + "\n";
    } else if (text != nullptr) {
      out.arguments.insert(out.arguments.end(), {"--env", name + "=" + plain});
    } else {
      out.arguments.insert(out.arguments.end(), {"--env", name});
      out.environment.push_back(name + "=" + plain);
    }
  }
  return out;
}

std::string problem_with_secret_name(const std::string& name, const std::string& value) {
  constexpr std::array<std::string_view, 8> kMeant{"PATH",          "HOME",         "SSH_AUTH_SOCK",
                                                   "SSL_CERT_FILE", "SSL_CERT_DIR", "GODEBUG",
                                                   "TMPDIR",        "LANG"};
  if (fits_file(name, value)) return {};
  const bool meant = name.starts_with("DOCKER_") || name.starts_with("LD_") ||
                     name.ends_with("_PROXY") || name.ends_with("_proxy") ||
                     std::find(kMeant.begin(), kMeant.end(), name) != kMeant.end();
  return meant ? "a secret of several lines cannot be named " + name +
                     " here, since the docker "
                     "program itself reads that variable"
               : "";
}

}  // namespace bottle::launcher::docker
