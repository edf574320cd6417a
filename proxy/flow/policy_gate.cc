#include "proxy/flow/policy_gate.h"

namespace bottle {

Result<void> PolicyGate::admit(const ServerName& name) {
  destination_ = Destination{name.text(), default_port(Scheme::Https), HostKind::Name};
  if (admits_ == Admits::AnyName) return {};
  const Decision decision = policy_.now().decide(*destination_, Scheme::Https);
  refused_ = decision.refusal.has_value();
  if (admits_ == Admits::AllowedHost && policy_.now().knows_host(name.text())) refused_ = false;
  if (refused_) return *decision.refusal;
  return {};
}

}  // namespace bottle
