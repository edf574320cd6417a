#include "proxy/flow/policy_gate.h"

namespace bottle {

LeafFor leaf_for(const Decision& decision) noexcept {
  if (decision.refusal) return LeafFor::Refusal;
  return decision.wildcard.empty() ? LeafFor::Allowed : LeafFor::Wildcard;
}

Result<LeafFor> PolicyGate::admit(const ServerName& name) {
  destination_ = Destination{name.text(), default_port(Scheme::Https), HostKind::Name};
  const Decision decision = policy_.now().decide(*destination_, Scheme::Https);
  if (admits_ == Admits::AnyName) return leaf_for(decision);
  refused_ = decision.refusal.has_value();
  if (admits_ == Admits::AllowedHost && policy_.now().knows_host(name.text())) refused_ = false;
  if (refused_) return *decision.refusal;
  // A host that is open at another port only counts as one that is written down.
  return decision.refusal ? LeafFor::Allowed : leaf_for(decision);
}

}  // namespace bottle
