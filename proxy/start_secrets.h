#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/config/secrets_file.h"
#include "proxy/contract/error.h"
#include "proxy/control/secret_book.h"
#include "proxy/credentials/login_tokens.h"
#include "proxy/guard/pending_secrets.h"
#include "proxy/snapshot.h"

namespace bottle {

// The secrets that a proxy starts with, and how to make others of the same kind. Owned by
// ProxyServices, outlives the server. One thread.
class StartSecrets {
 public:
  // Begins to compile `handed` on a thread of its own, or, if a process before this one has
  // handed it on, the list `kept` with what the logins' stores have by now.
  [[nodiscard]] static Expected<std::unique_ptr<StartSecrets>> make(
      const Config& config, HandedSecrets handed, std::optional<std::vector<SecretSpec>> kept);

  [[nodiscard]] const FingerprintKey& key() const noexcept { return options_.key; }
  [[nodiscard]] const GuardOptions& options() const noexcept { return options_; }
  [[nodiscard]] SecretBook& book() noexcept { return book_; }
  // Of the parent proxy; holds until the process ends.
  [[nodiscard]] const std::optional<std::string>& parent_password() const noexcept {
    return parent_password_;
  }
  [[nodiscard]] LoginTokens* logins() noexcept { return logins_.get(); }  // null: there are none
  // The first snapshot, without a policy; waits until it is there.
  [[nodiscard]] Expected<Snapshot> wait();

 private:
  StartSecrets(std::vector<SecretSpec> secrets, GuardOptions options,
               std::unique_ptr<PendingSecrets> pending, std::unique_ptr<LoginTokens> logins,
               std::optional<std::string> parent_password);

  const GuardOptions options_;
  SecretBook book_;
  std::unique_ptr<PendingSecrets> pending_;
  const std::unique_ptr<LoginTokens> logins_;
  const std::optional<std::string> parent_password_;
};

// For fingerprints that hold for one run of the proxy.
[[nodiscard]] FingerprintKey random_key();

}  // namespace bottle
