#include "launcher/plan/login_client.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "launcher/plan/placeholder.h"
#include "proxy/contract/token_parts.h"

namespace bottle::launcher {
namespace {

using Json = nlohmann::json;

// No scanner knows it as a token's: the refresh token stands in a body.
constexpr std::string_view kRefreshBegin = "bottle-refresh-";
constexpr std::size_t kShortestRefresh = kRefreshBegin.size() + 16;

// The names of a token in a token answer and in the agent's file.
struct TokenName {
  const char* in_answer;
  const char* in_file;
};

const std::vector<TokenName>& names_of(LoginFormat format) {
  static const std::vector<TokenName> kClaude{{"access_token", "accessToken"},
                                              {"refresh_token", "refreshToken"}};
  static const std::vector<TokenName> kCodex{{"access_token", "access_token"},
                                             {"refresh_token", "refresh_token"},
                                             {"id_token", "id_token"}};
  return format == LoginFormat::kClaude ? kClaude : kCodex;
}

const char* object_of(LoginFormat format) {
  return format == LoginFormat::kClaude ? "claudeAiOauth" : "tokens";
}

Error unusable(const LoginClient& client, const std::string& why) {
  return Error{ExitCode::kEnvironment,
               "this is no login of " + std::string(client.title) + ": " + why,
               "log in with " + std::string(client.title) +
                   " first, or let bottle do it: bottle "
                   "login " +
                   std::string(client.name)};
}

// The rest that the agent needs to know of its login, and no other secret that its file may have.
Json kept_of(LoginFormat format, const Json& file) {
  Json kept = Json::object();
  const auto take = [](const Json& from, Json& to, std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (const auto at = from.find(name); at != from.end()) to[name] = *at;
    }
  };
  const Json& object = file[object_of(format)];
  Json& tokens = kept[object_of(format)] = Json::object();
  if (format == LoginFormat::kClaude) {
    take(object, tokens, {"expiresAt", "scopes", "subscriptionType", "rateLimitTier", "clientId"});
    return kept;
  }
  take(object, tokens, {"account_id"});
  take(file, kept, {"auth_mode", "last_refresh"});
  return kept;
}

std::string time_text(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

Expected<std::string> refresh_placeholder(std::size_t size) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out(kRefreshBegin);
  while (out.size() < size) {
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
      return system_error("there are no random numbers", errno);
    }
    out += kLetters[number % kLetters.size()];
  }
  return out;
}

Expected<std::string> placeholder_of(const LoginClient& client, const std::string& name,
                                     const std::string& token) {
  const std::string part(secret_part(token));
  if (name == "refresh_token" && part.size() >= kShortestRefresh) {
    return refresh_placeholder(part.size());
  }
  PlaceholderSource source{.key = {}, .place = "login"};
  if (::getrandom(source.key.data(), source.key.size(), 0) !=
      static_cast<ssize_t>(source.key.size())) {
    return system_error("there are no random numbers", errno);
  }
  const auto made = placeholder_for(source, "the login " + std::string(client.name), part);
  if (!made) return Error{ExitCode::kEnvironment, made.error().message, ""};
  return std::string(made->reveal());
}

std::optional<Json> object_in(const LoginClient& client, std::string_view text) {
  Json file = Json::parse(text, nullptr, false);
  const bool there = file.is_object() && file.contains(object_of(client.format)) &&
                     file[object_of(client.format)].is_object();
  if (!there) return std::nullopt;
  return file;
}

}  // namespace

std::span<const LoginClient> login_clients() {
  static const std::vector<LoginClient> kClients{
      {.name = "claude",
       .title = "Claude Code",
       .format = LoginFormat::kClaude,
       .folder = ".claude",
       .folder_variable = "CLAUDE_CONFIG_DIR",
       .file = ".credentials.json",
       .token_host = "platform.claude.com",
       .token_path = "/v1/oauth/token",
       .hosts = {"api.anthropic.com", "platform.claude.com", "mcp-proxy.anthropic.com"},
       .login_hosts = {"platform.claude.com", "api.anthropic.com", "claude.ai", "claude.com"},
       .login_command = {"claude", "auth", "login"}},
      {.name = "codex",
       .title = "Codex",
       .format = LoginFormat::kCodex,
       .folder = ".codex",
       .folder_variable = "CODEX_HOME",
       .file = "auth.json",
       .token_host = "auth.openai.com",
       .token_path = "/oauth/token",
       .hosts = {"chatgpt.com", "api.openai.com"},
       .login_hosts = {"auth.openai.com", "chatgpt.com", "api.openai.com"},
       .login_command = {"codex", "login", "--device-auth"}},
  };
  return kClients;
}

const LoginClient* find_login_client(std::string_view name) {
  for (const LoginClient& one : login_clients()) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

std::string login_client_names() {
  std::string out;
  for (const LoginClient& one : login_clients()) {
    out += (out.empty() ? "" : ", ") + std::string(one.name);
  }
  return out;
}

Expected<StoredLogin> login_in(const LoginClient& client, std::string_view text) {
  const auto file = object_in(client, text);
  if (!file) {
    return unusable(client, "it has no \"" + std::string(object_of(client.format)) + "\"");
  }
  if (has_placeholders(client, text)) return unusable(client, "it has placeholders for tokens");
  StoredLogin login;
  for (const auto& [name, key] : names_of(client.format)) {
    const Json& object = (*file)[object_of(client.format)];
    const auto at = object.find(key);
    const bool token = at != object.end() && at->is_string() &&
                       at->get_ref<const std::string&>().size() >= kMinTokenSize;
    if (!token) return unusable(client, std::string("it has no ") + key);
    auto value = at->get<std::string>();
    auto placeholder = placeholder_of(client, name, value);
    if (!placeholder) return placeholder.error();
    login.placeholders.emplace(name, std::move(*placeholder));
    login.tokens.emplace(name, std::move(value));
  }
  login.client_file = kept_of(client.format, *file).dump();
  return login;
}

Expected<std::string> client_file(const LoginClient& client, const StoredLogin& login) {
  constexpr std::int64_t kSecond = 1000;
  Json file = Json::parse(login.client_file, nullptr, false);
  Json& object = file[object_of(client.format)];
  for (const auto& [name, key] : names_of(client.format)) {
    const auto token = login.tokens.find(name);
    const auto placeholder = login.placeholders.find(name);
    if (token == login.tokens.end() || placeholder == login.placeholders.end()) {
      return unusable(client, std::string("what bottle keeps has no ") + key);
    }
    object[key] = shown_token(token->second, placeholder->second);
  }
  if (client.format == LoginFormat::kClaude) {
    if (login.expires_in) {
      object["expiresAt"] = login.refreshed_ms + *login.expires_in * kSecond;
    }
  } else {
    file["OPENAI_API_KEY"] = nullptr;
    if (login.refreshed_ms > 0) file["last_refresh"] = time_text(login.refreshed_ms);
  }
  return file.dump(2) + "\n";
}

bool has_placeholders(const LoginClient& client, std::string_view text) {
  const auto file = object_in(client, text);
  if (!file) return false;
  const auto& names = names_of(client.format);
  const Json& object = (*file)[object_of(client.format)];
  return std::any_of(names.begin(), names.end(), [&object](const TokenName& name) {
    const auto at = object.find(name.in_file);
    return at != object.end() && at->is_string() &&
           at->get_ref<const std::string&>().starts_with(kRefreshBegin);
  });
}

}  // namespace bottle::launcher
