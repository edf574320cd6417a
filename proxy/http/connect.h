#pragma once

#include <string>

#include "proxy/base/result.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

namespace bottle {

// A client's request to the proxy's own port.
struct ProxyRequest {
  bool is_connect = false;
  Destination destination;
  Scheme scheme = Scheme::Http;  // absolute-form's; Https for CONNECT to 443 is a guess, see sniff
  std::string target;            // absolute-form: "/path?query" as sent; empty for CONNECT
};

// Where a CONNECT wants to go. `head` as H1RequestParser(Listener) gave it. Only the authority
// counts; other fields are ignored, Host too, as clients send many. ClientBad for a missing port, a
// path or URL in place of the authority, a body (Content-Length other than 0, Transfer-Encoding),
// and more than one Host.
[[nodiscard]] Result<Destination> connect_destination(const RequestHead& head);

// CONNECT or absolute-form "http://host[:port]/path". ClientBad, each with a hint, for https:// in
// absolute-form (the client has to use CONNECT) and for origin-form (this is a proxy, not a
// server). The head of an absolute-form request still has to pass check_request() with this
// destination.
[[nodiscard]] Result<ProxyRequest> parse_proxy_request(const RequestHead& head);

}  // namespace bottle
