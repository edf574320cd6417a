#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/login_store.h"
#include "proxy/credentials/credential_set.h"
#include "proxy/guard/secret_set.h"
#include "proxy/http/head.h"

namespace bottle {

// A login's tokens as they stood in the store at one moment. Immutable.
struct LoginValues {
  std::string access_placeholder;
  std::string access_token;                     // empty: the login is gone
  std::shared_ptr<const CredentialSet> values;  // of all tokens, to take them out of answers
};

// The logins of a proxy. The store of each is the truth: it is looked at for each request, so what
// another bottle refreshed counts here at once, and what the person removed is gone. Shared by all
// workers, outlives their exchanges; any thread.
class LoginTokens {
 public:
  // Reads them all. The Error (kFiles) names the login that cannot be read or has no token for one
  // of its placeholders.
  [[nodiscard]] static Expected<std::unique_ptr<LoginTokens>> open(std::vector<LoginSpec> logins);

  // The tokens and their placeholders, as the guard is to know them: as they were when the store
  // was looked at last. Those of a login that was removed stay.
  [[nodiscard]] std::vector<SecretSpec> secrets() const;
  // Called when secrets() has other values, on any thread. It may not wait or call this. Set before
  // the workers start.
  void on_change(std::function<void()> call);

  // The login that sends a token to the host; null: none. There is one for a host at most.
  [[nodiscard]] std::shared_ptr<const LoginValues> of_host(std::string_view host);
  // The login whose endpoint for new tokens it is; null: none. Lives as long as this.
  [[nodiscard]] const LoginSpec* at_endpoint(std::string_view host, std::uint16_t port,
                                             std::string_view target) const;
  // The login's store was written: looks at it.
  void look_at(const LoginSpec& login);

 private:
  struct Known {
    LoginSpec spec;
    LoginStore::Stamp stamp;
    std::shared_ptr<const LoginValues> values;
  };
  explicit LoginTokens(std::vector<LoginSpec> logins);
  void read_again(Known& login);
  [[nodiscard]] bool renew(const LoginSpec& login, const StoredLogin& stored);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Known>> logins_;
  std::vector<SecretSpec> secrets_;
  std::function<void()> changed_;
};

// Puts the access token into the fields by which clients show credentials.
void put_login(Fields& fields, const LoginValues& login);

}  // namespace bottle
