#include "launcher/command/init_login.h"

#include <algorithm>

#include "launcher/plan/login_client.h"

namespace bottle::launcher {
namespace {

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool uses_login(const PresetKey& preset, const InitFacts& facts) {
  return has(facts.logins, preset.preset) && !has(facts.variables, preset.key);
}

}  // namespace

std::vector<std::string> login_hosts(const PresetKey& preset, const InitFacts& facts) {
  const LoginClient* const client = find_login_client(preset.preset);
  if (client == nullptr || !uses_login(preset, facts)) return {};
  std::vector<std::string> hosts(client->hosts.begin(), client->hosts.end());
  hosts.emplace_back(client->token_host);
  return hosts;
}

std::string login_lines(const std::vector<PresetKey>& presets, const InitFacts& facts) {
  std::string known;
  std::string used;
  const auto add = [](std::string& list, std::string_view name) {
    list += (list.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  };
  for (const PresetKey& preset : presets) {
    if (find_login_client(preset.preset) == nullptr) continue;
    add(known, preset.preset);
    if (uses_login(preset, facts)) add(used, preset.preset);
  }
  if (known.empty()) return {};
  const std::string line =
      used.empty() ? "// \"login\": [" + known + "],\n" : "\"login\": [" + used + "],\n";
  return "      // Logins that are kept out of the bottle, instead of keys: bottle login makes "
         "them.\n      " +
         line;
}

}  // namespace bottle::launcher
