#pragma once

#include <functional>
#include <string>

#include "proxy/control/control_server.h"

namespace bottle {

// Gives each message of the control channel to the desk that it is for. On main's thread.
class ControlDesk final : public ControlService {
 public:
  // All outlive it.
  ControlDesk(ControlService& secrets, ControlService& policy, ControlService& asks) noexcept
      : secrets_(secrets), policy_(policy), asks_(asks) {}

  void handle(ControlRequest request, const std::string& who,
              std::function<void(std::string answer)> done) override;

 private:
  ControlService& secrets_;
  ControlService& policy_;
  ControlService& asks_;
};

}  // namespace bottle
