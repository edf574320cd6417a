#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Tokens of services where people plan, write and draw.
namespace bottle {
namespace {

constexpr std::array kLinear = {
    TokenHome{.host = "api.linear.app"},
};
constexpr std::array kNotion = {
    TokenHome{.host = "api.notion.com"},
    TokenHome{.host = "mcp.notion.com"},
};
constexpr std::array kAirtable = {
    TokenHome{.host = "api.airtable.com"},
    TokenHome{.host = "content.airtable.com"},
};
constexpr std::array kFigma = {
    TokenHome{.host = "api.figma.com"},
    TokenHome{.host = "mcp.figma.com"},
};
constexpr std::array kAtlassian = {
    TokenHome{.host = "*.atlassian.net"},
    TokenHome{.host = "*.atlassian.com"},
    TokenHome{.host = "bitbucket.org"},
    TokenHome{.host = "api.bitbucket.org"},
};
constexpr std::array kPostman = {
    TokenHome{.host = "api.getpostman.com"},
    TokenHome{.host = "api.postman.com"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "Linear key",
               .pattern = BOTTLE_LEFT "lin_(?:api|oauth)_[A-Za-z0-9]{40}",
               .homes = kLinear,
               .check = random_behind<'_', 2, 40, 62>,
               .heads = "lin_"},
    TokenShape{.name = "Notion token",
               .pattern = BOTTLE_LEFT "(?:ntn_[0-9]{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43})",
               .homes = kNotion,
               .check = random_behind<'_', 1, 43, 62>,
               .heads = "ntn_|secret_"},
    TokenShape{.name = "Airtable token",
               .pattern = BOTTLE_LEFT "pat[A-Za-z0-9]{14}\\.[a-f0-9]{64}",
               .homes = kAirtable,
               .check = random_behind<'.', 1, 64, 16>,
               .heads = "pat",
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Figma token",
               .pattern = BOTTLE_LEFT "fig[dour]_[A-Za-z0-9_\\-]{40}",
               .homes = kFigma,
               .check = random_from<5, 40, 64>,
               .heads = "figd_|figo_|figu_|figr_"},
    TokenShape{.name = "Atlassian token",
               .pattern = BOTTLE_LEFT "AT(?:ATT|CTT|STT)3[A-Za-z0-9_\\-]{100}",
               .homes = kAtlassian,
               .check = random_from<6, 100, 64>,
               .heads = "ATATT3|ATCTT3|ATSTT3",
               .alphabet = TokenAlphabet::Base64},
    TokenShape{.name = "Postman key",
               .pattern = BOTTLE_LEFT "PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
               .homes = kPostman,
               .check = random_from<5, 59, 17>,
               .heads = "PMAK-"},
};

}  // namespace

std::span<const TokenShape> workplace_shapes() noexcept { return kShapes; }

}  // namespace bottle
