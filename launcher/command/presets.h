#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bottle::launcher {

// The needs of an agent or a tool in a bottle, as `bottle init --preset` writes it.
struct Preset {
  std::string_view name;
  std::string_view title;
  std::vector<std::string_view> command{};  // empty: no agent of its own
  std::string_view command_note{};          // why it has these arguments
  std::vector<std::string_view> hosts{};
  std::vector<std::pair<std::string_view, std::string_view>> settings{};
  std::string_view key{};                         // the variable with its credential
  std::string_view key_note{};                    // advice for a person without one
  std::vector<std::string_view> key_arguments{};  // of the command, if there is the key
};

std::span<const Preset> presets();
// nullptr: there is none.
const Preset* find_preset(std::string_view name);
// "claude, codex, …"
std::string preset_names();

}  // namespace bottle::launcher
