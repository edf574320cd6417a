#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Credentials of clouds.
namespace bottle {
namespace {

// A key id is in each signed request's Authorization field, and in the query of a presigned URL.
constexpr std::array kAwsKeyId = {
    TokenHome{.host = "*.amazonaws.com", .url = true},
    TokenHome{.host = "*.api.aws", .url = true},
};
constexpr std::array kBedrock = {
    TokenHome{.host = "*.amazonaws.com"},
    TokenHome{.host = "*.api.aws"},
};
// "?key=" is its documented way.
constexpr std::array kGoogle = {
    TokenHome{.host = "*.googleapis.com", .url = true},
};
constexpr std::array kGoogleOauth = {
    TokenHome{.host = "*.googleapis.com"},
};
constexpr std::array kGoogleLogin = {
    TokenHome{.host = "oauth2.googleapis.com", .header = false, .body = true},
    TokenHome{.host = "accounts.google.com", .header = false, .body = true},
};
// A shared access signature is the query of a URL; buses and devices take it as a field.
constexpr std::array kAzureStorage = {
    TokenHome{.host = "*.core.windows.net", .header = false, .url = true},
    TokenHome{.host = "*.servicebus.windows.net", .url = true},
    TokenHome{.host = "*.azure-devices.net", .url = true},
};
constexpr std::array kMicrosoftLogin = {
    TokenHome{.host = "login.microsoftonline.com", .body = true},
};
constexpr std::array kDigitalOcean = {
    TokenHome{.host = "api.digitalocean.com"},
};
constexpr std::array kDatabricks = {
    TokenHome{.host = "*.cloud.databricks.com"},
    TokenHome{.host = "*.azuredatabricks.net"},
    TokenHome{.host = "*.gcp.databricks.com"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "AWS access key id",
               .pattern = BOTTLE_LEFT_OF_BASE64 "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
               .homes = kAwsKeyId,
               .check = random_from<4, 16, 32>,
               .heads = "AKIA|ASIA|ABIA|ACCA"},
    TokenShape{.name = "AWS secret access key",
               .pattern = "(?i:secret_?access_?key)" BOTTLE_IS "[A-Za-z0-9/+]{40}",
               .homes = {},
               .check = is_aws_secret,
               .heads = "secret",
               .alphabet = TokenAlphabet::Base64,
               .named = true},
    TokenShape{.name = "AWS Bedrock key",
               .pattern = BOTTLE_LEFT_OF_BASE64 "ABSK[A-Za-z0-9+/]{109}",
               .homes = kBedrock,
               .check = random_from<4, 109, 62>,
               .heads = "ABSK",
               .alphabet = TokenAlphabet::Base64},
    TokenShape{.name = "Azure storage key",
               .pattern = "(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{43}",
               .homes = {},
               .check = is_azure_connection_key,
               .heads = "AccountKey|SharedAccessKey",
               .alphabet = TokenAlphabet::Base64},
    // As it is when decoded: in a URL the base64 is percent-encoded.
    TokenShape{.name = "Azure shared access signature",
               .pattern = "[?&]sig=[A-Za-z0-9+/]{43}=",
               .homes = kAzureStorage,
               .check = random_from<5, 43, 64>,
               .heads = "?sig|&sig",
               .alphabet = TokenAlphabet::Url},
    TokenShape{.name = "Azure client secret",
               .pattern = "(?:^|[^A-Za-z0-9_~.\\-])[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\\-]{31}",
               .homes = kMicrosoftLogin,
               .check = is_azure_client_secret,
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Google API key",
               .pattern = BOTTLE_LEFT_OF_BASE64 "AIza[A-Za-z0-9_\\-]{35}",
               .homes = kGoogle,
               .check = random_from<4, 35, 64>,
               .heads = "AIza"},
    TokenShape{.name = "Google OAuth token",
               .pattern = BOTTLE_LEFT "ya29\\.[A-Za-z0-9_\\-]{40}",
               .homes = kGoogleOauth,
               .check = random_from<5, 40, 64>,
               .heads = "ya29.",
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Google OAuth client secret",
               .pattern = BOTTLE_LEFT "GOCSPX-[A-Za-z0-9_\\-]{28}",
               .homes = kGoogleLogin,
               .check = random_from<7, 28, 64>,
               .heads = "GOCSPX-"},
    TokenShape{.name = "Google service account",
               .pattern = "private_key_id[\\\\]?\"\\s{0,4}:\\s{0,4}[\\\\]?\"[a-f0-9]{40}",
               .homes = {},
               .check = random_setting<40, 16>,
               .heads = "private_key_id",
               .named = true},
    TokenShape{.name = "DigitalOcean token",
               .pattern = BOTTLE_LEFT "do[opr]_v1_[a-f0-9]{64}",
               .homes = kDigitalOcean,
               .check = random_behind<'_', 2, 64, 16>,
               .heads = "doo_|dop_|dor_"},
    TokenShape{.name = "Databricks token",
               .pattern = BOTTLE_LEFT "(?:dapi|dkea|dose)[a-f0-9]{32}",
               .homes = kDatabricks,
               .check = random_from<4, 32, 16>,
               .heads = "dapi|dkea|dose"},
};

}  // namespace

std::span<const TokenShape> cloud_shapes() noexcept { return kShapes; }

}  // namespace bottle
