#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "proxy/guard/shapes/shape_checks.h"

// The checks that take a text apart: JSON Web Tokens and URLs.
namespace bottle {
namespace {

struct DatabaseUrl {
  std::string_view user;
  std::string_view password;
  std::string_view host;
};

std::optional<DatabaseUrl> parse_database_url(std::string_view text) noexcept {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  text.remove_prefix(scheme + 3);
  // The last "@" before a "/" ends the password: passwords have "@" against the rules.
  const std::size_t at = text.substr(0, text.find_first_of("/?# \t\r\n,")).rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view pair = text.substr(0, at);
  const std::size_t colon = pair.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(at + 1);
  std::size_t end = 0;
  while (end < host.size() && (is_word(host[end]) || host[end] == '.')) ++end;
  return DatabaseUrl{pair.substr(0, colon), pair.substr(colon + 1), host.substr(0, end)};
}

bool is_this_machine(std::string_view host) noexcept {
  return host.empty() || host.starts_with("127.") || host == "0.0.0.0" ||
         contains_any_case(host, "localhost");
}

bool is_documented_host(std::string_view host) noexcept {
  constexpr std::array<std::string_view, 5> kWords = {"example", "your", "hostname", "domain.",
                                                      "myhost"};
  // RFC 6761 reserves these: they are no real hosts; ".local" is the link's own.
  constexpr std::array<std::string_view, 4> kEnds = {".test", ".local", ".invalid", ".example"};
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [host](std::string_view end) { return host.ends_with(end); }) ||
         std::any_of(kWords.begin(), kWords.end(),
                     [host](std::string_view word) { return contains_any_case(host, word); });
}

bool is_remote(const DatabaseUrl& url) noexcept {
  if (is_this_machine(url.host) || is_documented_host(url.host)) return false;
  // "postgres://user:user@" and "root:root": an example, too.
  if (url.password == url.user || is_placeholder_password(url.password)) return false;
  // A name without a dot is mostly a container of a test, with a password that is a word.
  return url.host.find('.') != std::string_view::npos ||
         (url.password.size() >= 12 && looks_random(url.password, 36));
}

// The member's value as it is written, up to the next comma or brace.
std::string_view member(std::string_view json, std::string_view name) noexcept {
  const std::size_t at = json.find(name);
  if (at == std::string_view::npos) return {};
  std::string_view rest = json.substr(at + name.size());
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == ':')) rest.remove_prefix(1);
  return rest.substr(0, rest.find_first_of(",}"));
}

struct Jwt {
  std::string header;
  std::string payload;
};

std::optional<Jwt> parse_jwt(std::string_view text) {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  Jwt jwt{decode_base64(text.substr(0, first)),
          decode_base64(text.substr(first + 1, second - first - 1))};
  const bool decodable =
      jwt.header.starts_with("{") && jwt.header.find('}') != std::string::npos &&
      jwt.payload.starts_with("{") &&
      (!member(jwt.header, "\"alg\"").empty() || !member(jwt.header, "\"typ\"").empty());
  if (!decodable || is_regular(text.substr(second + 1, 43))) return std::nullopt;
  return jwt;
}

}  // namespace

bool is_jwt(std::string_view text) noexcept {
  const auto jwt = parse_jwt(text);
  // The example of jwt.io and its many copies has both.
  return jwt && jwt->payload.find("John Doe") == std::string::npos &&
         jwt->payload.find("1234567890") == std::string::npos;
}

bool is_live_jwt(std::string_view text) noexcept {
  if (!is_jwt(text)) return false;
  const auto jwt = parse_jwt(text);
  const std::string_view written = member(jwt->payload, "\"exp\"");
  std::int64_t expiry = 0;
  const auto read = std::from_chars(written.data(), written.data() + written.size(), expiry);
  if (read.ec != std::errc()) return false;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  // Tests' tokens are made to last for ever; no service's lasts more than ten years.
  constexpr std::chrono::seconds kLongest = std::chrono::years{11};
  return expiry > now.count() && expiry < (now + kLongest).count();
}

bool is_service_role_jwt(std::string_view text) noexcept {
  const auto jwt = parse_jwt(text);
  return jwt && member(jwt->payload, "\"role\"").starts_with("\"service_role\"") &&
         jwt->payload.find("supabase-demo") == std::string::npos;
}

bool is_remote_database_url(std::string_view text) noexcept {
  const auto url = parse_database_url(text);
  return url && is_remote(*url);
}

bool is_harmless_database_url(std::string_view text) noexcept {
  const auto url = parse_database_url(text);
  return url && !is_remote(*url);
}

}  // namespace bottle
