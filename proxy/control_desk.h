#pragma once

#include <functional>
#include <string>

#include "proxy/control/control_server.h"

namespace bottle {

// Gives each message of the control channel to the desk that it is for. On main's thread.
class ControlDesk final : public ControlService {
 public:
  // Both outlive it.
  ControlDesk(ControlService& secrets, ControlService& policy) noexcept
      : secrets_(secrets), policy_(policy) {}

  void handle(ControlRequest request, const std::string& who,
              std::function<void(std::string answer)> done) override;

 private:
  ControlService& secrets_;
  ControlService& policy_;
};

}  // namespace bottle
