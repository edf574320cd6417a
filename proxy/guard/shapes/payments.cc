#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Keys of payment services. Their test keys have prefixes of their own and are no match.
namespace bottle {
namespace {

constexpr std::array kStripe = {
    TokenHome{.host = "api.stripe.com"},
    TokenHome{.host = "files.stripe.com"},
    TokenHome{.host = "mcp.stripe.com"},
};
constexpr std::array kSquare = {
    TokenHome{.host = "connect.squareup.com", .body = true},
    TokenHome{.host = "*.squareup.com"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "Stripe key",
               .pattern = BOTTLE_LEFT "[rs]k_live_[A-Za-z0-9]{24}",
               .homes = kStripe,
               .check = random_from<8, 24, 62>,
               .heads = "rk_live_|sk_live_"},
    TokenShape{.name = "Square token",
               .pattern = BOTTLE_LEFT "sq0(?:atp-[A-Za-z0-9_\\-]{22}|csp-[A-Za-z0-9_\\-]{43})",
               .homes = kSquare,
               .check = random_from<7, 22, 64>,
               .heads = "sq0atp-|sq0csp-"},
    // By itself it could be a line of base64.
    TokenShape{.name = "Square access token",
               .pattern = "(?:(?i:square)[A-Za-z_\\- ]{0,16}" BOTTLE_IS
                          "|(?i:bearer) )EAAA[A-Za-z0-9_\\-]{60}",
               .homes = kSquare,
               .check = is_square_access_token,
               .heads = "square|bearer",
               .named = true},
};

}  // namespace

std::span<const TokenShape> payment_shapes() noexcept { return kShapes; }

}  // namespace bottle
