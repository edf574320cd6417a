#include "launcher/plan/resolved_env.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "launcher/plan/allowlist.h"
#include "launcher/plan/token_command.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kMaxValue = 64 * 1024;  // a token or a key; the kernel allows 128 KiB

struct WellKnown {
  std::string_view variable;
  std::array<std::string_view, 4> hosts;
};

// Where a credential belongs when the manifest does not say: without this the guard would refuse
// the very request that the credential is for.
constexpr std::array kWellKnown{
    WellKnown{"ANTHROPIC_API_KEY", {"api.anthropic.com"}},
    WellKnown{"ANTHROPIC_AUTH_TOKEN", {"api.anthropic.com"}},
    WellKnown{"CLAUDE_CODE_OAUTH_TOKEN", {"api.anthropic.com", "platform.claude.com"}},
    WellKnown{"OPENAI_API_KEY", {"api.openai.com"}},
    WellKnown{"CODEX_API_KEY", {"api.openai.com"}},
    WellKnown{"GEMINI_API_KEY", {"generativelanguage.googleapis.com"}},
    WellKnown{"GITHUB_TOKEN", {"api.github.com", "github.com", "uploads.github.com"}},
    WellKnown{"GH_TOKEN", {"api.github.com", "github.com", "uploads.github.com"}},
    WellKnown{"GITLAB_TOKEN", {"gitlab.com"}},
    WellKnown{"NPM_TOKEN", {"registry.npmjs.org"}},
};

std::vector<std::string> home_of(const std::string& variable) {
  std::vector<std::string> out;
  for (const auto& known : kWellKnown) {
    if (known.variable != variable) continue;
    for (const auto host : known.hosts) {
      if (!host.empty()) out.emplace_back(host);
    }
  }
  return out;
}

// A program that is named by a path is the manifest's, wherever the command runs.
std::vector<std::string> with_place(std::vector<std::string> command, const EnvSources& sources) {
  if (command.front().find('/') != std::string::npos) {
    command.front() = sources.place(command.front());
  }
  return command;
}

SecretSource source_of(const std::string& name, const EnvValue& value, const EnvSources& sources) {
  SecretSource out{.name = name, .source = value.source, .words = {}, .ttl = value.ttl};
  if (value.source == EnvValue::Source::kCommand) out.words = with_place(value.command, sources);
  if (value.source == EnvValue::Source::kFile) out.words = {sources.place(value.text)};
  if (value.source == EnvValue::Source::kPrompt) out.words = {value.text};
  return out;
}

Expected<std::string> fetch(const std::string& name, const EnvValue& value,
                            const EnvSources& sources, std::vector<std::string>& notes) {
  switch (value.source) {
    case EnvValue::Source::kLiteral:
      return value.text;
    case EnvValue::Source::kPrompt:
      return sources.prompt(value.text);
    case EnvValue::Source::kFile: {
      auto file = sources.file(value.text);
      if (!file) return std::move(file.error());
      if (file->exposed && value.secret) {
        notes.push_back(name +
                        " is a secret, and others on this machine may read its file: chmod "
                        "600 " +
                        value.text);
      }
      return std::move(file->text);
    }
    case EnvValue::Source::kCommand:
      return sources.command(name, with_place(value.command, sources));
    case EnvValue::Source::kFromHost:
      break;
  }
  auto found = sources.host(name);
  if (found) return std::move(*found);
  return Error{ExitCode::kEnvironment,
               "the manifest takes " + name + " from your environment, but it is not set there",
               "export " + name + " before you start, or remove it from the manifest (line " +
                   std::to_string(value.place.line) + ")"};
}

Expected<std::string> ask_on_terminal(const std::string& question) {
  const Fd tty(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!tty) {
    return Error{ExitCode::kEnvironment,
                 "cannot ask for \"" + question + "\": there is no terminal",
                 R"(use {"from_host": true} or {"file": "…"} for this value)"};
  }
  termios before{};
  if (::tcgetattr(tty.get(), &before) != 0) return system_error("cannot read from /dev/tty", errno);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  silent.c_lflag |= ICANON | ECHONL;
  ::tcsetattr(tty.get(), TCSAFLUSH, &silent);
  write_all(tty.get(), question + ": ");
  std::string answer;
  std::array<char, 256> chunk{};
  while (answer.size() < kMaxValue) {
    const auto got = ::read(tty.get(), chunk.data(), chunk.size());
    if (got <= 0) break;
    answer.append(chunk.data(), static_cast<std::size_t>(got));
    if (answer.back() == '\n') break;
  }
  ::explicit_bzero(chunk.data(), chunk.size());
  ::tcsetattr(tty.get(), TCSAFLUSH, &before);
  while (!answer.empty() && (answer.back() == '\n' || answer.back() == '\r')) answer.pop_back();
  if (answer.empty()) {
    return Error{ExitCode::kEnvironment, "no answer to \"" + question + "\"",
                 "start again and type the value"};
  }
  return answer;
}

Expected<FileValue> read_value(const std::filesystem::path& path) {
  const auto failed = [&path](const std::string& why) {
    return Error{ExitCode::kEnvironment, "cannot take a value from " + path.string() + ": " + why,
                 "the manifest names this file in its \"env\""};
  };
  // Opened without waiting, so that a pipe in its place holds nothing up.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return failed(std::strerror(errno));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return failed("it is not a file");
  std::string text(kMaxValue + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("it cannot be read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  if (text.size() > kMaxValue) return failed("it is larger than 64 KiB");
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) return failed("it is empty");
  return FileValue{std::move(text), (info.st_mode & (S_IRGRP | S_IROTH)) != 0};
}

Error no_home(const std::string& name, const EnvValue& value) {
  return Error{ExitCode::kUsage,
               name + " has \"keep_out\" in the manifest (line " +
                   std::to_string(value.place.line) + "), but no \"hosts\"",
               "name the hosts at which the proxy puts the value in: \"hosts\": "
               "[\"api.example.com\"]"};
}

// The agent's variable gets the placeholder, and the proxy both.
Expected<void> keep_out(const std::string& name, const EnvValue& value, const EnvSources& sources,
                        Secret secret, std::vector<std::string> hosts, ResolvedEnv& out) {
  const auto source = sources.placeholders();
  if (!source) return source.error();
  auto placeholder = placeholder_for(*source, name, secret.reveal());
  if (!placeholder) return std::move(placeholder.error());
  out.values.emplace(name, *placeholder);
  out.secrets.push_back(KnownSecret{.name = name,
                                    .value = std::move(secret),
                                    .hosts = std::move(hosts),
                                    .placeholder = std::move(*placeholder),
                                    .in = value.in});
  if (value.source == EnvValue::Source::kFromHost) out.taken.push_back(name);
  return {};
}

}  // namespace

std::filesystem::path expand_path(const std::string& path, const std::filesystem::path& base,
                                  const std::filesystem::path& home) {
  if (path == "~") return home;
  if (path.starts_with("~/")) return home / path.substr(2);
  return (base / path).lexically_normal();
}

Expected<ResolvedEnv> resolve_env(const std::map<std::string, EnvValue>& env,
                                  const EnvSources& sources, Prompting prompting) {
  ResolvedEnv out;
  for (const auto& [name, value] : env) {
    auto hosts = value.hosts.empty() ? home_of(name) : value.hosts;
    if (value.keep_out && hosts.empty()) return no_home(name, value);
    if (value.source == EnvValue::Source::kPrompt && prompting == Prompting::kLater) {
      out.values.emplace(name, Secret{});
      out.notes.push_back(name + " is asked for at the start: \"" + value.text + "\"");
      continue;
    }
    if (value.source == EnvValue::Source::kCommand && prompting == Prompting::kLater) {
      out.values.emplace(name, Secret{});
      out.notes.push_back(name + " is taken at the start from the command " +
                          value.command.front());
      continue;
    }
    auto text = fetch(name, value, sources, out.notes);
    if (!text) return std::move(text.error());
    if (text->size() > kMaxValue || text->find('\0') != std::string::npos) {
      return Error{ExitCode::kEnvironment,
                   name +
                       " cannot be passed on: larger than 64 KiB or with "
                       "a NUL character in it",
                   "a program's environment has no room for it: mount a file instead"};
    }
    if (!value.secret) {
      out.values.emplace(name, std::move(*text));
      continue;
    }
    Secret secret(std::move(*text));
    if (value.keep_out) {
      auto kept = keep_out(name, value, sources, std::move(secret), std::move(hosts), out);
      if (!kept) return std::move(kept.error());
      out.sources.push_back(source_of(name, value, sources));
      continue;
    }
    if (secret.size() < kShortestKnownSecret) {
      out.notes.push_back(name + " is too short to be looked for in the agent's traffic");
    } else {
      out.secrets.push_back(KnownSecret{.name = name, .value = secret, .hosts = std::move(hosts)});
    }
    out.values.emplace(name, std::move(secret));
  }
  return out;
}

std::vector<std::string> left_out(const ResolvedEnv& env, const std::vector<std::string>& allow,
                                  const EnvSources& sources) {
  std::vector<std::string> out;
  for (const auto& known : kWellKnown) {
    const std::string name(known.variable);
    const auto value = sources.host(name);
    if (!value || value->empty() || env.values.contains(name)) continue;
    const auto homes = home_of(name);
    const bool useful = std::any_of(homes.begin(), homes.end(), [&allow](const std::string& host) {
      return opens(allow, host);
    });
    if (useful) out.push_back(name);
  }
  return out;
}

EnvSources host_sources(const std::filesystem::path& manifest_directory,
                        const std::filesystem::path& home) {
  return EnvSources{
      .host = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
      },
      .prompt = ask_on_terminal,
      .file =
          [manifest_directory, home](const std::string& path) {
            return read_value(expand_path(path, manifest_directory, home));
          },
      .command = [](const std::string& name, const std::vector<std::string>& command)
          -> Expected<std::string> { return token_of_command(name, command); },
      .place =
          [manifest_directory, home](const std::string& path) {
            return expand_path(path, manifest_directory, home).string();
          },
  };
}

Expected<std::string> newer_value(const SecretSource& source, const EnvSources& sources) {
  EnvValue value{.source = source.source, .secret = true};
  if (source.source == EnvValue::Source::kLiteral || source.words.empty()) {
    const bool from_host = source.source == EnvValue::Source::kFromHost;
    const auto found = from_host ? sources.host(source.name) : std::nullopt;
    if (found) return *found;
    return Error{ExitCode::kEnvironment,
                 source.name + (from_host ? " is not set in your environment"
                                          : " is written in the manifest itself"),
                 from_host ? "export " + source.name + ", or name only the others" : "start anew"};
  }
  value.command = source.words;
  value.text = source.words.front();
  std::vector<std::string> notes;
  return fetch(source.name, value, sources, notes);
}

std::string_view source_word(EnvValue::Source source) {
  switch (source) {
    case EnvValue::Source::kFromHost:
      return "from_host";
    case EnvValue::Source::kPrompt:
      return "prompt";
    case EnvValue::Source::kFile:
      return "file";
    case EnvValue::Source::kCommand:
      return "command";
    case EnvValue::Source::kLiteral:
      break;
  }
  return "literal";
}

}  // namespace bottle::launcher
