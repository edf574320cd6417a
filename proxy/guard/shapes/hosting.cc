#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Tokens of services that run or serve what is deployed to them.
namespace bottle {
namespace {

constexpr std::array kCloudflare = {
    TokenHome{.host = "api.cloudflare.com"},
};
constexpr std::array kVercel = {
    TokenHome{.host = "api.vercel.com"},
    TokenHome{.host = "*.vercel.com"},
    TokenHome{.host = "ai-gateway.vercel.sh"},
    TokenHome{.host = "*.vercel-storage.com"},
};
constexpr std::array kNetlify = {
    TokenHome{.host = "api.netlify.com"},
};
constexpr std::array kFly = {
    TokenHome{.host = "api.fly.io"},
    TokenHome{.host = "*.fly.io"},
    TokenHome{.host = "*.machines.dev"},
};
constexpr std::array kHeroku = {
    TokenHome{.host = "api.heroku.com"},
    TokenHome{.host = "*.heroku.com"},
};
constexpr std::array kSupabase = {
    TokenHome{.host = "api.supabase.com"},
    TokenHome{.host = "*.supabase.co"},
    TokenHome{.host = "*.supabase.com"},
};
constexpr std::array kShopify = {
    TokenHome{.host = "*.myshopify.com"},
    TokenHome{.host = "*.shopify.com"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "Cloudflare token",
               .pattern = BOTTLE_LEFT "cf(?:k|ut|at)_[A-Za-z0-9]{40}",
               .homes = kCloudflare,
               .check = random_behind<'_', 1, 40, 62>,
               .heads = "cfk_|cfut_|cfat_"},
    TokenShape{.name = "Cloudflare origin CA key",
               .pattern = BOTTLE_LEFT "v1\\.0-[a-f0-9]{24}-[a-f0-9]{100}",
               .homes = kCloudflare,
               .check = random_behind<'-', 2, 100, 16>,
               .heads = "v1.0-",
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Cloudflare API token",
               .pattern = "(?:(?i:cloudflare)|CF)" BOTTLE_JOINT "(?i:global)?" BOTTLE_JOINT
                          "(?i:api)?" BOTTLE_JOINT "(?i:key|token)" BOTTLE_IS
                          "(?:[A-Za-z0-9_\\-]{40}|[a-f0-9]{37}[^A-Za-z0-9_\\-])",
               .homes = kCloudflare,
               .check = is_cloudflare_setting,
               .heads = "cloudflare|CF",
               .named = true},
    TokenShape{.name = "Vercel token",
               .pattern = BOTTLE_LEFT "vc[acikpr]_[A-Za-z0-9]{24}",
               .homes = kVercel,
               .check = random_from<4, 24, 62>,
               .heads = "vca_|vcc_|vci_|vck_|vcp_|vcr_"},
    TokenShape{.name = "Vercel token in a setting",
               .pattern = "(?i:vercel)" BOTTLE_JOINT "(?i:api|access|auth)?" BOTTLE_JOINT
                          "(?i:token|key)" BOTTLE_IS "[A-Za-z0-9]{24}",
               .homes = kVercel,
               .check = random_setting<24, 62>,
               .heads = "vercel",
               .named = true},
    TokenShape{.name = "Netlify token",
               .pattern = BOTTLE_LEFT "nf[bcopu]_[A-Za-z0-9]{36}",
               .homes = kNetlify,
               .check = random_from<4, 36, 62>,
               .heads = "nfb_|nfc_|nfo_|nfp_|nfu_"},
    TokenShape{.name = "Fly.io token",
               .pattern = BOTTLE_LEFT_OF_BASE64
               "(?:fo1_[A-Za-z0-9_\\-]{43}|fm(?:1[ar]|2)_[A-Za-z0-9+/]{80})",
               .homes = kFly,
               .check = random_behind<'_', 1, 43, 64>,
               .heads = "fo1_|fm1a_|fm1r_|fm2_",
               .alphabet = TokenAlphabet::Base64},
    TokenShape{.name = "Heroku key",
               .pattern = BOTTLE_LEFT "HRKU-AA[A-Za-z0-9_\\-]{58}",
               .homes = kHeroku,
               .check = random_from<7, 58, 64>,
               .heads = "HRKU-"},
    TokenShape{.name = "Heroku key in a setting",
               .pattern = "(?i:heroku)" BOTTLE_JOINT "(?i:api|oauth|auth)?" BOTTLE_JOINT
                          "(?i:key|token|secret)" BOTTLE_IS
                          "[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
               .homes = kHeroku,
               .check = is_heroku_key,
               .heads = "heroku",
               .named = true},
    TokenShape{
        .name = "Supabase token",
        .pattern = BOTTLE_LEFT "(?:sbp_(?:oauth_|v0_)?[a-f0-9]{40}|sb_secret_[A-Za-z0-9_\\-]{31})",
        .homes = kSupabase,
        .check = is_supabase_token,
        .heads = "sbp_|sb_secret_"},
    TokenShape{.name = "Shopify token",
               .pattern = BOTTLE_LEFT "shp(?:at|ca|pa|ss|ua)_[a-fA-F0-9]{32}",
               .homes = kShopify,
               .check = random_from<6, 32, 16>,
               .heads = "shpat_|shpca_|shppa_|shpss_|shpua_"},
};

}  // namespace

std::span<const TokenShape> hosting_shapes() noexcept { return kShapes; }

}  // namespace bottle
