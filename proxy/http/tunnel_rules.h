#pragma once

#include <string_view>

#include "proxy/base/result.h"
#include "proxy/http/head.h"

// Private to framing_rules.cc: requests for tunnels, and the heads that open them.
namespace bottle {

// RFC 8441 section 4: a request with a protocol. The method becomes that of RFC 6455.
[[nodiscard]] Result<void> check_extended_connect(RequestHead& head);
// RFC 6455 section 4.2.1: where Upgrade lists websocket, the head is one for a tunnel, or refused.
// Without its Upgrade it would reach the origin as an ordinary one, whose answer does not tell what
// went wrong.
[[nodiscard]] Result<void> check_upgrade(RequestHead& head);
// The head opens the tunnel that was asked for.
[[nodiscard]] bool opens_tunnel(const ResponseHead& head, std::string_view protocol);

}  // namespace bottle
