#include "proxy/control_desk.h"

#include <utility>

namespace bottle {

void ControlDesk::handle(ControlRequest request, const std::string& who,
                         std::function<void(std::string answer)> done) {
  switch (request.verb) {
    case ControlRequest::Verb::SetSecrets:
    case ControlRequest::Verb::ListSecrets:
    case ControlRequest::Verb::TellTrouble:
      return secrets_.handle(std::move(request), who, std::move(done));
    case ControlRequest::Verb::Allow:
    case ControlRequest::Verb::Deny:
    case ControlRequest::Verb::ListPolicy:
    case ControlRequest::Verb::CheckPolicy:
      return policy_.handle(std::move(request), who, std::move(done));
    case ControlRequest::Verb::ListAsks:
    case ControlRequest::Verb::AnswerAsk:
      return asks_.handle(std::move(request), who, std::move(done));
  }
}

}  // namespace bottle
