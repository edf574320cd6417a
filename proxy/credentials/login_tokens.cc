#include "proxy/credentials/login_tokens.h"

#include <algorithm>
#include <utility>

#include "proxy/contract/host_pattern.h"
#include "proxy/contract/token_parts.h"
#include "proxy/credentials/credential_use.h"
#include "proxy/credentials/token_exchange.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {
namespace {

constexpr const char* kAccess = "access_token";

// In which the agent sends the token itself. The refresh token goes into a body, where it is put in
// by the one who reads that.
KeptOut place_of(const std::string& name, std::string placeholder) {
  return KeptOut{.placeholder = std::move(placeholder),
                 .in_header = name == kAccess,
                 .in_body = name != kAccess,
                 .of_login = true};
}

std::vector<std::string> hosts_of(const LoginSpec& login, const std::string& token) {
  if (token == kAccess) return login.hosts;
  return {login.token_host};
}

std::string secret_name(const LoginSpec& login, const std::string& token) {
  return "login." + login.name + "." + token;
}

std::shared_ptr<const LoginValues> values_of(const LoginSpec& login, const StoredLogin& stored) {
  auto values = std::make_shared<LoginValues>();
  std::vector<SecretSpec> secrets;
  for (const auto& [name, placeholder] : login.placeholders) {
    const auto token = stored.tokens.find(name);
    if (token == stored.tokens.end()) continue;
    if (name == kAccess) {
      values->access_placeholder = placeholder;
      values->access_token = token->second;
    }
    const std::string_view part = secret_part(token->second);
    KeptOut place{.placeholder = placeholder, .in_header = name == kAccess};
    auto hosts = login.hosts;
    hosts.push_back(login.token_host);
    secrets.push_back(SecretSpec{.name = login.name,
                                 .value = std::string(part),
                                 .hosts = std::move(hosts),
                                 .kept_out = std::move(place)});
  }
  values->values = CredentialSet::make(secrets);
  return values;
}

}  // namespace

LoginTokens::LoginTokens(std::vector<LoginSpec> logins) {
  for (LoginSpec& one : logins) {
    logins_.push_back(
        std::make_unique<Known>(Known{.spec = std::move(one), .stamp = {}, .values = {}}));
  }
}

Expected<std::unique_ptr<LoginTokens>> LoginTokens::open(std::vector<LoginSpec> logins) {
  std::unique_ptr<LoginTokens> tokens(new LoginTokens(std::move(logins)));
  for (const auto& known : tokens->logins_) {
    const LoginSpec& login = known->spec;
    known->stamp = login.store.stamp();
    auto stored = login.store.read();
    if (!stored) return stored.error();
    known->values = values_of(login, *stored);
    for (const auto& [name, placeholder] : login.placeholders) {
      const auto token = stored->tokens.find(name);
      if (token == stored->tokens.end() || token->second.size() < kMinTokenSize) {
        return Error{ExitCode::kFiles, "the login " + login.name + " has no " + name,
                     "log in again: bottle login " + login.name};
      }
      tokens->secrets_.push_back(SecretSpec{.name = secret_name(login, name),
                                            .value = std::string(secret_part(token->second)),
                                            .hosts = hosts_of(login, name),
                                            .kept_out = place_of(name, placeholder)});
    }
  }
  return tokens;
}

std::vector<SecretSpec> LoginTokens::secrets() const {
  const std::lock_guard lock(mutex_);
  return secrets_;
}

void LoginTokens::on_change(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  changed_ = std::move(call);
}

bool LoginTokens::renew(const LoginSpec& login, const StoredLogin& stored) {
  bool changed = false;
  for (const auto& [name, token] : stored.tokens) {
    const std::string known = secret_name(login, name);
    for (SecretSpec& secret : secrets_) {
      if (secret.name != known || secret.value == secret_part(token)) continue;
      secret.value = secret_part(token);
      changed = true;
    }
  }
  return changed;
}

void LoginTokens::read_again(Known& login) {
  // Before the file: who changes it meanwhile is seen the next time.
  const auto stamp = login.spec.store.stamp();
  if (stamp == login.stamp) return;
  const auto stored = login.spec.store.read();
  login.stamp = stamp;
  login.values = values_of(login.spec, stored ? *stored : StoredLogin{});
  if (stored && renew(login.spec, *stored) && changed_) changed_();
}

std::shared_ptr<const LoginValues> LoginTokens::of_host(std::string_view host) {
  const std::lock_guard lock(mutex_);
  for (const auto& known : logins_) {
    const LoginSpec& login = known->spec;
    const bool here = host_matches(login.token_host, host) ||
                      std::any_of(login.hosts.begin(), login.hosts.end(),
                                  [host](const auto& one) { return host_matches(one, host); });
    if (!here) continue;
    read_again(*known);
    return known->values;
  }
  return nullptr;
}

const LoginSpec* LoginTokens::at_endpoint(std::string_view host, std::uint16_t port,
                                          std::string_view target) const {
  for (const auto& known : logins_) {
    const LoginSpec& login = known->spec;
    if (port == 443 && host == login.token_host && target == login.token_path) return &login;
  }
  return nullptr;
}

void LoginTokens::look_at(const LoginSpec& login) {
  const std::lock_guard lock(mutex_);
  for (const auto& known : logins_) {
    if (&known->spec == &login) read_again(*known);
  }
}

void put_login(Fields& fields, const LoginValues& login) {
  if (login.access_token.empty()) return;
  bool changed = false;
  Fields out;
  for (const Field field : fields) {
    std::string value(field.value);
    if (carries_credential(field.name)) {
      changed = put_token(value, login.access_placeholder, login.access_token) || changed;
    }
    out.add(field.name, value);
  }
  if (changed) fields = std::move(out);
}

}  // namespace bottle
