#pragma once

#include <memory>

#include "proxy/credentials/credential_set.h"
#include "proxy/flow/policy.h"
#include "proxy/guard/secret_set.h"

namespace bottle {

// The part of the proxy's state that changes while it runs, as a value that does not. A change is a
// whole new snapshot (SnapshotStore). The guard looks at an exchange with the secrets that it began
// with; a credential is that of the moment when its request is sent. Both live until the last
// exchange that has them ends. The policy is asked once, when a request has come.
struct Snapshot {
  std::shared_ptr<const SecretSet> secrets;
  std::shared_ptr<const CredentialSet> credentials;
  std::shared_ptr<const Policy> policy;
};

}  // namespace bottle
