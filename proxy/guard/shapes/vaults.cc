#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Tokens of services that keep secrets or state of infrastructure.
namespace bottle {
namespace {

constexpr std::array kTerraform = {
    TokenHome{.host = "app.terraform.io"},
    TokenHome{.host = "*.terraform.io"},
};
constexpr std::array kVault = {
    TokenHome{.host = "*.hashicorp.cloud"},
};
constexpr std::array kDoppler = {
    TokenHome{.host = "api.doppler.com"},
};
constexpr std::array kPulumi = {
    TokenHome{.host = "api.pulumi.com"},
    TokenHome{.host = "*.pulumi.com"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "Terraform token",
               .pattern = BOTTLE_LEFT_OF_BASE64 "[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_\\-]{60}",
               .homes = kTerraform,
               .check = random_behind<'.', 2, 60, 64>,
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Vault token",
               .pattern = BOTTLE_LEFT "hv[bsr]\\.[A-Za-z0-9_\\-]{24}",
               .homes = kVault,
               .check = random_from<4, 24, 64>,
               .heads = "hvb.|hvs.|hvr.",
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Vault token in a setting",
               .pattern = "(?i:vault)" BOTTLE_JOINT "(?i:token)" BOTTLE_IS "s\\.[A-Za-z0-9]{24}",
               .homes = kVault,
               .check = is_old_vault_token,
               .heads = "vault",
               .alphabet = TokenAlphabet::Dotted,
               .named = true},
    TokenShape{.name = "Doppler token",
               .pattern = BOTTLE_LEFT
               "dp\\.(?:pt|ct|sa|scim|audit|st(?:\\.[a-z0-9_\\-]{2,35})?)\\.[A-Za-z0-9]{40}",
               .homes = kDoppler,
               .check = is_doppler_token,
               .heads = "dp.",
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Pulumi token",
               .pattern = BOTTLE_LEFT "pul-[a-f0-9]{40}",
               .homes = kPulumi,
               .check = random_from<4, 40, 16>,
               .heads = "pul-"},
};

}  // namespace

std::span<const TokenShape> vault_shapes() noexcept { return kShapes; }

}  // namespace bottle
