#include "proxy/contract/guard_settings.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "proxy/contract/hex_digit.h"

namespace bottle {
namespace {

struct OnSecretWord {
  OnSecret rule;
  std::string_view word;
};
constexpr std::array kOnSecret{OnSecretWord{OnSecret::Refuse, "refuse"},
                               OnSecretWord{OnSecret::Redact, "redact"}};

struct AnswerWord {
  AnswerRule rule;
  std::string_view word;
};
constexpr std::array kAnswer{AnswerWord{AnswerRule::Off, "off"},
                             AnswerWord{AnswerRule::Note, "note"},
                             AnswerWord{AnswerRule::Block, "block"}};

struct OpaqueWord {
  OpaqueRule rule;
  std::string_view word;
};
constexpr std::array kOpaque{OpaqueWord{OpaqueRule::Guard, "guard"},
                             OpaqueWord{OpaqueRule::Scan, "scan"},
                             OpaqueWord{OpaqueRule::Refuse, "refuse"}};

// The one table of them. A name that begins with a dot is every name that ends so.
constexpr std::array<std::string_view, 22> kModelApis{
    "api.anthropic.com",
    "api.openai.com",
    "chatgpt.com",
    "generativelanguage.googleapis.com",
    "cloudcode-pa.googleapis.com",
    "aiplatform.googleapis.com",
    "-aiplatform.googleapis.com",
    "openrouter.ai",
    "api.mistral.ai",
    "codestral.mistral.ai",
    "api.groq.com",
    "api.cohere.com",
    "api.deepseek.com",
    "api.x.ai",
    "api.perplexity.ai",
    "api.together.xyz",
    "api.fireworks.ai",
    "api.cerebras.ai",
    "api.githubcopilot.com",
    ".githubcopilot.com",
    ".openai.azure.com",
    ".services.ai.azure.com",
};

// bedrock-runtime.eu-central-1.amazonaws.com
bool is_bedrock(std::string_view host) noexcept {
  return host.starts_with("bedrock-runtime.") && host.ends_with(".amazonaws.com");
}

Error wrong(std::string what, std::string hint) {
  return Error{ExitCode::kUsage, std::move(what), std::move(hint)};
}

struct HostAndWord {
  HostPattern host{.kind = HostPattern::Kind::Any, .host = {}, .port = {}};
  std::string_view word;
};

Expected<HostAndWord> split(std::string_view text) {
  HostAndWord out;
  const std::size_t equals = text.rfind('=');
  out.word = equals == std::string_view::npos ? text : text.substr(equals + 1);
  if (equals == std::string_view::npos) return out;
  auto host = HostPattern::parse_without_port(text.substr(0, equals));
  if (!host) {
    return wrong("\"" + std::string(text.substr(0, equals)) + "\": " + host.error().message,
                 host.error().hint);
  }
  out.host = std::move(*host);
  return out;
}

std::optional<OpaqueRule> said_of_opaque(const std::vector<GuardRule>& rules, HostKind kind,
                                         std::string_view host) {
  for (const GuardRule& rule : rules) {
    if (rule.opaque && rule.host.matches(kind, host)) return rule.opaque;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(OnSecret rule) noexcept {
  return kOnSecret[static_cast<std::size_t>(rule)].word;
}

std::string_view to_string(AnswerRule rule) noexcept {
  return kAnswer[static_cast<std::size_t>(rule)].word;
}

std::string_view to_string(OpaqueRule rule) noexcept {
  return kOpaque[static_cast<std::size_t>(rule)].word;
}

std::optional<OnSecret> on_secret_by_word(std::string_view word) noexcept {
  for (const OnSecretWord& row : kOnSecret) {
    if (row.word == word) return row.rule;
  }
  return std::nullopt;
}

std::optional<AnswerRule> answer_rule_by_word(std::string_view word) noexcept {
  for (const AnswerWord& row : kAnswer) {
    if (row.word == word) return row.rule;
  }
  return std::nullopt;
}

std::optional<OpaqueRule> opaque_rule_by_word(std::string_view word) noexcept {
  for (const OpaqueWord& row : kOpaque) {
    if (row.word == word) return row.rule;
  }
  return std::nullopt;
}

Expected<GuardRule> parse_on_secret(std::string_view text) {
  auto parts = split(text);
  if (!parts) return parts.error();
  const auto rule = on_secret_by_word(parts->word);
  if (!rule) {
    return wrong("\"" + std::string(parts->word.substr(0, 100)) +
                     "\" is no rule for secrets; there are refuse and redact",
                 "write the word alone for every host, or HOST=redact for one");
  }
  return GuardRule{.host = std::move(parts->host), .on_secret = rule};
}

Expected<GuardRule> parse_responses(std::string_view text) {
  auto parts = split(text);
  if (!parts) return parts.error();
  const auto rule = answer_rule_by_word(parts->word);
  if (!rule) {
    return wrong("\"" + std::string(parts->word.substr(0, 100)) +
                     "\" is no rule for responses; there are off, note and block",
                 "write the word alone for every host, or HOST=block for one");
  }
  return GuardRule{.host = std::move(parts->host), .responses = rule};
}

Expected<GuardRule> parse_opaque(std::string_view text) {
  auto parts = split(text);
  if (!parts) return parts.error();
  const auto rule = opaque_rule_by_word(parts->word);
  if (!rule) {
    return wrong("\"" + std::string(parts->word.substr(0, 100)) +
                     "\" is no rule for unreadable text; there are guard, scan and refuse",
                 "write the word alone for every host, or HOST=scan for one");
  }
  return GuardRule{.host = std::move(parts->host), .opaque = rule};
}

std::string problem_with_fingerprint(std::string_view text) {
  constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
  if (text.size() != kFingerprintCharacters) {
    return "a fingerprint has " + std::to_string(kFingerprintCharacters) + " characters, not " +
           std::to_string(text.size());
  }
  if (text.find_first_not_of(kBase32) != std::string_view::npos) {
    return "a fingerprint has small letters and the digits 2 to 7 only";
  }
  return {};
}

std::optional<FingerprintKey> fingerprint_key_of_hex(std::string_view hex) noexcept {
  FingerprintKey key{};
  if (hex.size() != 2 * key.size()) return std::nullopt;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const std::uint8_t high = hex_digit(hex[2 * i]);
    const std::uint8_t low = hex_digit(hex[2 * i + 1]);
    if (high == kNoDigit || low == kNoDigit) return std::nullopt;
    key[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return key;
}

std::string to_hex(const FingerprintKey& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : key) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

bool is_model_api(std::string_view host) noexcept {
  if (is_bedrock(host)) return true;
  return std::any_of(kModelApis.begin(), kModelApis.end(), [host](std::string_view name) {
    const bool is_end = name.front() == '.' || name.front() == '-';
    return is_end ? host.size() > name.size() && host.ends_with(name) : host == name;
  });
}

OnSecret GuardSettings::on_secret(HostKind kind, std::string_view host) const {
  for (const GuardRule& rule : rules) {
    if (rule.on_secret && rule.host.matches(kind, host)) return *rule.on_secret;
  }
  return OnSecret::Refuse;
}

AnswerRule GuardSettings::responses(HostKind kind, std::string_view host) const {
  for (const GuardRule& rule : rules) {
    if (rule.responses && rule.host.matches(kind, host)) return *rule.responses;
  }
  return kind == HostKind::Name && is_model_api(host) ? AnswerRule::Off : AnswerRule::Note;
}

OpaqueRule GuardSettings::opaque(HostKind kind, std::string_view host) const {
  return said_of_opaque(rules, kind, host).value_or(OpaqueRule::Guard);
}

bool GuardSettings::passes_unread(HostKind kind, std::string_view host) const {
  return said_of_opaque(rules, kind, host) == OpaqueRule::Guard;
}

bool GuardSettings::ignores(std::string_view fingerprint) const noexcept {
  return !fingerprint.empty() &&
         std::find(ignore.begin(), ignore.end(), fingerprint) != ignore.end();
}

}  // namespace bottle
