#include "proxy/guard/shapes/scanner_patterns.h"

#include <algorithm>
#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/token_text.h"

namespace bottle {
namespace {

constexpr std::string_view kKeyHeader = "Private Key Header";
constexpr std::string_view kUrlCredential = "Credential in URL";
constexpr std::string_view kEnvironmentSecret = "Environment Variable Secret";

// pipelock's two checks of numbers, over the run of characters that its pattern takes.
bool is_card_number(std::string_view text) noexcept {
  unsigned sum = 0;
  std::size_t digits = 0;
  const std::size_t end = std::min(text.find_first_not_of("0123456789 -"), text.size());
  for (std::size_t i = end; i-- > 0;) {
    if (text[i] == ' ' || text[i] == '-') continue;
    const auto digit = static_cast<unsigned>(text[i] - '0');
    const unsigned twice = 2 * digit;
    sum += digits++ % 2 == 0 ? digit : twice / 10 + twice % 10;
  }
  const bool american = text.starts_with("34") || text.starts_with("37");
  const bool japanese = text.starts_with("35");
  const bool fits = american   ? digits == 15
                    : japanese ? digits >= 16 && digits <= 19
                               : digits == 16 || digits == 19;
  return fits && sum % 10 == 0;
}

bool is_account_number(std::string_view text) noexcept {
  std::size_t end = 0;
  while (end < text.size() && is_alnum(text[end])) ++end;
  if (end < 15 || end > 34) return false;
  unsigned rest = 0;
  for (std::size_t i = 0; i < end; ++i) {
    const char c = text[(i + 4) % end];
    const bool digit = c >= '0' && c <= '9';
    const auto value = static_cast<unsigned>(digit ? c - '0' : (c | 0x20) - 'a' + 10);
    rest = (rest * (digit ? 10 : 100) + value) % 97;
  }
  return rest == 1;
}

// Patterns end where the shortest match does, so the boundary behind it is looked at here.
bool ends_at(std::string_view text, std::size_t size) noexcept {
  return text.size() <= size || (!is_alnum(text[size]) && text[size] != '_');
}
bool is_social_number(std::string_view text) noexcept { return ends_at(text, 11); }
bool is_hex_key(std::string_view text) noexcept { return ends_at(text, 66); }

// Every head is found in any letter case, as pipelock finds it.
constexpr TokenShape loose(std::string_view name, std::string_view pattern, std::string_view heads,
                           TokenAlphabet alphabet = TokenAlphabet::Word,
                           ShapeCheck check = nullptr) {
  return {.name = name,
          .pattern = pattern,
          .homes = {},
          .check = check,
          .heads = heads,
          .alphabet = alphabet,
          .named = !heads.empty()};
}

// A beginning that random base64 has now and then needs a boundary on its left, which pipelock does
// not ask for: an image or a ciphertext must not be changed.
#define ANY "(?i)"
#define EDGE "(?i)" BOTTLE_LEFT_OF_BASE64
#define BOTTLE_ISSUER                                                                        \
  "(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|3[47][0-9]{2}|35[2-8][0-9]|6011|64[4-9][0-9]|" \
  "65[0-9]{2})"

constexpr std::array kShapes = {
    loose("Anthropic API Key", ANY "sk-ant-[a-z0-9\\-_]{10}", "sk-ant-"),
    loose("OpenAI API Key", ANY "sk-proj-[a-z0-9\\-_]{10}", "sk-proj-"),
    loose("OpenAI Service Key", ANY "sk-svcacct-[a-z0-9\\-]{10}", "sk-svcacct-"),
    loose("Fireworks API Key", EDGE "fw_[a-z0-9]{24}", "fw_"),
    loose("Google API Key", EDGE "AIza[a-z0-9\\-_]{35}", "AIza"),
    loose("Google OAuth Client Secret", ANY "GOCSPX-[a-z0-9_\\-]{28}", "GOCSPX-"),
    loose("Stripe Key", ANY "[sr]k[\\-_](?:live|test)[\\-_][a-z0-9]{20}", "sk_|sk-|rk_|rk-"),
    loose("Stripe Webhook Secret", ANY "whsec_[a-z0-9_\\-]{20}", "whsec_"),
    loose("GitHub Token", EDGE "gh[pousr]_[a-z0-9_]{36}", "ghp_|gho_|ghu_|ghs_|ghr_"),
    loose("GitHub Fine-Grained PAT", ANY "github_pat_[a-z0-9_]{36}", "github_pat_"),
    loose("GitLab PAT", ANY "glpat-[a-z0-9\\-_]{20}", "glpat-"),
    loose("AWS Access ID", EDGE "(?:AKIA|A3T|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA)[a-z0-9]{16}",
          "AKIA|A3T|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA"),
    loose("AWS Secret Key", ANY "secret.?access.?key\\s{0,8}[\"'=:\\s]{1,5}\\s{0,8}[a-z0-9/+=]{40}",
          "secret", TokenAlphabet::Base64),
    loose("GCP Service Account Key", ANY "\"type\"\\s{0,8}:\\s{0,8}\"service_account\"",
          "\"type\""),
    loose("Google OAuth Token", EDGE "ya29\\.[a-z0-9_\\-]{20}", "ya29.", TokenAlphabet::Dotted),
    loose("Slack Token", EDGE "xox[bpras]-[a-z0-9\\-]{15}", "xoxb-|xoxp-|xoxr-|xoxa-|xoxs-"),
    loose("Slack App Token", EDGE "xapp-[0-9]+-[a-z0-9_]+-[0-9]+-[a-f0-9]", "xapp-"),
    loose("Discord Bot Token", EDGE "[mn][a-z0-9]{23,99}\\.[a-z0-9\\-_]{6}\\.[a-z0-9\\-_]{27}", "",
          TokenAlphabet::Dotted),
    loose("Twilio API Key", EDGE "SK[a-f0-9]{32}", "SK"),
    loose("SendGrid API Key", EDGE "SG\\.[a-z0-9_\\-]{22}\\.[a-z0-9_\\-]{43}", "SG.",
          TokenAlphabet::Dotted),
    loose("Mailgun API Key", EDGE "key-[a-z0-9]{32}", "key-"),
    loose("New Relic API Key", ANY "NRAK-[a-z0-9]{27}", "NRAK-"),
    loose("Hugging Face Token", EDGE "hf_[a-z0-9]{20}", "hf_"),
    loose("Databricks Token", EDGE "dapi[a-z0-9]{30}", "dapi"),
    loose("Replicate API Token", EDGE "r8_[a-z0-9]{20}", "r8_"),
    loose("Together AI Key", EDGE "tok_[a-z0-9]{40}", "tok_"),
    loose("Pinecone API Key", EDGE "pcsk_[a-z0-9]{36}", "pcsk_"),
    loose("Groq API Key", EDGE "gsk_[a-z0-9]{48}", "gsk_"),
    loose("xAI API Key", EDGE "xai-[a-z0-9\\-_]{80}", "xai-"),
    loose("DigitalOcean Token", ANY "dop_v1_[a-f0-9]{64}", "dop_v1_"),
    loose("HashiCorp Vault Token", EDGE "hvs\\.[a-z0-9]{23}", "hvs.", TokenAlphabet::Dotted),
    loose("Vercel Token", EDGE "(?:vercel|vc[piark])_[a-z0-9]{24}", "vercel_|vc"),
    loose("Supabase Service Key", ANY "sb_secret_[a-z0-9_\\-]{20}", "sb_secret_"),
    loose("npm Token", EDGE "npm_[a-z0-9]{36}", "npm_"),
    loose("PyPI Token", EDGE "pypi-[a-z0-9_\\-]{16}", "pypi-"),
    loose("Linear API Key", ANY "lin_api_[a-z0-9]{40}", "lin_api_"),
    loose("Notion API Key", EDGE "ntn_[a-z0-9]{40}", "ntn_"),
    loose("Sentry Auth Token", ANY "sntrys_[a-z0-9]{40}", "sntrys_"),
    loose(kKeyHeader,
          ANY "-----BEGIN\\s{1,4}(?:(?:RSA|EC|DSA|OPENSSH)\\s{1,4})?PRIVATE\\s{1,4}KEY-----",
          "-----BEGIN", TokenAlphabet::Pem),
    loose("Extended Private Key", EDGE "[xyzt]prv[a-z1-9]{107}", "xprv|yprv|zprv|tprv"),
    loose("Ethereum Private Key", EDGE "0x[0-9a-f]{64}", "0x", TokenAlphabet::Word, is_hex_key),
    loose("Social Security Number", EDGE "[0-9]{3}-[0-9]{2}-[0-9]{4}", "", TokenAlphabet::Word,
          is_social_number),
    loose("Credit Card Number", EDGE BOTTLE_ISSUER "(?:[ \\-]?[0-9]){11,15}", "",
          TokenAlphabet::Spaced, is_card_number),
    loose("IBAN", EDGE "[a-z]{2}[0-9]{2}[a-z0-9]{11,30}", "", TokenAlphabet::Word,
          is_account_number),
    loose("Google OAuth Client ID", ANY "[0-9]{6}-[a-z0-9_]{32}\\.apps\\.googleusercontent\\.com",
          "", TokenAlphabet::Dotted),
    // pipelock takes out line ends first, so the name stands at the string's begin or behind ; ? &.
    loose(kUrlCredential,
          ANY "(?:^|[\"?&;])\\s{0,64}(?:password|passwd|secret|token|api[_\\-]?key)\\s{0,64}="
              "\\s{0,64}[\"'`]?[^\\s&\"]{3}",
          "password|passwd|secret|token|api", TokenAlphabet::Url),
    loose(kEnvironmentSecret,
          "[A-Z][A-Z0-9]*[_\\-](?:SECRET(?:[_\\-]ACCESS)?[_\\-]?KEY|SECRET|PASSWORD|PASSWD|TOKEN|"
          "API[_\\-]?KEY)\\s{0,64}=\\s{0,64}[\"'`]?[^\\s\"]{7}",
          "secret|password|passwd|token|api", TokenAlphabet::Url),
};

#undef ANY
#undef EDGE
#undef BOTTLE_ISSUER

}  // namespace

std::span<const TokenShape> scanner_shapes() noexcept { return kShapes; }

bool ends_at_space(std::string_view name) noexcept {
  return name == kUrlCredential || name == kEnvironmentSecret;
}

bool is_key_header(std::string_view name) noexcept { return name == kKeyHeader; }

}  // namespace bottle
