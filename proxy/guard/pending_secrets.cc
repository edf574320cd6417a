#include "proxy/guard/pending_secrets.h"

#include <utility>

namespace bottle {

PendingSecrets::PendingSecrets(std::vector<SecretSpec> secrets, GuardOptions options)
    : compiling_(std::async(std::launch::async, &SecretSet::make, std::move(secrets),
                            std::move(options))) {}

Expected<std::unique_ptr<PendingSecrets>> PendingSecrets::begin(std::vector<SecretSpec> secrets,
                                                                GuardOptions options) {
  const auto checked = SecretSet::check(secrets);
  if (!checked) return checked.error();
  return std::unique_ptr<PendingSecrets>(
      new PendingSecrets(std::move(secrets), std::move(options)));
}

Expected<std::shared_ptr<const SecretSet>> PendingSecrets::wait() {
  if (compiling_.valid()) {
    auto compiled = compiling_.get();
    if (!compiled) return compiled.error();
    set_ = std::move(*compiled);
  }
  if (!set_) return Error{ExitCode::kInternal, "the secret scanner was not made", ""};
  return set_;
}

}  // namespace bottle
