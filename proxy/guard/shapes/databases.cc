#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Passwords that stand beside the name of their service.
#define BOTTLE_DATABASE_URL                                  \
  "(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?)" \
  "(?:\\+[a-z0-9]{1,12})?://[^\\s:@/\"'<>]*:"                \
  "[^\\s/\"'<>]+@[A-Za-z0-9_\\-]+(?:\\.[A-Za-z0-9_\\-]|[^A-Za-z0-9_.\\-])"

namespace bottle {
namespace {

// In a field it is how HTTP works.
constexpr std::array kAnywhere = {
    TokenHome{.host = "*"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "database URL with a password",
               .pattern = BOTTLE_DATABASE_URL,
               .homes = {},
               .check = is_remote_database_url,
               .heads = "postgres|mysql|mariadb|mongodb|redis|amqp",
               .alphabet = TokenAlphabet::Url},
    TokenShape{.name = "database URL of an example",
               .pattern = BOTTLE_DATABASE_URL,
               .homes = {},
               .severity = Severity::Note,
               .check = is_harmless_database_url,
               .heads = "postgres|mysql|mariadb|mongodb|redis|amqp",
               .alphabet = TokenAlphabet::Url},
    TokenShape{.name = ".netrc line",
               .pattern = BOTTLE_LEFT
               "machine\\s+[^\\s\"']+\\s+login\\s+[^\\s\"']+\\s+password\\s+[^\\s\"']{4}",
               .homes = {},
               .check = is_netrc_line,
               .heads = "machine",
               .alphabet = TokenAlphabet::Url,
               .named = true},
    TokenShape{.name = "basic authorization",
               .pattern = "(?i:authorization)[\\\\]?[\"']?\\s{0,4}[:=]\\s{0,4}[\\\\]?[\"']?(?i:"
                          "basic)\\s{1,4}[A-Za-z0-9+/]{8}",
               .homes = kAnywhere,
               .check = is_basic_authorization,
               .heads = "authorization",
               .alphabet = TokenAlphabet::Base64,
               .named = true},
};

#undef BOTTLE_DATABASE_URL

}  // namespace

std::span<const TokenShape> database_shapes() noexcept { return kShapes; }

}  // namespace bottle
