#pragma once

#include "certs/leaf_cache.h"
#include "certs/server_name.h"
#include "proxy/base/result.h"

namespace bottle {

// Decides whether a client may reach the host that its ClientHello names.
class NameGate {
 public:
  virtual ~NameGate() = default;
  // Asked once a connection, inside the handshake and before a leaf is minted; must not wait. Its
  // Failure ends the handshake with an alert and is the result of accept_by_name(); otherwise the
  // kind of leaf that the name gets.
  [[nodiscard]] virtual Result<LeafFor> admit(const ServerName& name) = 0;
};

}  // namespace bottle
