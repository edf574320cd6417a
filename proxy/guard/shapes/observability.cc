#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Keys of services that take logs, metrics and errors.
namespace bottle {
namespace {

constexpr std::array kDatadog = {
    TokenHome{.host = "*.datadoghq.com", .url = true},
    TokenHome{.host = "*.datadoghq.eu", .url = true},
    TokenHome{.host = "*.ddog-gov.com", .url = true},
};
constexpr std::array kNewRelic = {
    TokenHome{.host = "*.newrelic.com"},
    TokenHome{.host = "*.nr-data.net"},
};
constexpr std::array kSentry = {
    TokenHome{.host = "sentry.io"},
    TokenHome{.host = "*.sentry.io", .url = true, .body = true},
};
constexpr std::array kGrafana = {
    TokenHome{.host = "*.grafana.net"},
    TokenHome{.host = "grafana.com"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "Datadog key",
               .pattern = BOTTLE_LEFT "(?i:dd|datadog)" BOTTLE_JOINT
                                      "(?i:api|app|application)" BOTTLE_JOINT "(?i:key)" BOTTLE_IS
                                      "[a-f0-9]{32}",
               .homes = kDatadog,
               .check = is_datadog_setting,
               .heads = "dd|datadog",
               .named = true},
    TokenShape{.name = "Datadog token",
               .pattern = BOTTLE_LEFT "dd(?:app|pat|sat)_[A-Za-z0-9]{32}",
               .homes = kDatadog,
               .check = random_behind<'_', 1, 32, 62>,
               .heads = "ddapp_|ddpat_|ddsat_"},
    TokenShape{.name = "New Relic key",
               .pattern = BOTTLE_LEFT "(?:NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_\\-]{32})",
               .homes = kNewRelic,
               .check = random_from<5, 27, 36>,
               .heads = "NRAK-|NRII-"},
    TokenShape{.name = "New Relic license key",
               .pattern = BOTTLE_LEFT "[a-f0-9]{36}NRAL",
               .homes = kNewRelic,
               .check = is_new_relic_license},
    TokenShape{.name = "Sentry token",
               .pattern = BOTTLE_LEFT "sntry(?:u_[a-f0-9]{64}|s_eyJ[A-Za-z0-9+/=]{60})",
               .homes = kSentry,
               .check = random_from<8, 56, 16>,
               .heads = "sntryu_|sntrys_",
               .alphabet = TokenAlphabet::Base64},
    // It lets send errors to a project, no more, and stands in every page that does.
    TokenShape{.name = "Sentry DSN",
               .pattern = "https://[a-f0-9]{32}(?::[a-f0-9]{32})?@[A-Za-z0-9.\\-]+/[0-9]",
               .homes = kSentry,
               .severity = Severity::Note,
               .check = random_from<8, 32, 16>,
               .heads = "https://",
               .alphabet = TokenAlphabet::Url},
    TokenShape{
        .name = "Grafana token",
        .pattern = BOTTLE_LEFT "gl(?:sa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|c_eyJ[A-Za-z0-9+/=]{32})",
        .homes = kGrafana,
        .check = random_from<5, 30, 62>,
        .heads = "glsa_|glc_",
        .alphabet = TokenAlphabet::Base64},
    TokenShape{.name = "Grafana API key",
               .pattern = BOTTLE_LEFT_OF_BASE64 "eyJrIjoi[A-Za-z0-9+/]{62}",
               .homes = kGrafana,
               .check = is_grafana_key,
               .heads = "eyJrIjoi",
               .alphabet = TokenAlphabet::Base64},
};

}  // namespace

std::span<const TokenShape> observability_shapes() noexcept { return kShapes; }

}  // namespace bottle
