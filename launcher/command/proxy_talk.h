#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "launcher/backend/bottle_control.h"
#include "launcher/command/context.h"
#include "launcher/lifetime/control_talk.h"
#include "launcher/lifetime/registry.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The bottle of that id, or the one that runs if none is given.
Expected<BottleRecord> the_bottle(const std::optional<std::string>& id, const Context& context);

// The proxy of one bottle, as another command of the same user reaches it.
class ProxyTalk {
 public:
  // `record` outlives it.
  static Expected<ProxyTalk> with(const BottleRecord& record, const Context& context);

  // The line that answers, as it came. The Error says why there is none.
  Expected<std::string> line(const std::string& message) const;
  // The Error is the proxy's own, or says why there is no answer.
  Expected<ControlAnswer> tell(const std::string& message) const;

 private:
  ProxyTalk(const BottleRecord& record, std::filesystem::path runtime,
            std::unique_ptr<BottleControl> control)
      : record_(record), runtime_(std::move(runtime)), control_(std::move(control)) {}
  const BottleRecord& record_;
  std::filesystem::path runtime_;
  std::unique_ptr<BottleControl> control_;
};

}  // namespace bottle::launcher
