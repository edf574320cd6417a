#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/plan/plan.h"

namespace bottle::launcher {

// Notices a manifest that the agent made or changed. A manifest that exists is read-only in the
// bottle, but one that did not exist can be made in the workspace, and a link can be turned; it
// would be the policy of the next start. Writing by `bottle allow --save` is no change.
class ManifestGuard {
 public:
  explicit ManifestGuard(const Plan& plan);  // looks at what is there now
  // The files that are different now.
  std::vector<std::filesystem::path> changed() const;

 private:
  struct Seen {
    std::filesystem::path file;
    std::string content;
  };
  std::vector<Seen> seen_;
  std::filesystem::path manifest_;  // of the bottle; empty: none
  std::filesystem::path state_;     // where known_manifest() is
};

}  // namespace bottle::launcher
