#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"

namespace bottle {

// A person's login at the maker of an agent: the tokens, by the names that RFC 6749 and OpenID give
// them in a token answer (access_token, refresh_token, id_token), and the rest of the agent's own
// file, in which the tokens are empty.
struct StoredLogin {
  std::map<std::string, std::string> tokens;
  // By the same names: the text that agents have in the place of each one's secret part.
  std::map<std::string, std::string> placeholders;
  std::int64_t refreshed_ms = 0;           // since 1970: when the tokens were made, as far as known
  std::optional<std::int64_t> expires_in;  // seconds from then on; nullopt: the agent's file tells
  std::string client_file;                 // a JSON object
};

// A directory (0700) with one login in a file (0600). The file is the truth for every bottle that
// uses the login: each start and each proxy reads it, and who changes it holds the lock. A value;
// any thread, any process of the user.
class LoginStore {
 public:
  explicit LoginStore(std::filesystem::path directory) : directory_(std::move(directory)) {}

  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }
  [[nodiscard]] std::filesystem::path file() const { return directory_ / "login.json"; }
  [[nodiscard]] bool exists() const;

  // The Error (kFiles) has no token: there is no file, others can read it, or it is no login.
  [[nodiscard]] Expected<StoredLogin> read() const;
  // Makes the directory if it is missing. On the disk when it returns; a reader sees the old login
  // or the new one, whole. The caller holds the lock.
  [[nodiscard]] Expected<void> write(const StoredLogin& login) const;
  // True if there was one. The caller holds the lock.
  [[nodiscard]] Expected<bool> remove() const;

  // The lock, until the descriptor is closed. nullopt: somebody else has it; never waits. Makes the
  // directory if it is missing.
  [[nodiscard]] Expected<std::optional<Fd>> try_lock() const;

  // Tells one state of the file from another. Equal: nothing has changed.
  struct Stamp {
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  [[nodiscard]] Stamp stamp() const;  // all zero: there is no file

 private:
  std::filesystem::path directory_;
};

// The first key of the line by which bottle-proxy's --secrets gets a LoginSpec.
inline constexpr const char* kLoginLine = "login";

// A login that the agent uses and does not have: where it is kept, and what the agent has instead.
struct LoginSpec {
  std::string name;                // "claude": shown in refusals and logs
  LoginStore store;                // of the person, shared with other bottles
  std::vector<std::string> hosts;  // that get the access token, in fields that carry credentials
  std::string token_host;          // the endpoint for new tokens, by https on port 443
  std::string token_path;          // "/oauth/token"
  // By the tokens' names: the text in the place of each one's secret part, and as long as that was
  // when the bottle started.
  std::map<std::string, std::string> placeholders;
};

}  // namespace bottle
