#include "launcher/command/presets.h"

namespace bottle::launcher {

std::span<const Preset> presets() {
  static const std::vector<Preset> kPresets{
      {.name = "claude",
       .title = "Claude Code",
       .command = {"claude"},
       .hosts = {"api.anthropic.com", "platform.claude.com"},
       .settings = {{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"},
                    {"CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1"},
                    {"DISABLE_AUTOUPDATER", "1"},
                    {"CLAUDE_CONFIG_DIR", "/home/agent/.claude"}},
       .key = "ANTHROPIC_API_KEY",
       .key_note = "with a login instead: bottle login claude"},
      {.name = "codex",
       .title = "Codex",
       .command = {"codex", "--sandbox", "danger-full-access"},
       .command_note =
           "Codex would put each of its commands into a sandbox of its own, which needs "
           "namespaces that a bottle does not give: its commands would all fail. The "
           "bottle is the sandbox.",
       .hosts = {"api.openai.com"},
       .key = "OPENAI_API_KEY",
       .key_note = "with a login instead: bottle login codex, and bottle init again",
       // Codex itself reads no key from a variable unless a provider of models names it.
       .key_arguments =
           {"-c", "model_provider=openai-key", "-c",
            "model_providers.openai-key={name=\"OpenAI\", base_url=\"https://api.openai.com/v1\", "
            "env_key=\"OPENAI_API_KEY\", wire_api=\"responses\"}"}},
      {.name = "gemini",
       .title = "Gemini CLI",
       .command = {"gemini"},
       .hosts = {"generativelanguage.googleapis.com"},
       .key = "GEMINI_API_KEY",
       .key_note = "to log in instead, allow accounts.google.com, oauth2.googleapis.com and "
                   "cloudcode-pa.googleapis.com"},
      {.name = "opencode",
       .title = "opencode",
       .command = {"opencode"},
       .hosts = {"models.opencode.ai", "models.dev", "api.anthropic.com"},
       .settings = {{"OPENCODE_DISABLE_AUTOUPDATE", "1"}},
       .key = "ANTHROPIC_API_KEY",
       .key_note = "opencode takes the keys of other providers, too: allow their hosts"},
      {.name = "aider",
       .title = "aider",
       .command = {"aider", "--no-check-update", "--no-show-release-notes",
                   "--no-show-model-warnings", "--no-gitignore"},
       .hosts = {"api.anthropic.com"},
       .settings = {{"AIDER_ANALYTICS", "false"}},
       .key = "ANTHROPIC_API_KEY",
       .key_note = "aider takes the keys of other providers, too: allow their hosts"},
      {.name = "git", .title = "git", .key = "GITHUB_TOKEN", .key_note = "for pushing by https"},
  };
  return kPresets;
}

const Preset* find_preset(std::string_view name) {
  for (const auto& one : presets()) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

std::string preset_names() {
  std::string out;
  for (const auto& one : presets()) out += (out.empty() ? "" : ", ") + std::string(one.name);
  return out;
}

}  // namespace bottle::launcher
