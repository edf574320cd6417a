// The half of ProxyHandler that opens WebSockets.
#include <optional>
#include <utility>

#include "proxy/flow/proxy_handler.h"
#include "proxy/flow/trace.h"
#include "proxy/flow/websocket_tunnel.h"

namespace bottle {

bool ProxyHandler::may_open_websocket(Route route) const noexcept {
  return !scans(route) || services_.scans_heads;
}

awaitable<std::optional<Response>> ProxyHandler::ask_scanner(const RequestHead& head,
                                                             Exchange& exchange) {
  Passage& passage = trace_of(exchange).passage;
  Request question;
  question.head = head;
  question.head.protocol.clear();
  question.head.has_body = false;
  passage.head_only = true;
  const bool bypasses = std::exchange(passage.bypass_body, false);
  auto passed = co_await services_.upstream.send(std::move(question), exchange, passage);
  passage.head_only = false;
  passage.bypass_body = bypasses;
  if (!passed) co_return refuse(passed.error(), exchange);
  if (passed->body) passed->body->stop(Failure{Code::Cancelled, "the head alone was asked about"});
  if (exchange.trace.failure) {
    const Failure failure = *exchange.trace.failure;
    co_return refuse_by(failure, exchange, blame(failure), passed->head.status);
  }
  if (passed->head.status == 200) co_return std::nullopt;
  co_return refuse(Failure{Code::UpstreamDenied, "the scanner did not pass the request"}, exchange);
}

awaitable<Response> ProxyHandler::open_websocket(Request request, Exchange& exchange) {
  Trace& trace = trace_of(exchange);
  WebsocketTunnel tunnel(services_.guard, services_.websockets, exchange, trace.passage);
  std::optional<RequestHead> asked;  // the client's own, for the scanner
  if (scans(*trace.route)) asked = request.head;
  auto begun = tunnel.begin(request);
  if (!begun) {
    auto refused = co_await turn_away(std::move(request), begun.error(), exchange,
                                      blame(begun.error(), &exchange));
    co_return refused;
  }
  if (asked) {
    auto refused = co_await ask_scanner(*asked, exchange);
    if (refused) {
      request.body->stop(Failure{Code::Cancelled, "the request goes nowhere"});
      co_return std::move(*refused);
    }
  }
  trace.relayed = true;
  auto sent = co_await past_scanner().send(std::move(request), exchange, trace.passage);
  if (!sent) co_return refuse(sent.error(), exchange);
  auto opened = tunnel.open(*sent);
  if (!opened) co_return refuse(opened.error(), exchange);
  if (sent->head.status != 101) {
    auto looked = co_await services_.guard.look_back(*sent, exchange, trace.passage);
    if (!looked) co_return refuse(looked.error(), exchange);
  }
  sent->head.keep_alive = true;
  co_return std::move(*sent);
}

}  // namespace bottle
