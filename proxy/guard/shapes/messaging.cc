#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Tokens of services that send messages.
namespace bottle {
namespace {

// Its older methods take a form field "token".
constexpr std::array kSlack = {
    TokenHome{.host = "slack.com", .body = true},
    TokenHome{.host = "*.slack.com", .body = true},
};
// Its gateway takes it in a message.
constexpr std::array kDiscord = {
    TokenHome{.host = "discord.com"},
    TokenHome{.host = "*.discord.com"},
    TokenHome{.host = "*.discord.gg", .body = true},
    TokenHome{.host = "discordapp.com"},
};
// The token is in the path of each call.
constexpr std::array kTelegram = {
    TokenHome{.host = "api.telegram.org", .header = false, .url = true},
};
constexpr std::array kTwilio = {
    TokenHome{.host = "*.twilio.com", .url = true},
};
constexpr std::array kMailgun = {
    TokenHome{.host = "api.mailgun.net"},
    TokenHome{.host = "api.eu.mailgun.net"},
};
constexpr std::array kSendGrid = {
    TokenHome{.host = "api.sendgrid.com"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "Slack token",
               .pattern = BOTTLE_LEFT "xox[abeoprs]-[0-9]{1,14}-[A-Za-z0-9\\-]{16}",
               .homes = kSlack,
               .check = is_slack_token,
               .heads = "xox"},
    TokenShape{.name = "Slack app token",
               .pattern = BOTTLE_LEFT "xapp-[0-9]-[A-Z0-9]{8,14}-[0-9]{10,14}-[a-f0-9]{32}",
               .homes = kSlack,
               .check = random_behind<'-', 4, 32, 16>,
               .heads = "xapp-"},
    TokenShape{.name = "Slack webhook",
               .pattern = "hooks\\.slack\\.com/(?:services|workflows)/T[A-Z0-9]{8,12}/"
                          "[AB][A-Z0-9]{8,12}/[A-Za-z0-9]{18}",
               .homes = {},
               .check = random_behind<'/', 4, 18, 62>,
               .heads = "hooks.slack.com",
               .alphabet = TokenAlphabet::Url},
    // It begins with the bot's id, a number of 17 to 20 digits, in base64: three digits become
    // these four letters. Without that, the matcher has to try at each word of base64.
    TokenShape{.name = "Discord bot token",
               .pattern = BOTTLE_LEFT "(?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){5}[A-Za-z0-9_\\-]{3,8}"
                                      "\\.[A-Za-z0-9_\\-]{6}\\.[A-Za-z0-9_\\-]{27}",
               .homes = kDiscord,
               .check = is_discord_token,
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{
        .name = "Discord webhook",
        .pattern =
            "discord(?:app)?\\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{17,20}/[A-Za-z0-9_\\-]{60}",
        .homes = {},
        .check = is_discord_webhook,
        .heads = "discord.com|discordapp.com",
        .alphabet = TokenAlphabet::Url},
    TokenShape{.name = "Telegram bot token",
               .pattern = "(?:^|[^A-Za-z0-9_\\-:.]|bot)[0-9]{8,10}:AA[A-Za-z0-9_\\-]{33}",
               .homes = kTelegram,
               .check = is_telegram_token,
               .alphabet = TokenAlphabet::Dotted},
    TokenShape{.name = "Twilio API key",
               .pattern = BOTTLE_LEFT_OF_BASE64 "SK[a-f0-9]{32}",
               .homes = kTwilio,
               .check = random_from<2, 32, 16>,
               .heads = "SK"},
    TokenShape{.name = "Twilio auth token",
               .pattern = "(?i:twilio)" BOTTLE_JOINT "(?i:auth)?" BOTTLE_JOINT
                          "(?i:token|secret)" BOTTLE_IS "[a-f0-9]{32}",
               .homes = kTwilio,
               .check = random_setting<32, 16>,
               .heads = "twilio",
               .named = true},
    TokenShape{.name = "Mailgun key",
               .pattern = BOTTLE_LEFT "(?:key-[a-f0-9]{32}|[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8})",
               .homes = kMailgun,
               .check = is_mailgun_key},
    TokenShape{.name = "SendGrid key",
               .pattern = BOTTLE_LEFT "SG\\.[A-Za-z0-9_\\-]{22}\\.[A-Za-z0-9_\\-]{43}",
               .homes = kSendGrid,
               .check = random_from<3, 66, 64>,
               .heads = "SG.",
               .alphabet = TokenAlphabet::Dotted},
};

}  // namespace

std::span<const TokenShape> messaging_shapes() noexcept { return kShapes; }

}  // namespace bottle
