#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/contract/error.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/contract/login_store.h"
#include "proxy/guard/secret_scanner.h"

namespace bottle {

struct HandedSecrets {
  std::vector<SecretSpec> values;
  std::vector<LoginSpec> logins;
  std::optional<FingerprintKey> key;
  std::optional<std::string> parent_password;  // also among `values`, if it is long enough
};

// The values that must not leave, as the launcher hands them over: one JSON object a line,
//   {"name": "TOKEN", "value": "…", "hosts": ["api.example.com"], "in_body": false}
//   {"name": "KEY", "value": "…", "hosts": ["api.example.com"], "placeholder": "…", "in":
//   ["header"]}
//   {"fingerprint_key": "64 hexadecimal digits"}
//   {"parent_password": "…"}
//   {"login": "claude", "directory": "/…", "hosts": ["api.example.com"],
//    "token_url": "https://auth.example.com/oauth/token", "placeholders": {"access_token": "…"}}
// `hosts` (where the value may go) and `in_body` may be absent; with a placeholder (KeptOut)
// `hosts` must be there, and `in` may be (header, any_header, query, body; or aws_signature alone).
// The key's line may be there once, and so may the parent's. Unknown keys are an error. No message
// ever holds a value. The Error (kUsage) names the line.
[[nodiscard]] Expected<HandedSecrets> parse_secret_lines(std::string_view text);

// Their text, from an inherited descriptor until its end, which it closes. Bounded in size and
// time.
[[nodiscard]] Expected<std::string> read_secret_text(int fd);
// The same, and what is in it.
[[nodiscard]] Expected<HandedSecrets> read_secrets(int fd);
inline constexpr std::size_t kMostSecretText = kMaxSecrets * (2 * kMaxSecret + 1024);

// Reads them from a regular file. Its owner must be this user or root, and no other user may write
// it; that others may read it is a warning in the log.
[[nodiscard]] Expected<HandedSecrets> read_secrets_file(const std::string& path);

// Those that the configuration names; none if it names none.
[[nodiscard]] Expected<HandedSecrets> handed_secrets(const Config& config);

}  // namespace bottle
