#include "proxy/start_secrets.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "proxy/credentials/credential_set.h"

namespace bottle {
namespace {

// True if a body may be redacted that then goes to pipelock.
bool redacts_for_pipelock(const Config& config) {
  const auto& rules = config.guard.rules;
  return config.upstream == UpstreamKind::Pipelock &&
         std::any_of(rules.begin(), rules.end(),
                     [](const GuardRule& rule) { return rule.on_secret == OnSecret::Redact; });
}

// A login's token, which may be in the list with a value of before.
void take_token(std::vector<SecretSpec>& values, SecretSpec token) {
  const auto before = std::find_if(values.begin(), values.end(), [&token](const SecretSpec& one) {
    return one.name == token.name;
  });
  if (before == values.end()) return values.push_back(std::move(token));
  if (before->value == token.value) return;
  before->former.insert(before->former.begin(), std::exchange(before->value, token.value));
  if (before->former.size() > kMaxFormer) before->former.resize(kMaxFormer);
}

}  // namespace

FingerprintKey random_key() {
  std::random_device random;
  FingerprintKey key{};
  std::generate(key.begin(), key.end(), [&] { return static_cast<std::uint8_t>(random()); });
  return key;
}

StartSecrets::StartSecrets(std::vector<SecretSpec> secrets, GuardOptions options,
                           std::unique_ptr<PendingSecrets> pending,
                           std::unique_ptr<LoginTokens> logins,
                           std::optional<std::string> parent_password)
    : options_(std::move(options)),
      book_(std::move(secrets)),
      pending_(std::move(pending)),
      logins_(std::move(logins)),
      parent_password_(std::move(parent_password)) {}

Expected<std::unique_ptr<StartSecrets>> StartSecrets::make(
    const Config& config, HandedSecrets handed, std::optional<std::vector<SecretSpec>> kept) {
  std::unique_ptr<LoginTokens> logins;
  std::vector<SecretSpec> values = kept ? std::move(*kept) : std::move(handed.values);
  if (!handed.logins.empty()) {
    auto opened = LoginTokens::open(std::move(handed.logins));
    if (!opened) return opened.error();
    logins = std::move(*opened);
    for (SecretSpec& token : logins->secrets()) take_token(values, std::move(token));
  }
  // Without a key of the user's, fingerprints hold for this process.
  const auto key = handed.key;
  GuardOptions options{.key = key ? *key : random_key(),
                       .ignore = config.guard.ignore,
                       .financial = config.guard.financial,
                       .scanner = redacts_for_pipelock(config)};
  // Compiling what the guard looks for takes longer than all the rest, so that goes on beside it.
  auto pending = PendingSecrets::begin(values, options);
  if (!pending) return pending.error();
  return std::unique_ptr<StartSecrets>(new StartSecrets(std::move(values), std::move(options),
                                                        std::move(*pending), std::move(logins),
                                                        std::move(handed.parent_password)));
}

Expected<Snapshot> StartSecrets::wait() {
  auto set = pending_->wait();
  if (!set) return set.error();
  Snapshot first{.secrets = std::move(*set),
                 .credentials = CredentialSet::make(book_.secrets()),
                 .policy = nullptr};
  if (!first.credentials->locked()) {
    spdlog::warn(
        "credentials may be written to swap: memory could not be locked; raise RLIMIT_MEMLOCK "
        "(ulimit -l), or turn swap off");
  }
  return first;
}

}  // namespace bottle
