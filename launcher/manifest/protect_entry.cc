#include "launcher/manifest/protect_entry.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "launcher/manifest/manifest_examples.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kMaxEntries = 256;

constexpr std::array<std::string_view, 33> kNames{
    // An agent that runs outside of a bottle takes commands from these: hooks, MCP servers.
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".claude/hooks",
    ".mcp.json",
    ".codex/config.toml",
    ".gemini/settings.json",
    ".cursor/mcp.json",
    ".cursor/hooks.json",
    // Editors run tasks, and programs that settings name.
    ".vscode",
    ".idea",
    ".devcontainer",
    // Programs that a commit runs.
    ".husky",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    ".lefthook.yml",
    // Read when a shell enters the folder.
    ".envrc",
    ".mise.toml",
    "mise.toml",
    // Read by a shell or by git, if the folder holds the files that a home links to.
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".inputrc",
    ".gitconfig",
    // Registries that get a person's tokens, and programs that take a package manager's place.
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
};

bool is_or_holds(std::string_view entry, std::string_view name) {
  return name.starts_with(entry) && (name.size() == entry.size() || name[entry.size()] == '/');
}

bool is_known(std::string_view entry) {
  const auto held = [entry](std::string_view name) { return is_or_holds(entry, name); };
  return held(kGitConfigName) || held(kGitHooksName) ||
         std::any_of(kNames.begin(), kNames.end(), held);
}

std::string all_names() {
  std::string out = std::string(kGitConfigName) + ", " + std::string(kGitHooksName);
  for (const auto name : kNames) out.append(", ").append(name);
  return out;
}

// Without a slash at the end. Empty: it is not a path in the workspace.
std::string normal(const std::string& text) {
  const std::filesystem::path path(text);
  if (path.is_absolute() || text.find('\0') != std::string::npos) return {};
  std::string out = path.lexically_normal().string();
  while (out.ends_with('/')) out.pop_back();
  const bool inside = out != "." && out != ".." && !out.starts_with("../");
  return inside ? out : std::string();
}

}  // namespace

std::span<const std::string_view> protected_names() { return kNames; }

bool ProtectEntry::frees(std::string_view name) const {
  return std::any_of(freed.begin(), freed.end(),
                     [name](const std::string& entry) { return is_or_holds(entry, name); });
}

std::optional<Error> read_protect(const JsonNode& node, const std::string& file,
                                  const std::string& key, ProtectEntry& out) {
  const auto wrong = [&](const JsonNode& at, std::string_view wanted) {
    return error_at(file, at.place,
                    "\"" + key + "\" must be " + std::string(wanted) + ", but this is " +
                        std::string(kind_name(at.kind)),
                    example_of(key));
  };
  if (node.kind != JsonNode::Kind::kArray) return wrong(node, "a list of paths");
  if (node.items.size() > kMaxEntries) {
    return error_at(file, node.place,
                    "\"" + key + "\" has more than " + std::to_string(kMaxEntries) + " entries");
  }
  for (const auto& item : node.items) {
    if (item.kind != JsonNode::Kind::kString) return wrong(item, "a list of strings");
    const auto path = normal(item.text);
    if (path.empty()) {
      return error_at(file, item.place, "\"" + item.text + "\" is not a path in the workspace",
                      "paths are relative to the workspace, without \"..\"; " + example_of(key));
    }
    if (key == "unprotect" && !is_known(path)) {
      return error_at(file, item.place, "\"" + item.text + "\" is not protected by itself",
                      "these are: " + all_names());
    }
    (key == "unprotect" ? out.freed : out.added).push_back(path);
  }
  return std::nullopt;
}

}  // namespace bottle::launcher
