#include "launcher/plan/git_settings.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <utility>

#include "launcher/plan/allowlist.h"
#include "launcher/plan/git_person.h"
#include "launcher/plan/git_workspace.h"
#include "launcher/plan/held_files.h"
#include "launcher/plan/small_file.h"
#include "launcher/process/command_output.h"
#include "launcher/process/process.h"
#include "proxy/contract/host_pattern.h"

namespace bottle::launcher {

std::optional<GitRemote> git_remote(std::string_view url) {
  GitRemote out;
  std::string_view rest = url;
  if (const auto scheme_end = url.find("://"); scheme_end != std::string_view::npos) {
    const auto scheme = url.substr(0, scheme_end);
    out.ssh = scheme == "ssh" || scheme == "git+ssh" || scheme == "ssh+git";
    if (!out.ssh && scheme != "https" && scheme != "http") return std::nullopt;
    rest = url.substr(scheme_end + 3);
    rest = rest.substr(0, rest.find('/'));
  } else {
    // user@host:path; a slash before the colon makes it a path.
    const auto colon = url.find(':');
    if (colon == std::string_view::npos || url.substr(0, colon).find('/') != std::string_view::npos)
      return std::nullopt;
    out.ssh = true;
    rest = url.substr(0, colon);
  }
  if (const auto user = rest.rfind('@'); user != std::string_view::npos)
    rest.remove_prefix(user + 1);
  const auto colon = rest.find(':');
  out.host = rest.substr(0, colon);
  if (colon != std::string_view::npos) out.port = rest.substr(colon + 1);
  if (!HostPattern::parse_without_port(out.host)) return std::nullopt;
  return out;
}

namespace {

constexpr std::chrono::seconds kAskLimit{5};
constexpr std::size_t kMaxRemotes = 50;
constexpr std::size_t kMaxIncludes = 50;

// The next piece of `text` that ends with a NUL; it is taken off.
std::string_view next_piece(std::string_view& text) {
  const auto end = text.find('\0');
  const auto piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return piece;
}

bool is_allowed(const GitRemote& remote, const std::vector<std::string>& allow) {
  if (remote.ssh || remote.port.empty()) return opens(allow, remote.host);
  const auto port = parse_port(remote.port);
  return port && opens(allow, remote.host, *port);
}

// The allowed hosts by their names, and of those that a pattern allows the remotes'.
std::set<std::string> https_hosts(const GitFacts& facts, const std::vector<std::string>& allow) {
  std::set<std::string> out;
  for (const HostPattern& entry : host_patterns(allow)) {
    if (entry.kind == HostPattern::Kind::Exact && entry.opens(443)) out.insert(entry.host);
  }
  for (const auto& url : facts.remotes) {
    const auto remote = git_remote(url);
    if (remote && remote->ssh && is_allowed(*remote, allow)) out.insert(remote->host);
  }
  return out;
}

}  // namespace

GitFacts git_facts(std::string_view text, const std::filesystem::path& work_tree) {
  GitFacts out;
  while (!text.empty()) {
    const auto scope = next_piece(text);
    auto origin = next_piece(text);
    const auto entry = next_piece(text);
    const auto line_end = entry.find('\n');
    const auto key = entry.substr(0, line_end);
    const auto value =
        line_end == std::string_view::npos ? std::string_view() : entry.substr(line_end + 1);
    // The last one holds.
    if (key == "user.name") out.name = value;
    if (key == "user.email") out.email = value;
    const bool of_person = scope == "global" || scope == "system";
    if (of_person && is_person_setting(key)) {
      // A key alone means true.
      out.person[std::string(key)] = line_end == std::string_view::npos ? "true" : value;
    }
    const bool of_repository = scope == "local" || scope == "worktree";
    const std::string_view truth = "true";
    note_sign_setting(out.sign, key, line_end == std::string_view::npos ? truth : value,
                      of_person || scope == "command", of_repository);
    if (key == "core.hookspath") out.paths.hooks = {(work_tree / value).lexically_normal()};
    const bool includes = key.starts_with("include") && key.ends_with(".path");
    if (includes && origin.starts_with("file:") && out.paths.settings.size() < kMaxIncludes) {
      origin.remove_prefix(std::string_view("file:").size());
      const auto folder = (work_tree / origin).parent_path();
      out.paths.settings.push_back((folder / value).lexically_normal());
    }
    if (key.starts_with("remote.") && out.remotes.size() < kMaxRemotes) {
      out.remotes.emplace_back(value);
    }
  }
  return out;
}

std::string git_config_text(const GitFacts& facts, const std::vector<std::string>& allow,
                            const GitPlan& git) {
  // The machine's own file comes first; a missing one is no error.
  std::string out =
      "# Of the bottle. Your settings and the repository's come after these.\n"
      "[include]\n\tpath = /etc/gitconfig\n";
  if (!facts.name.empty() || !facts.email.empty()) {
    out += "[user]\n";
    if (!facts.name.empty()) out += "\tname = " + config_value(facts.name) + "\n";
    if (!facts.email.empty()) out += "\temail = " + config_value(facts.email) + "\n";
  }
  out += person_config_text(facts.person);
  if (!git.top.empty()) {
    // In the bottle the folder's owner may be a user that does not exist there.
    out += "[safe]\n\tdirectory = " + config_value(git.top.string()) + "\n";
  }
  // Git would write the new branch's origin there.
  if (git.keeps_config) out += "[branch]\n\tautoSetupMerge = false\n";
  for (const auto& host : https_hosts(facts, allow)) {
    out += "[url " + config_value("https://" + host + "/") + "]\n";
    for (const auto& form : {"git@" + host + ":", "ssh://git@" + host + "/",
                             "ssh://git@" + host + ":22/", "ssh://" + host + "/"}) {
      out += "\tinsteadOf = " + config_value(form) + "\n";
    }
  }
  return out;
}

std::string git_credential_text(const std::vector<KnownSecret>& secrets) {
  std::string out;
  for (const auto& secret : secrets) {
    const bool in_header =
        std::find(secret.in.begin(), secret.in.end(), "header") != secret.in.end();
    if (!secret.placeholder || !in_header) continue;
    for (const auto& host : secret.hosts) {
      if (host.starts_with("*.")) continue;
      // GitHub and GitLab take any user beside a token.
      out += "[credential " + config_value("https://" + host) + "]\n\thelper = " +
             config_value(
                 "!f() { test \"$1\" = get || return 0; echo username=x-access-token; "
                 "echo \"password=$" +
                 secret.name + "\"; }; f") +
             "\n";
    }
  }
  return out;
}

std::vector<std::string> git_notes(const GitFacts& facts, const std::vector<std::string>& allow) {
  std::vector<std::string> out;
  std::set<std::string> told;
  for (const auto& url : facts.remotes) {
    const auto remote = git_remote(url);
    if (!remote || is_allowed(*remote, allow) || !told.insert(remote->host).second) continue;
    std::string words = "git: this repository's remote " + remote->host + " is not allowed";
    if (remote->ssh) words += "; it works by https, not by ssh, when it is allowed";
    out.push_back(words + " (--allow " + remote->host + ")");
  }
  return out;
}

std::vector<std::string> person_notes(const GitFacts& facts) {
  if (!facts.name.empty() && !facts.email.empty()) return {};
  const std::string missing = facts.name.empty() && facts.email.empty() ? "user.name and user.email"
                              : facts.name.empty()                      ? "user.name"
                                                                        : "user.email";
  return {"git: your git has no " + missing +
          ", so commits fail in the bottle, too; git config outside of it sets them"};
}

namespace {

// Of the keys that git_facts() looks at, as git's --get-regexp takes it.
std::string wanted_keys() {
  std::string out = R"(^(user\.(name|email)|remote\..*\.(push)?url|core\.hookspath)"
                    R"(|include(if\..*)?\.path|)" +
                    std::string(sign_settings());
  for (const auto& setting : person_settings()) {
    const bool all_below = setting.key.ends_with(".*");
    out += '|';
    for (const char c : setting.key.substr(0, setting.key.size() - (all_below ? 1 : 0))) {
      if (c == '.') out += '\\';
      out += c;
    }
    if (all_below) out += ".*";
  }
  return out + ")$";
}

}  // namespace

Expected<void> plan_git(const BottleSpec& spec, Plan& plan) {
  HeldFiles held(plan.workspace);
  GitPlan& out = plan.git;
  out = find_git(spec.around, spec.protect, held);
  GitFacts facts;
  if (const auto git = find_program("git", spec.path_of_host())) {
    const auto said = output_of({*git, "-C", plan.workspace.string(), "config", "-z",
                                 "--show-scope", "--show-origin", "--get-regexp", wanted_keys()},
                                kAskLimit, {"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0"});
    const auto& work_tree = out.top.empty() ? plan.workspace : out.top;
    if (said.status == 0) facts = git_facts(said.text, work_tree);
  }
  const bool has_repository = !out.top.empty() || out.is_inside;
  out.keeps_config = has_repository && !spec.protect.frees(kGitConfigName);
  const auto add = [&plan](std::vector<std::string> notes) {
    std::move(notes.begin(), notes.end(), std::back_inserter(plan.notes));
  };
  add(std::move(out.notes));
  add(hold_names(spec.protect, facts.paths, has_repository, held));
  add(git_notes(facts, spec.allow));
  if (has_repository) add(person_notes(facts));
  if (spec.sign) {
    auto sign = plan_sign(facts.sign, spec.around, spec.path_of_host());
    if (!sign) return std::move(sign.error());
    out.sign = std::move(*sign);
  }
  add(sign_notes(facts.sign, out));
  out.overrides = sign_overrides(facts.sign, out);
  // The agent must not write its own next policy. A renamed folder would free the manifest.
  if (const auto manifest = real_path(plan.manifest); is_below(manifest, plan.workspace)) {
    held.keep(manifest);
  }
  out.config = git_config_text(facts, spec.allow, out) + sign_config_text(facts.sign, out) +
               git_credential_text(plan.secrets);
  plan.held = held.plan();
  plan.held.protect = spec.protect;
  return {};
}

}  // namespace bottle::launcher
