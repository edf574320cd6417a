#include "proxy/http/connect.h"

#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr const char* kProxyHint =
    "This is a forward proxy: set it as http_proxy and https_proxy instead of opening it as a "
    "web server.";

}  // namespace

Result<Destination> connect_destination(const RequestHead& head) {
  if (head.method != "CONNECT") {
    return Failure{Code::ClientBad, "the request is not a CONNECT", problem_code::kBadConnect};
  }
  // The parser takes no body for CONNECT; a head made in another way may still claim one.
  if (head.has_body || head.content_length.value_or(0) > 0 ||
      head.fields.has("transfer-encoding")) {
    return Failure{Code::ClientBad, "CONNECT has no body (RFC 9110 section 9.3.6)",
                   problem_code::kBadConnect};
  }
  auto destination = parse_authority(head.target, std::nullopt);
  if (!destination) {
    Failure failure = destination.error();
    failure.detail = "CONNECT: " + failure.detail;
    failure.hint = "CONNECT takes exactly 'host:port', for example 'CONNECT example.com:443'.";
    return failure;
  }
  // Host's value is ignored: it goes nowhere, and Node's plain http client sends the
  // proxy's own address there.
  if (head.fields.count("host") > 1) {
    return Failure{Code::ClientBad, "there is more than one Host", problem_code::kBadHost};
  }
  return destination;
}

Result<ProxyRequest> parse_proxy_request(const RequestHead& head) {
  ProxyRequest request;
  if (head.method == "CONNECT") {
    auto destination = connect_destination(head);
    if (!destination) return destination.error();
    request.is_connect = true;
    request.scheme = destination->port == default_port(Scheme::Http) ? Scheme::Http : Scheme::Https;
    request.destination = std::move(*destination);
    return request;
  }
  if (!is_absolute_form(head.target)) {
    return Failure{Code::ClientBad, "the request's target is a path, not a URL or a CONNECT",
                   problem_code::kNotAServer, kProxyHint};
  }
  auto form = parse_absolute_form(head.target);
  if (!form) return form.error();
  if (form->scheme == Scheme::Https) {
    return Failure{Code::ClientBad, "https URLs need a CONNECT to this proxy",
                   problem_code::kHttpsWithoutTls,
                   "Send 'CONNECT host:443' and speak TLS inside; most clients do that when "
                   "https_proxy is set to an http:// address."};
  }
  request.scheme = form->scheme;
  request.destination = std::move(form->destination);
  request.target = std::move(form->path);
  return request;
}

}  // namespace bottle
