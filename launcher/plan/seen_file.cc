#include "launcher/plan/seen_file.h"

#include <cstdint>
#include <filesystem>
#include <ios>
#include <sstream>
#include <string>
#include <system_error>
#include <variant>

#include "launcher/plan/pipelock_config.h"
#include "proxy/contract/proxy_contract.h"

namespace bottle::launcher {
namespace {

// FNV-1a: there is no adversary, as the agent chooses none of this.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

void add_seen_file(const BottleSpec& spec, Plan& plan) {
  const auto* made_of = std::get_if<ProcessPlan>(&plan.made_of);
  if (made_of == nullptr || !plan.pipelock || !spec.guard.keep_seen || spec.guard.show_all) return;
  std::error_code ec;
  const auto size = std::filesystem::file_size(made_of->pipelock, ec);
  const auto time = std::filesystem::last_write_time(made_of->pipelock, ec).time_since_epoch();
  const std::string text = made_of->pipelock + "\n" + std::to_string(size) + "\n" +
                           std::to_string(time.count()) + "\n" +
                           pipelock_config(*plan.pipelock, "", "", "");
  std::ostringstream name;
  name << "seen-" << std::hex << hash_of(text);
  plan.proxy.arguments.emplace_back(proxy_flag::kSeen);
  plan.proxy.arguments.push_back((plan.state_base / name.str()).string());
}

}  // namespace bottle::launcher
