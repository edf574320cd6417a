#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/plan/spec.h"

namespace bottle::launcher {

// The launcher runs programs on the host, outside of the bottle: commands for tokens, the ask
// command, notify-send, git, ssh-keygen, gpg. A directory of PATH that the agent can change
// (`.venv/bin` of the project) must not supply them.
struct HostPath {
  std::string path{};                   // never empty: a shell would search the current folder
  std::vector<std::string> left_out{};  // those with a name
};

// `path` without the entries that are empty, relative, or in one of the `folders`, by name or by
// the links in it.
HostPath host_path(std::string_view path, const std::vector<std::filesystem::path>& folders);

// The folders of the host that an agent of this bottle, or of one with a kept home, can change.
std::vector<std::filesystem::path> folders_of_agents(const BottleSpec& spec);

// For the start. nullopt: nothing is left out.
std::optional<std::string> left_out_note(const HostPath& host);

// Sets PATH of this process and its children. Only before there are threads.
void use_host_path(const std::string& path);

}  // namespace bottle::launcher
