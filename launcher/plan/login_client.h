#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/login_store.h"

namespace bottle::launcher {

// The files in which an agent keeps its login.
enum class LoginFormat {
  kClaude,  // {"claudeAiOauth": {"accessToken", "refreshToken", "expiresAt", …}}
  kCodex,   // {"tokens": {"id_token", "access_token", "refresh_token", "account_id"}, …}
};

// An agent whose login can be kept out of its bottles.
struct LoginClient {
  std::string_view name;
  std::string_view title;
  LoginFormat format;
  std::string_view folder;           // below the home
  std::string_view folder_variable;  // that names another one
  std::string_view file;             // in it
  std::string_view token_host;       // the endpoint for new tokens
  std::string_view token_path;
  std::vector<std::string_view> hosts;          // that get the access token
  std::vector<std::string_view> login_hosts;    // that its login needs
  std::vector<std::string_view> login_command;  // shows a URL or a code, and needs no browser here
};

std::span<const LoginClient> login_clients();
// Null: there is none of that name.
const LoginClient* find_login_client(std::string_view name);
// "claude, codex"
std::string login_client_names();

// The login in the text of the agent's own file, and placeholders for its tokens: for as long as it
// is kept, so that bottles that share a folder of the agent's agree. Nothing else of the file is
// taken. The Error (kEnvironment) has no token.
Expected<StoredLogin> login_in(const LoginClient& client, std::string_view text);

// The agent's own file, with the placeholders in the place of the tokens.
Expected<std::string> client_file(const LoginClient& client, const StoredLogin& login);

// True if the text is such a file: it has no token that is worth anything.
bool has_placeholders(const LoginClient& client, std::string_view text);

}  // namespace bottle::launcher
