#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Keys and signed tokens that belong to no service.
// Header and payload begin as JSON objects do; the shortest signature has 43 characters.
#define BOTTLE_JWT \
  BOTTLE_LEFT "eyJ[A-Za-z0-9_\\-]{12,}\\.eyJ[A-Za-z0-9_\\-]{8,}\\.[A-Za-z0-9_\\-]{43}"

namespace bottle {
namespace {

// As a bearer token in a field it is how services work.
constexpr std::array kAnywhere = {
    TokenHome{.host = "*"},
};
constexpr std::array kSupabase = {
    TokenHome{.host = "*.supabase.co"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "JSON Web Token that is valid now",
               .pattern = BOTTLE_JWT,
               .homes = kAnywhere,
               .check = is_live_jwt,
               .heads = "eyJ",
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "JSON Web Token",
               .pattern = BOTTLE_JWT,
               .homes = kAnywhere,
               .severity = Severity::Note,
               .check = is_jwt,
               .heads = "eyJ",
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Supabase service key",
               .pattern = BOTTLE_JWT,
               .homes = kSupabase,
               .check = is_service_role_jwt,
               .heads = "eyJ",
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "age secret key",
               .pattern = BOTTLE_LEFT "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
               .homes = {},
               .check = is_age_key,
               .heads = "AGE-SECRET-KEY-"},
    // The header and the beginning of what follows it, so that a text which only speaks of the
    // header (this source, a manual) is no hit. The line break may be escaped.
    TokenShape{.name = "private key",
               .pattern = "-----BEGIN (?:[A-Z0-9]{1,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:[ "
                          "\\t\\r\\n]|\\\\[nrt]){1,8}(?:[A-Za-z0-9+/]{24}|Proc-Type: |DEK-Info: "
                          "|Version: |Comment: )",
               .homes = {},
               .check = is_private_key,
               .heads = "-----BEGIN ",
               .alphabet = TokenAlphabet::Pem,
               .named = true},
};

#undef BOTTLE_JWT

}  // namespace

std::span<const TokenShape> key_shapes() noexcept { return kShapes; }

}  // namespace bottle
