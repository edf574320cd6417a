#include "proxy/http/tunnel_rules.h"

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr std::string_view kWebSocket = "websocket";

Failure no_tunnel(const char* why) {
  return Failure{Code::UpgradeRefused, why, problem_code::kBadUpgrade,
                 "RFC 6455 section 4.1: GET, HTTP/1.1, \"Connection: Upgrade\", \"Upgrade: "
                 "websocket\" and no body."};
}

}  // namespace

Result<void> check_extended_connect(RequestHead& head) {
  if (head.method != "CONNECT") return no_tunnel("only CONNECT asks for a tunnel");
  if (head.protocol != kWebSocket) {
    return Failure{Code::NotSupported, "the protocol of the tunnel is not websocket",
                   problem_code::kBadUpgrade};
  }
  if (!head.has_body) return no_tunnel("the stream ends before the tunnel begins");
  head.method = "GET";
  return {};
}

Result<void> check_upgrade(RequestHead& head) {
  const auto upgrade = head.fields.find("upgrade");
  if (!upgrade || !list_has_token(*upgrade, kWebSocket)) return {};
  const auto connection = head.fields.find("connection");
  if (head.method != "GET") return no_tunnel("a WebSocket is asked for with GET alone");
  if (head.version != Version::Http11) return no_tunnel("a WebSocket needs HTTP/1.1");
  if (!connection || head.fields.count("connection") > 1 ||
      !list_has_token(*connection, "upgrade")) {
    return no_tunnel("Connection does not list Upgrade");
  }
  if (head.fields.count("upgrade") > 1 || !iequals(trim_ows(*upgrade), kWebSocket)) {
    return no_tunnel("Upgrade lists another protocol beside websocket");
  }
  if (head.has_body && head.content_length != 0) {
    return no_tunnel("a request for a WebSocket has no body");
  }
  head.protocol = kWebSocket;
  head.content_length.reset();
  head.has_body = true;
  return {};
}

bool opens_tunnel(const ResponseHead& head, std::string_view protocol) {
  if (protocol.empty()) return false;
  if (head.version == Version::Http2) return head.status / 100 == 2;
  if (head.status != 101) return false;
  const auto upgrade = head.fields.find("upgrade");
  const auto connection = head.fields.find("connection");
  return upgrade && head.fields.count("upgrade") == 1 && iequals(trim_ows(*upgrade), protocol) &&
         connection && list_has_token(*connection, "upgrade");
}

}  // namespace bottle
