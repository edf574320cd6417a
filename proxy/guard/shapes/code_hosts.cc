#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Tokens of forges and package registries.
namespace bottle {
namespace {

constexpr std::array kGitHub = {
    TokenHome{.host = "github.com"},
    TokenHome{.host = "*.github.com"},
    TokenHome{.host = "ghcr.io"},
    TokenHome{.host = "*.githubusercontent.com"},
    TokenHome{.host = "*.githubcopilot.com"},
};
constexpr std::array kGitLab = {
    TokenHome{.host = "gitlab.com"},
    TokenHome{.host = "registry.gitlab.com"},
};
constexpr std::array kNpm = {
    TokenHome{.host = "registry.npmjs.org"},
};
constexpr std::array kPypi = {
    TokenHome{.host = "upload.pypi.org"},
    TokenHome{.host = "test.pypi.org"},
};
constexpr std::array kDocker = {
    TokenHome{.host = "hub.docker.com", .body = true},
    TokenHome{.host = "auth.docker.io"},
};
constexpr std::array kBitbucket = {
    TokenHome{.host = "bitbucket.org"},
    TokenHome{.host = "api.bitbucket.org"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "GitHub token",
               .pattern = BOTTLE_LEFT "gh[pousr]_[A-Za-z0-9]{36}",
               .homes = kGitHub,
               .check = is_github_token,
               .heads = "ghp_|gho_|ghu_|ghs_|ghr_"},
    TokenShape{.name = "GitHub fine-grained token",
               .pattern = BOTTLE_LEFT "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
               .homes = kGitHub,
               .check = random_behind<'_', 2, 82, 63>,
               .heads = "github_pat_"},
    TokenShape{
        .name = "GitLab token",
        .pattern =
            BOTTLE_LEFT "gl(?:pat|dt|rt|cbt|ptt|soat|ft|imt|agent|oas|ffct)-[A-Za-z0-9_\\-]{20}",
        .homes = kGitLab,
        .check = random_behind<'-', 1, 20, 64>,
        .heads = "glpat-|gldt-|glrt-|glcbt-|glptt-|glsoat-|glft-|glimt-|glagent-|gloas-|glffct-",
        .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Bitbucket token",
               .pattern = BOTTLE_LEFT "(?:ATBB[A-Za-z0-9]{28}|BBDC-[A-Za-z0-9+/@_\\-]{40})",
               .homes = kBitbucket,
               .check = random_from<5, 27, 62>,
               .heads = "ATBB|BBDC-",
               .alphabet = TokenAlphabet::Url},
    TokenShape{.name = "npm token",
               .pattern = BOTTLE_LEFT "npm_[A-Za-z0-9]{36}",
               .homes = kNpm,
               .check = is_npm_token,
               .heads = "npm_"},
    TokenShape{.name = "PyPI token",
               .pattern = BOTTLE_LEFT "pypi-AgE(?:I|NdGV)[A-Za-z0-9_\\-]{50}",
               .homes = kPypi,
               .check = random_from<12, 44, 64>,
               .heads = "pypi-"},
    TokenShape{.name = "Docker Hub token",
               .pattern = BOTTLE_LEFT "dckr_(?:pat|oat)_[A-Za-z0-9_\\-]{27}",
               .homes = kDocker,
               .check = random_from<9, 27, 64>,
               .heads = "dckr_"},
};

}  // namespace

std::span<const TokenShape> code_host_shapes() noexcept { return kShapes; }

}  // namespace bottle
