#include "launcher/command/init.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <utility>

#include "launcher/command/init_login.h"
#include "launcher/command/option_lines.h"
#include "launcher/command/presets.h"
#include "launcher/manifest/manifest.h"
#include "launcher/plan/git_settings.h"
#include "launcher/plan/planned_login.h"
#include "launcher/process/command_output.h"
#include "launcher/process/process.h"
#include "launcher/process/regular_file.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/contract/host_pattern.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kAskLimit{10};
constexpr std::size_t kMaxHosts = 20;  // of one client

std::vector<PresetKey> keys_of(const std::vector<const Preset*>& wanted) {
  std::vector<PresetKey> out;
  for (const auto* preset : wanted) out.push_back({preset->name, preset->key});
  return out;
}

bool has_key(const Preset& preset, const InitFacts& facts) {
  return std::find(facts.variables.begin(), facts.variables.end(), preset.key) !=
         facts.variables.end();
}

std::string allow_list(const std::vector<const Preset*>& wanted, const InitFacts& facts) {
  OptionLines lines("          ");
  lines.comment("HOST (ports 443 and 80), HOST:PORT, *.HOST (with all names below it)");
  std::vector<std::string> seen;
  const auto add = [&](const std::string& host) {
    if (std::find(seen.begin(), seen.end(), host) != seen.end()) return;
    seen.push_back(host);
    lines.entry(json_string(host));
  };
  for (const auto* preset : wanted) {
    if (preset->name != "git") {
      lines.comment(std::string(preset->title));
      for (const auto host : preset->hosts) add(std::string(host));
      for (const auto& host : login_hosts({preset->name, preset->key}, facts)) add(host);
      continue;
    }
    if (facts.git_hosts.empty()) {
      lines.comment("git: this folder has no remote that is reached by https");
    } else {
      lines.comment("git: the remotes of this repository");
    }
    if (facts.git_ssh) {
      lines.comment("git: the remotes by ssh are reached by https, the only way out");
    }
    for (const auto& host : facts.git_hosts) add(host);
  }
  for (const auto& registry : facts.registries) {
    lines.comment(registry.client + ", as it is configured on this machine");
    for (const auto& host : registry.hosts) add(host);
  }
  return "[\n" + lines.text() + "        ]";
}

// A secret in a conversation comes again with every turn: a refusal would end the session.
std::string on_secret(const std::vector<const Preset*>& wanted) {
  OptionLines lines("          ");
  lines.comment(
      "A secret in a request's body: \"refuse\" (the default), or \"redact\": the request");
  lines.comment("goes on without it. docs/guard.md has more.");
  std::vector<std::string_view> seen;  // presets share some
  for (const auto* preset : wanted) {
    for (const auto host : preset->hosts) {
      const bool twice = std::find(seen.begin(), seen.end(), host) != seen.end();
      if (!is_model_api(host) || twice) continue;
      seen.push_back(host);
      lines.entry(json_string(host) + ": \"redact\"");
    }
  }
  if (seen.empty()) lines.option("HOST with its rule", R"("api.example.com": "redact")");
  return "{\n" + lines.text() + "        }";
}

std::string environment(const std::vector<const Preset*>& wanted, const InitFacts& facts) {
  OptionLines lines("        ");
  lines.comment(
      R"(A "NAME" with its "text", or a secret: {"from_host": true}, {"prompt": "question"})");
  lines.comment(R"(or {"file": "path"}; with "hosts": [...] that may receive it. "keep_out": the)");
  lines.comment("bottle has a placeholder, and the proxy puts the value in. docs/credentials.md");
  std::vector<std::string_view> keys;  // presets share some
  for (const auto* preset : wanted) {
    for (const auto& [name, value] : preset->settings) {
      lines.entry(json_string(name) + ": " + json_string(value));
    }
    if (preset->key.empty() || std::find(keys.begin(), keys.end(), preset->key) != keys.end()) {
      continue;
    }
    keys.push_back(preset->key);
    const std::string entry =
        json_string(preset->key) + ": { \"from_host\": true, \"keep_out\": true }";
    if (has_key(*preset, facts)) {
      lines.entry(entry);
    } else {
      lines.option(std::string(preset->key) + " is not set now; " + std::string(preset->key_note),
                   entry);
    }
  }
  return "{\n" + lines.text() + "      }";
}

std::string mounts(const std::vector<const Preset*>& wanted, const InitFacts& facts) {
  const bool git = std::any_of(wanted.begin(), wanted.end(),
                               [](const Preset* one) { return one->name == "git"; });
  const std::string gitconfig = R"({ "host": "~/.gitconfig", "at": "/home/agent/.gitconfig" })";
  OptionLines lines("        ");
  if (git && facts.gitconfig) {
    lines.entry(gitconfig);
  } else {
    lines.option("Your name and address are there anyway; this is for the rest of your settings",
                 gitconfig);
  }
  return "[\n" + lines.text() + "      ]";
}

// The client's answer, or "" when it is not there or fails.
std::string answer(const std::vector<std::string>& words, const Context& context) {
  const auto program = find_program(words.front(), context.around.variable("PATH").value_or(""));
  if (!program) return {};
  auto command = words;
  command.front() = *program;
  // The folder may be a stranger's project: none of it is run, and nothing is fetched for it.
  const auto said = output_of(command, kAskLimit, {"GOTOOLCHAIN=local", "GIT_OPTIONAL_LOCKS=0"});
  return said.status == 0 ? said.text : std::string();
}

// "": it cannot be read, and then nothing is known of it.
std::string content_of(const fs::path& file) {
  constexpr std::size_t kMost = std::size_t{256} * 1024;
  auto text = regular_text(file, kMost);
  return text ? std::move(*text) : std::string();
}

std::string cargo_configuration(const Context& context) {
  const fs::path home =
      context.around.variable("CARGO_HOME").value_or((context.around.home / ".cargo").string());
  std::string out;
  for (const char* name : {"config.toml", "config"}) out += content_of(home / name);
  return out;
}

// A word that looks like a host without a URL around it.
std::string as_urls(const std::string& text) {
  const auto end = text.find_first_of(" \t\r\n");
  const std::string word = text.substr(0, end);
  return word.find('.') == std::string::npos ? "" : "https://" + word;
}

void add_registry(InitFacts& facts, const std::string& client, const std::string& text) {
  auto hosts = hosts_in(text);
  if (!hosts.empty()) facts.registries.push_back({client, std::move(hosts)});
}

Error write_problem(const fs::path& file, int problem) {
  return system_error("cannot write " + file.string(), problem,
                      "is the folder yours? --file names another place");
}

}  // namespace

std::vector<std::string> hosts_in(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; out.size() < kMaxHosts;) {
    at = text.find("://", at);
    if (at == std::string_view::npos) break;
    const bool tls = at >= 5 && text.substr(at - 5, 5) == "https";
    const bool plain = at >= 4 && text.substr(at - 4, 4) == "http";
    at += 3;
    const auto end = text.find_first_of("/ \t\r\n\"',|<>?#", at);
    std::string host(text.substr(at, end == std::string_view::npos ? end : end - at));
    if (const auto user = host.rfind('@'); user != std::string::npos) host.erase(0, user + 1);
    for (const std::string_view port : {":443", ":80"}) {
      if (host.ends_with(port)) host.resize(host.size() - port.size());
    }
    if (!tls && !plain) continue;
    if (HostPattern::parse(host) && std::find(out.begin(), out.end(), host) == out.end()) {
      out.push_back(std::move(host));
    }
  }
  return out;
}

InitFacts ask_clients(const std::vector<std::string>& wanted, const Context& context) {
  InitFacts out;
  add_registry(out, "npm", answer({"npm", "config", "get", "registry"}, context));
  // pip prints what is configured; what it falls back to stands in its own code. -I: not a module
  // of this folder's that has pip's name.
  std::string pip = answer({"python3", "-I", "-m", "pip", "config", "list"}, context);
  if (pip.find("index-url") == std::string::npos) {
    pip += answer({"python3", "-I", "-c",
                   "from pip._internal.models.index import PyPI as p\n"
                   "print(p.url, 'https://' + p.file_storage_domain)"},
                  context);
  }
  add_registry(out, "pip", pip);
  add_registry(out, "cargo", cargo_configuration(context));
  add_registry(out, "go",
               answer({"go", "env", "GOPROXY"}, context) + "\n" +
                   as_urls(answer({"go", "env", "GOSUMDB"}, context)));
  if (std::find(wanted.begin(), wanted.end(), "git") != wanted.end()) {
    const auto remotes = answer({"git", "-C", context.around.directory.string(), "config",
                                 "--get-regexp", "^remote\\..*\\.url$"},
                                context);
    out.git_hosts = hosts_in(remotes);
    std::istringstream lines(remotes);
    for (std::string name, url; lines >> name >> url;) {
      const auto remote = git_remote(url);
      if (!remote || !remote->ssh || out.git_hosts.size() >= kMaxHosts) continue;
      out.git_ssh = true;
      out.git_hosts.push_back(remote->host);
    }
  }
  std::error_code ec;
  out.gitconfig = fs::is_regular_file(context.around.home / ".gitconfig", ec);
  for (const auto& preset : presets()) {
    if (context.around.variable(std::string(preset.key))) out.variables.emplace_back(preset.key);
  }
  for (const auto& client : login_clients()) {
    const auto store = login_store(client, context.around);
    if (store && store->exists()) out.logins.emplace_back(client.name);
  }
  return out;
}

Expected<std::string> manifest_for(const std::vector<std::string>& names, const InitFacts& facts) {
  std::vector<const Preset*> wanted;
  for (const auto& name : names) {
    const auto* const preset = find_preset(name);
    if (preset == nullptr) {
      return Error{ExitCode::kUsage, "there is no preset \"" + printable(name) + "\"",
                   "there are: " + preset_names()};
    }
    if (std::find(wanted.begin(), wanted.end(), preset) == wanted.end()) wanted.push_back(preset);
  }
  std::string out =
      "// The policy of the bottles that are started in this folder: docs/manifest.md has every "
      "key.\n"
      "// JSON with comments. `bottle start --dry-run` shows what it means.\n"
      "{\n"
      "  \"bottles\": {\n"
      "    \"default\": {\n"
      "      // The folder that the agent works in and may change.\n"
      "      \"workspace\": \".\",\n"
      "      // Its home stays: logins, answers, caches. \"private\": empty at each start.\n"
      "      \"home\": \"kept\",\n"
      "      // Commits are signed by your git's key, which stays outside of the bottle.\n"
      "      // \"git\": { \"sign\": true },\n"
      "      // The scanner: pipelock or guard (built in). Without this line: pipelock if one is "
      "given.\n"
      "      // \"scanner\": \"pipelock\",\n"
      "      \"egress\": {\n"
      "        // Everything else is refused.\n"
      "        \"allow\": " +
      allow_list(wanted, facts) +
      "\n"
      "      },\n"
      "      \"guard\": {\n"
      "        \"on_secret\": " +
      on_secret(wanted) +
      "\n"
      "      },\n" +
      login_lines(keys_of(wanted), facts) + "      \"env\": " + environment(wanted, facts) +
      ",\n"
      "      // Files and folders of yours, read-only unless \"read_only\" is false.\n"
      "      \"mounts\": " +
      mounts(wanted, facts) +
      "\n"
      "    }\n"
      "  },\n"
      "  // `bottle start NAME` starts one.\n"
      "  \"agents\": {\n";
  OptionLines agents("    ");
  for (const auto* preset : wanted) {
    if (preset->command.empty()) continue;
    if (!preset->command_note.empty()) agents.comment(std::string(preset->command_note));
    std::vector<std::string_view> command = preset->command;
    if (has_key(*preset, facts)) {
      command.insert(command.end(), preset->key_arguments.begin(), preset->key_arguments.end());
    }
    std::string words;
    for (const auto word : command) words += (words.empty() ? "" : ", ") + json_string(word);
    agents.entry(json_string(preset->name) + ": { \"bottle\": \"default\", \"command\": [" + words +
                 "] }");
  }
  if (std::all_of(wanted.begin(), wanted.end(),
                  [](const Preset* one) { return one->command.empty(); })) {
    agents.option("NAME with its command",
                  R"("name": { "bottle": "default", "command": ["program", "argument"] })");
  }
  return out + agents.text() + "  }\n}\n";
}

Expected<int> run_init(const InitOptions& options, const Context& context) {
  // Before the clients are asked: that takes a moment.
  if (auto checked = manifest_for(options.presets, {}); !checked) return std::move(checked.error());
  const fs::path file =
      context.around.directory / options.file.value_or(std::string(kManifestName));
  struct stat info{};
  const bool there = !options.print && ::lstat(file.c_str(), &info) == 0;
  if (there && !options.force) {
    return Error{ExitCode::kUsage, file.string() + " exists, and is left as it is",
                 "--force keeps it as " + file.filename().string() +
                     ".old and writes a new one; --print shows what that would be"};
  }
  const auto text = manifest_for(options.presets, ask_clients(options.presets, context));
  if (!text) return text.error();
  if (options.print) {
    context.out << *text;
    return 0;
  }
  if (there) {
    const fs::path old = file.string() + ".old";
    if (::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, old.c_str(), RENAME_NOREPLACE) != 0) {
      return system_error("cannot keep the old manifest as " + old.string(), errno,
                          "move that file away");
    }
  }
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd || !write_all(fd.get(), *text)) return write_problem(file, errno);
  context.err << "bottle: wrote " << file.string()
              << "; `bottle start --dry-run` shows what it means\n";
  return 0;
}

}  // namespace bottle::launcher
