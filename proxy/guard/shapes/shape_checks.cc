#include "proxy/guard/shapes/shape_checks.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "proxy/contract/checksum.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {
namespace {

bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_quote(char c) noexcept { return c == '"' || c == '\'' || c == '`' || c == '\\'; }

// True if the last six of 36 characters are the CRC-32 of the thirty before, in base 62, as GitHub
// and npm publish it.
bool has_checksum(std::string_view body) noexcept {
  return body.substr(30) == token_checksum(body.substr(0, 30));
}

// A right checksum makes a token of anything. A wrong one is no reason to let a random value pass:
// the makers may change the rule.
bool is_summed_token(std::string_view text) noexcept {
  if (text.size() < 40) return false;
  const std::string_view body = text.substr(4, 36);
  return has_checksum(body) || looks_random(body, 62);
}

bool all_of(std::string_view text, bool (*is)(char) noexcept) noexcept {
  return std::all_of(text.begin(), text.end(), is);
}

std::string_view next_word(std::string_view& text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && !is_space(text[end])) ++end;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

}  // namespace

std::string_view setting_value(std::string_view text) noexcept {
  std::size_t at = text.find_first_of(":=");
  if (at == std::string_view::npos) return {};
  while (at < text.size() && (text[at] == ':' || text[at] == '=' || text[at] == '>')) ++at;
  while (at < text.size() && (is_space(text[at]) || is_quote(text[at]))) ++at;
  return text.substr(at);
}

bool is_github_token(std::string_view text) noexcept { return is_summed_token(text); }
bool is_npm_token(std::string_view text) noexcept { return is_summed_token(text); }

bool is_aws_secret(std::string_view text) noexcept {
  const std::string_view value = setting_value(text);
  if (value.size() < 40) return false;
  const std::string_view body = value.substr(0, 40);
  if (value.size() > 40 && (is_alnum(value[40]) || value[40] == '/' || value[40] == '+')) {
    return false;
  }
  return !all_of(body, is_hex) && looks_random(body, 64);
}

bool is_discord_token(std::string_view text) noexcept {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos || text.size() < first + 35) return false;
  const std::string_view id = text.substr(0, first);
  if (text[first + 7] != '.') return false;
  const std::string number = decode_base64(id);
  // The bot's id: a number of 17 to 20 digits.
  if (number.size() < 17 || number.size() > 20 || !all_of(number, is_digit)) return false;
  return looks_random(text.substr(first + 8, 27), 64) &&
         !is_documented_example(text.substr(0, first + 35));
}

bool is_telegram_token(std::string_view text) noexcept {
  if (text.starts_with("bot")) text.remove_prefix(3);  // as in the path of a call
  const std::size_t colon = text.find(':');
  if (colon < 8 || colon > 10 || text.size() < colon + 36) return false;
  const std::string_view id = text.substr(0, colon);
  return all_of(id, is_digit) && id.front() != '0' && text.substr(colon + 1, 2) == "AA" &&
         looks_random(text.substr(colon + 3, 33), 64) &&
         !is_documented_example(text.substr(0, colon + 36));
}

bool is_slack_token(std::string_view text) noexcept {
  // "xoxb-", a number, and 16 more: another number's digits, or a random value.
  const std::size_t dash = text.find('-', 5);
  if (dash == std::string_view::npos || text.size() < dash + 17) return false;
  const std::string_view body = text.substr(dash + 1, 16);
  if (text.substr(0, dash + 17).find("12345") != std::string_view::npos) return false;
  // Digits are regular by chance too often.
  const bool number = all_of(body.substr(0, 8), is_digit);
  return entropy(body) > 1.5 && (number || !is_documented_example(body));
}

bool is_azure_client_secret(std::string_view text) noexcept {
  const std::size_t mark = text.find("Q~");
  return mark == 4 && is_digit(text[3]) && text.size() >= 37 &&
         looks_random(text.substr(6, 31), 64);
}

bool is_azure_connection_key(std::string_view text) noexcept {
  // Of 32 bytes for a bus, of 64 for storage.
  const std::string_view value = setting_value(text);
  if (value.size() < 43 || !looks_random(value.substr(0, 43), 64)) return false;
  return !is_documented_example(value.substr(0, 88));
}

bool is_cloudflare_setting(std::string_view text) noexcept {
  if (random_setting<40, 64>(text)) return true;
  const std::string_view value = setting_value(text);
  return random_setting<37, 16>(text) && all_of(value.substr(0, 37), is_hex);
}

bool is_datadog_setting(std::string_view text) noexcept {
  return random_setting<32, 16>(text) || random_setting<40, 16>(text);
}

bool is_supabase_token(std::string_view text) noexcept {
  const std::size_t mark = text.substr(0, 12).rfind('_');
  if (mark == std::string_view::npos || text.size() < mark + 32) return false;
  const std::string_view body = text.substr(mark + 1, 31);
  return looks_random(body, all_of(body, is_hex) ? 16 : 64);
}

bool is_discord_webhook(std::string_view text) noexcept {
  const std::size_t at = text.find("webhooks/");
  if (at == std::string_view::npos) return false;
  return random_behind<'/', 2, 60, 64>(text.substr(at));
}

bool is_mailgun_key(std::string_view text) noexcept {
  return text.starts_with("key-") ? random_from<4, 32, 16>(text) : random_from<0, 32, 16>(text);
}

bool is_old_vault_token(std::string_view text) noexcept {
  const std::string_view value = setting_value(text);
  return value.starts_with("s.") && random_from<2, 24, 62>(value);
}

bool is_doppler_token(std::string_view text) noexcept {
  // Behind the last dot: a service token names its configuration before it.
  std::size_t mark = text.rfind('.');
  while (mark != std::string_view::npos && mark > 0 && text.size() < mark + 41) {
    mark = text.rfind('.', mark - 1);
  }
  return mark != std::string_view::npos && text.size() >= mark + 41 &&
         looks_random(text.substr(mark + 1, 40), 62);
}

bool is_square_access_token(std::string_view text) noexcept {
  const std::size_t at = text.find("EAAA");
  return at != std::string_view::npos && random_from<4, 60, 64>(text.substr(at));
}

bool is_heroku_key(std::string_view text) noexcept {
  const std::string_view value = setting_value(text);
  if (value.size() < 36 || (value.size() > 36 && is_word(value[36]))) return false;
  std::string digits(value.substr(0, 36));
  std::erase(digits, '-');
  return digits.size() == 32 && all_of(digits, is_hex) && looks_random(digits, 16);
}

bool is_new_relic_license(std::string_view text) noexcept {
  return text.size() >= 40 && text.substr(36, 4) == "NRAL" && all_of(text.substr(0, 36), is_hex) &&
         looks_random(text.substr(0, 32), 16);
}

bool is_age_key(std::string_view text) noexcept { return random_from<16, 58, 32>(text); }

bool is_private_key(std::string_view text) noexcept {
  const std::size_t mark = text.find("KEY", 11);
  if (mark == std::string_view::npos) return false;
  std::string_view rest = text.substr(mark);
  rest.remove_prefix(std::min(rest.find("-----"), rest.size() - 5) + 5);
  // The shortest, an Ed25519 key, has 64 characters. Fewer, when the text shows where they end, are
  // documentation that is cut short.
  std::string body;
  bool ended = false;
  for (std::size_t i = 0; i < rest.size() && !ended && body.size() < 64; ++i) {
    const char c = rest[i];
    if (c == '\\' && i + 1 < rest.size()) {
      ++i;  // "\n" of a string
    } else if (is_alnum(c) || c == '+' || c == '/' || c == '=') {
      body.push_back(c);
    } else if (c == '-' && body.size() < 8) {
      continue;  // in a header line's name
    } else if (c == '.' || c == '-' || c == '<' || c == '*' || c == '[') {
      ended = true;
    } else if (c == ':') {
      return true;  // a header line: "Proc-Type: 4,ENCRYPTED"
    }
  }
  if (ended && body.size() < 64) return false;
  return !is_regular(body) && entropy(body) > 2.5 && !contains_any_case(body, "example") &&
         !contains_any_case(body, "yourprivatekey");
}

bool is_grafana_key(std::string_view text) noexcept {
  const std::string decoded = decode_base64(text.substr(0, 400));
  return decoded.starts_with("{\"k\":\"") &&
         looks_random(std::string_view(decoded).substr(6, 24), 62);
}

bool is_netrc_line(std::string_view text) noexcept {
  (void)next_word(text);  // "machine"
  const std::string_view host = next_word(text);
  (void)next_word(text);
  (void)next_word(text);
  (void)next_word(text);
  const std::string_view password = next_word(text);
  return !host.empty() && !contains_any_case(host, "example") &&
         host.find('.') != std::string_view::npos && password.size() >= 4 &&
         !is_placeholder_password(password);
}

bool is_basic_authorization(std::string_view text) noexcept {
  std::size_t at = 0;
  for (; at + 5 < text.size(); ++at) {
    if (contains_any_case(text.substr(at, 5), "basic")) break;
  }
  text.remove_prefix(std::min(at + 5, text.size()));
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  const std::string pair = decode_base64(text);
  const std::size_t colon = pair.find(':');
  if (colon == std::string::npos || colon == 0 || pair.front() == '{') return false;
  // Anything else is no text in base64, but text that happens to be in its alphabet.
  if (std::any_of(pair.begin(), pair.end(), [](char c) { return c < ' ' || c == '\x7f'; })) {
    return false;
  }
  const std::string_view password = std::string_view(pair).substr(colon + 1);
  return password.size() >= 4 && !is_placeholder_password(password) &&
         !contains_any_case(pair, "aladdin:open");
}

}  // namespace bottle
