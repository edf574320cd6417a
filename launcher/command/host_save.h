#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "launcher/command/context.h"
#include "launcher/lifetime/registry.h"
#include "launcher/manifest/manifest_allow.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// A host that `bottle allow --save` writes into the manifest of a bottle that runs. Prepared before
// the proxy is told, so that what cannot be saved is no half change. A manifest that is not the
// known one (known_manifest.h) is the work of somebody else, maybe the agent, and is not saved to.
class HostSave {
 public:
  static Expected<HostSave> prepare(const BottleRecord& record, const HostEntry& entry,
                                    const Context& context);
  // Shows the lines that changed. The bottle's launcher is told that they are the person's.
  Expected<void> write(const Context& context) const;

 private:
  HostSave(std::filesystem::path file, std::filesystem::path state)
      : file_(std::move(file)), state_(std::move(state)) {}
  std::filesystem::path file_;  // no link
  std::filesystem::path state_;
  std::string before_{};
  std::string after_{};  // empty: it is there already
};

}  // namespace bottle::launcher
