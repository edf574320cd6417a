#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/plan/git_sign.h"
#include "launcher/plan/held_names.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/spec.h"

namespace bottle::launcher {

// Settings for git in a bottle, besides the repository's own: the person's name, mail address and
// harmless choices (git_person.h), and that the allowed hosts are reached by https where a URL says
// ssh. They stand in the configuration of the system, so everything else takes precedence.

// Where that file is in every bottle, and the variable that names it (git 2.32 and later).
inline constexpr std::string_view kGitConfigPath = "/run/bottle/gitconfig";
inline constexpr std::string_view kGitConfigVariable = "GIT_CONFIG_SYSTEM";

// The user's git settings, as git reports them in the workspace.
struct GitFacts {
  std::string name{};
  std::string email{};
  std::vector<std::string> remotes{};  // URLs
  SignFacts sign{};
  GitPaths paths{};  // absolute
  // Of the person's own configuration and the machine's, those of git_person.h.
  std::map<std::string, std::string> person{};
};
// Of `git config -z --show-scope --show-origin --get-regexp`, in a work tree.
GitFacts git_facts(std::string_view text, const std::filesystem::path& work_tree);

// A remote that is reached by the network.
struct GitRemote {
  std::string host{};
  std::string port{};  // empty: the scheme's
  bool ssh = false;
};
// nullopt: a path, or a way that a bottle cannot carry or change.
std::optional<GitRemote> git_remote(std::string_view url);

// The file.
std::string git_config_text(const GitFacts& facts, const std::vector<std::string>& allow,
                            const GitPlan& git);
// The part of it by which git has the placeholder of a kept-out secret as the password for each of
// the secret's hosts. No value and no placeholder is in it: git reads the agent's variable.
std::string git_credential_text(const std::vector<KnownSecret>& secrets);
// The remotes that will not work, a sentence each.
std::vector<std::string> git_notes(const GitFacts& facts, const std::vector<std::string>& allow);

// That commits need a name and a mail address, if the person has none.
std::vector<std::string> person_notes(const GitFacts& facts);

// Looks for the workspace's repository and asks the person's git, if there is one; nothing is run
// of what the workspace holds. Fills `git` and `held` of a plan with a workspace, and adds notes.
// Fails if commits are to be signed and cannot be.
Expected<void> plan_git(const BottleSpec& spec, Plan& plan);

}  // namespace bottle::launcher
