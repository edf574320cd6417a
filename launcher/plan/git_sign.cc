#include "launcher/plan/git_sign.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

// As git reads a Boolean, in any case; a key alone means true.
bool is_on(std::string_view text) {
  std::string value(text);
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return value != "false" && value != "no" && value != "off" && value != "0" && !value.empty();
}

bool is_ssh(const SignFacts& facts) { return facts.format == "ssh"; }

// git's forms of a public key that stands in the setting itself. nullopt: it is a file's name.
std::optional<std::string> literal_key(const std::string& key) {
  constexpr std::string_view kMark = "key::";
  if (key.starts_with(kMark)) return key.substr(kMark.size());
  if (key.starts_with("ssh-")) return key;
  return std::nullopt;
}

Error not_possible(const std::string& why, const std::string& hint) {
  return Error{ExitCode::kEnvironment, "commits cannot be signed (\"sign\" in \"git\"): " + why,
               hint};
}

Expected<std::string> program_for(const SignFacts& facts, const Surroundings& around,
                                  const std::string& path) {
  const auto named = [&facts](const std::string& name) {
    const auto found = facts.programs.find(name);
    return found == facts.programs.end() ? std::string() : found->second;
  };
  std::string name = is_ssh(facts) ? named("gpg.ssh.program") : named("gpg.openpgp.program");
  if (name.empty() && !is_ssh(facts)) name = named("gpg.program");
  if (name.empty()) name = is_ssh(facts) ? "ssh-keygen" : "gpg";
  if (name.starts_with("~/")) name = (around.home / name.substr(2)).string();
  if (name.find('/') != std::string::npos && !name.starts_with('/')) {
    return not_possible("the program " + name +
                            " is a relative path: the folder it would be looked "
                            "for in is the workspace, which the agent can change",
                        "write it in your git configuration as a path that begins with / or ~/");
  }
  auto program = find_program(name, path);
  if (program) return std::move(*program);
  return not_possible(name + " is not on this machine",
                      is_ssh(facts) ? "apt install openssh-client" : "apt install gnupg");
}

}  // namespace

std::string_view sign_settings() {
  return R"(user\.signingkey|(commit|tag)\.gpgsign|gpg\.(format|program|ssh\.program)"
         R"(|openpgp\.program))";
}

void note_sign_setting(SignFacts& facts, std::string_view key, std::string_view value,
                       bool of_person, bool of_repository) {
  if (key == "commit.gpgsign") {
    // The last one holds.
    if (of_repository) facts.repository_signs = is_on(value);
    if (of_person) facts.person_signs = is_on(value);
    return;
  }
  if (!of_person) return;
  if (key == "tag.gpgsign") facts.tags = is_on(value);
  if (key == "gpg.format") facts.format = value;
  if (key == "user.signingkey") facts.key = value;
  if (key.starts_with("gpg.") && key.ends_with("program")) {
    facts.programs[std::string(key)] = value;
  }
}

Expected<SignPlan> plan_sign(const SignFacts& facts, const Surroundings& around,
                             const std::string& path) {
  const bool ssh = is_ssh(facts);
  if (!ssh && !facts.format.empty() && facts.format != "openpgp") {
    return not_possible("gpg.format is " + facts.format, "it can be ssh or openpgp");
  }
  if (facts.key.empty()) {
    return not_possible("your git configuration names no key",
                        "set user.signingKey there, and gpg.format if it is a key of ssh's: "
                        "docs/manifest.md has an example");
  }
  auto program = program_for(facts, around, path);
  if (!program) return std::move(program.error());
  SignPlan out{.program = std::move(*program), .ssh = ssh, .key = facts.key};
  if (!ssh) return out;
  if (auto literal = literal_key(facts.key)) {
    out.public_key = std::move(*literal);
    return out;
  }
  if (out.key.starts_with("~/")) out.key = (around.home / out.key.substr(2)).string();
  if (!std::filesystem::path(out.key).is_absolute()) {
    return not_possible(
        "the key " + out.key +
            " (user.signingKey) is a relative path: the folder "
            "it would be looked for in is the workspace, which the agent can change",
        "give user.signingKey a path that begins with / or ~/, in your own gitconfig");
  }
  std::error_code ec;
  if (std::filesystem::is_regular_file(out.key, ec)) return out;
  return not_possible("the key " + out.key + " (user.signingKey) is not a file",
                      "it names a file of ssh-keygen's, or is key:: with a public key");
}

std::string sign_config_text(const SignFacts& facts, const GitPlan& git) {
  if (!git.sign) return {};
  // Not an override: a repository, or a test with a configuration of its own, may sign nothing.
  return std::string("[commit]\n\tgpgSign = true\n") +
         (facts.tags ? "[tag]\n\tgpgSign = true\n" : "");
}

std::vector<std::pair<std::string, std::string>> sign_overrides(const SignFacts& facts,
                                                                const GitPlan& git) {
  if (!git.sign) {
    if (!facts.person_signs && !facts.repository_signs && !facts.tags) return {};
    return {{"commit.gpgsign", "false"}, {"tag.gpgsign", "false"}};
  }
  const std::string program(kSignProgram);
  const bool ssh = git.sign->ssh;
  // The signer uses the key that it was started with; git wants the name of some key.
  return {{"gpg.format", ssh ? "ssh" : "openpgp"},
          {ssh ? "gpg.ssh.program" : "gpg.program", program},
          {"user.signingkey", ssh ? program : git.sign->key}};
}

std::vector<std::string> sign_notes(const SignFacts& facts, const GitPlan& git) {
  if (git.sign) {
    return {"git: commits and tags are signed with your key " + facts.key +
            ", outside of the bottle; each is listed"};
  }
  if (!facts.person_signs && !facts.repository_signs) return {};
  return {std::string("git: commits are not signed in the bottle, although ") +
          (facts.repository_signs ? "this repository" : "your git configuration") +
          R"( wants that: "git": {"sign": true} in the manifest has them signed outside of it)"};
}

void add_sign_mounts(Plan& plan) {
  if (!plan.git.sign) return;
  std::error_code ec;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ec);
  using Kind = PlannedMount::Kind;
  plan.mounts.push_back({Kind::kReadOnly, program.string(), std::string(kSignProgram)});
  const auto shared = plan.runtime_base / plan.id / kSignName;
  plan.mounts.push_back({Kind::kReadOnly, shared.string(), std::string(kSignDirectory)});
}

void add_git_overrides(const std::vector<std::pair<std::string, std::string>>& settings,
                       std::map<std::string, std::variant<std::string, Secret>>& environment) {
  if (settings.empty()) return;
  constexpr const char* kCount = "GIT_CONFIG_COUNT";
  std::size_t count = 0;  // of those that the manifest has
  if (const auto found = environment.find(kCount); found != environment.end()) {
    const auto* const text = std::get_if<std::string>(&found->second);
    if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), count);
  }
  for (const auto& [name, value] : settings) {
    const auto number = std::to_string(count++);
    environment["GIT_CONFIG_KEY_" + number] = name;
    environment["GIT_CONFIG_VALUE_" + number] = value;
  }
  environment[kCount] = std::to_string(count);
}

}  // namespace bottle::launcher
