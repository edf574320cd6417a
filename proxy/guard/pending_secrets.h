#pragma once

#include <future>
#include <memory>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/guard/secret_set.h"

namespace bottle {

// A SecretSet that is being made on a thread of its own, beside the rest of the start. Its
// maker waits for it before the first request is looked at. One thread.
class PendingSecrets {
 public:
  // Fails at once on everything that SecretSet::check() sees.
  [[nodiscard]] static Expected<std::unique_ptr<PendingSecrets>> begin(
      std::vector<SecretSpec> secrets, GuardOptions options = {});

  // The set; waits until it is there.
  [[nodiscard]] Expected<std::shared_ptr<const SecretSet>> wait();

 private:
  using Compiled = Expected<std::unique_ptr<const SecretSet>>;
  PendingSecrets(std::vector<SecretSpec> secrets, GuardOptions options);

  std::future<Compiled> compiling_;
  std::shared_ptr<const SecretSet> set_;
};

}  // namespace bottle
