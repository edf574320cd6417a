#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "launcher/plan/plan.h"
#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Commits and tags of a bottle that are signed outside of it, by the person's own program with the
// person's key. In the bottle git runs a program that passes the object on
// (lifetime/sign_client.h), over a socket to the launcher's signer (lifetime/git_signer.h).

// Where that program and the directory with the socket are in a bottle.
inline constexpr std::string_view kSignProgram = "/run/bottle-git-sign";
inline constexpr std::string_view kSignDirectory = "/run/bottle-sign";
inline constexpr std::string_view kSignSocket = "socket";
// The directory's name in the runtime directory of the bottle.
inline constexpr std::string_view kSignName = "sign";

// The person's settings about signatures. Only the person's own settings and the
// machine's name a program or a key: those of a repository may be a stranger's.
struct SignFacts {
  std::string format{};                           // empty: git's default, openpgp
  std::string key{};                              // user.signingKey
  std::map<std::string, std::string> programs{};  // gpg.program, gpg.ssh.program, …
  bool person_signs = false;                      // commit.gpgSign is on for the person
  bool tags = false;                              // tag.gpgSign
  bool repository_signs = false;                  // commit.gpgSign is on for this repository
};
// Takes one setting, as git prints it; nothing happens if it is another one.
void note_sign_setting(SignFacts& facts, std::string_view key, std::string_view value,
                       bool of_person, bool of_repository);
// Their names, as a part of a regular expression.
std::string_view sign_settings();

// How the person's git signs. Fails if it names no key, or a program that is not there. `path` is
// where programs are looked for.
Expected<SignPlan> plan_sign(const SignFacts& facts, const Surroundings& around,
                             const std::string& path);

// Of the configuration of the system in the bottle.
std::string sign_config_text(const SignFacts& facts, const GitPlan& git);
// That commits are signed; or that they are not, if outside they would be. A sentence.
std::vector<std::string> sign_notes(const SignFacts& facts, const GitPlan& git);
// Settings that git in the bottle takes over every file of settings, also a mounted one and the
// repository's: names and values.
std::vector<std::pair<std::string, std::string>> sign_overrides(const SignFacts& facts,
                                                                const GitPlan& git);
// The program and the directory, if the plan signs: both are of this machine, for every backend.
void add_sign_mounts(Plan& plan);
// Adds settings to an environment, as git 2.31 and later reads them.
void add_git_overrides(const std::vector<std::pair<std::string, std::string>>& settings,
                       std::map<std::string, std::variant<std::string, Secret>>& environment);

}  // namespace bottle::launcher
