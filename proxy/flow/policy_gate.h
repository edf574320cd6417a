#pragma once

#include <cstdint>
#include <optional>

#include "proxy/flow/live_policy.h"
#include "proxy/http/authority.h"
#include "proxy/tls/name_gate.h"

namespace bottle {

// The kind of leaf for a host of which the policy says that.
[[nodiscard]] LeafFor leaf_for(const Decision& decision) noexcept;

// Asks the policy about the name in a ClientHello. For one connection; `policy` outlives it.
class PolicyGate final : public NameGate {
 public:
  // The names that get a leaf.
  enum class Admits : std::uint8_t {
    AnyName,       // the refusal is given inside TLS, where clients show it to their users
    AllowedHttps,  // those that the policy allows at the port of https
    AllowedHost,   // ... at some port: the port is not known before the request
  };
  PolicyGate(const LivePolicy& policy, Admits admits) noexcept : policy_(policy), admits_(admits) {}

  Result<LeafFor> admit(const ServerName& name) override;

  // The name, at the port of https; nothing for as long as none came.
  [[nodiscard]] const std::optional<Destination>& destination() const noexcept {
    return destination_;
  }
  [[nodiscard]] bool refused() const noexcept { return refused_; }

 private:
  const LivePolicy& policy_;
  const Admits admits_;
  std::optional<Destination> destination_;
  bool refused_ = false;
};

}  // namespace bottle
