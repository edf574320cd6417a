#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/guard/shapes/token_text.h"

// The checks that the tables name. Each is given a text that begins where a token may begin and
// that may go on behind it.
namespace bottle {

// The first `Size` characters from `From` on look random over an alphabet of `Letters`.
template <std::size_t From, std::size_t Size, unsigned Letters>
bool random_from(std::string_view text) noexcept {
  return text.size() >= From + Size && looks_random(text.substr(From, Size), Letters);
}

// The same, behind the `Count`th `Mark`.
template <char Mark, unsigned Count, std::size_t Size, unsigned Letters>
bool random_behind(std::string_view text) noexcept {
  std::size_t from = 0;
  for (unsigned i = 0; i < Count; ++i) {
    from = text.find(Mark, from);
    if (from == std::string_view::npos) return false;
    ++from;
  }
  return text.size() >= from + Size && looks_random(text.substr(from, Size), Letters);
}

// The value behind a setting's name ("name": "value"), with what follows it in `text`.
[[nodiscard]] std::string_view setting_value(std::string_view text) noexcept;

// A setting's value is of exactly that size, so that a longer digest or id is none.
template <std::size_t Size, unsigned Letters>
bool random_setting(std::string_view text) noexcept {
  const std::string_view value = setting_value(text);
  if (value.size() < Size || (value.size() > Size && is_word(value[Size]))) return false;
  return looks_random(value.substr(0, Size), Letters);
}

[[nodiscard]] bool is_github_token(std::string_view text) noexcept;
[[nodiscard]] bool is_npm_token(std::string_view text) noexcept;
[[nodiscard]] bool is_aws_secret(std::string_view text) noexcept;
[[nodiscard]] bool is_discord_token(std::string_view text) noexcept;
[[nodiscard]] bool is_telegram_token(std::string_view text) noexcept;
[[nodiscard]] bool is_slack_token(std::string_view text) noexcept;
[[nodiscard]] bool is_azure_connection_key(std::string_view text) noexcept;
[[nodiscard]] bool is_azure_client_secret(std::string_view text) noexcept;
[[nodiscard]] bool is_cloudflare_setting(std::string_view text) noexcept;
[[nodiscard]] bool is_datadog_setting(std::string_view text) noexcept;
[[nodiscard]] bool is_supabase_token(std::string_view text) noexcept;
[[nodiscard]] bool is_discord_webhook(std::string_view text) noexcept;
[[nodiscard]] bool is_mailgun_key(std::string_view text) noexcept;
[[nodiscard]] bool is_old_vault_token(std::string_view text) noexcept;
[[nodiscard]] bool is_doppler_token(std::string_view text) noexcept;
[[nodiscard]] bool is_square_access_token(std::string_view text) noexcept;
[[nodiscard]] bool is_heroku_key(std::string_view text) noexcept;
[[nodiscard]] bool is_new_relic_license(std::string_view text) noexcept;
[[nodiscard]] bool is_age_key(std::string_view text) noexcept;
[[nodiscard]] bool is_private_key(std::string_view text) noexcept;
[[nodiscard]] bool is_grafana_key(std::string_view text) noexcept;

// A JSON Web Token (RFC 7519) that can be decoded; `live` ones have an expiry that is still to
// come, so that they open something now.
[[nodiscard]] bool is_jwt(std::string_view text) noexcept;
[[nodiscard]] bool is_live_jwt(std::string_view text) noexcept;
// Supabase's key that passes every row-level rule.
[[nodiscard]] bool is_service_role_jwt(std::string_view text) noexcept;

// A URL with a password that somebody chose, of a database on another machine.
[[nodiscard]] bool is_remote_database_url(std::string_view text) noexcept;
// The others that have a password: of this machine, or of documentation.
[[nodiscard]] bool is_harmless_database_url(std::string_view text) noexcept;
[[nodiscard]] bool is_netrc_line(std::string_view text) noexcept;
[[nodiscard]] bool is_basic_authorization(std::string_view text) noexcept;

}  // namespace bottle
