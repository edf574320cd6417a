// Stands here until websocket_tunnel.cc does: delete it then. No WebSocket opens.
#include "proxy/contract/problem_codes.h"
#include "proxy/flow/websocket_tunnel.h"

namespace bottle {

class WebsocketTunnel::State {};

WebsocketTunnel::WebsocketTunnel(Guard&, WebsocketSpace&, Exchange&, Passage&) {}
WebsocketTunnel::~WebsocketTunnel() = default;
Result<> WebsocketTunnel::begin(Request&) {
  return Failure{Code::UpgradeRefused, "not yet", problem_code::kWebsocketNotSupported};
}
Result<> WebsocketTunnel::open(Response&) { return {}; }

}  // namespace bottle
