#pragma once

#include "proxy/http/framing_rules.h"

namespace bottle {

// The rules for requests that come out of the scanner, where the front had `rules`. A head that
// passed the front passes again: the front and the scanner add fields, and the scanner may encode
// every byte of the query. The fields by which front and exit speak stay in the head. A
// request for a WebSocket comes without what would make it one: the front tunnels by itself.
[[nodiscard]] inline RequestRules behind_scanner(RequestRules rules) {
  HeadLimits& limits = rules.limits;
  limits.fields += 16;
  limits.head_bytes += 2 * limits.start_line_bytes + 4 * 1024;
  limits.start_line_bytes *= 3;
  rules.control_fields = ControlFields::Keep;
  rules.websockets = WebSocketHeads::Plain;
  return rules;
}

}  // namespace bottle
