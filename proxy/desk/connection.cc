#include "proxy/desk/connection.h"

#include <array>
#include <utility>

#include "proxy/desk/sniff.h"
#include "proxy/http/h1_writer.h"
#include "proxy/http/http1_session.h"
#include "proxy/http/http2_session.h"
#include "proxy/http/problem.h"
#include "proxy/tls/tcp_stream.h"

namespace bottle {
namespace {

constexpr std::size_t kLingerBytes = 16 * 1024;  // a ClientHello, at most

constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";

SessionContext context_of(const ConnectionParts& parts, Destination destination, Scheme scheme) {
  SessionContext context{
      parts.executor,       parts.wheel,        parts.handler,          parts.drain,
      parts.config.session, parts.config.rules, std::move(destination), scheme};
  return context;
}

awaitable<bool> write_within(ByteStream& stream, const ConnectionParts& parts, ByteView data) {
  Deadline stall(parts.wheel, stream, parts.config.session.write_stall);
  const IoResult result = co_await stream.write_all(data);
  co_return result.ok();
}

// The end of a connection whose client may still be sending: a close with unread bytes would reset
// it, and the client would not see what it was answered.
awaitable<void> close_gently(TcpStream& stream, const ConnectionParts& parts) {
  co_await stream.shutdown();
  Deadline linger(parts.wheel, stream, parts.config.session.linger);
  Bytes dropped(kLingerBytes, '\0');
  for (std::size_t taken = 0; taken < kLingerBytes;) {
    const IoResult got = co_await stream.read_some(ByteSpan(dropped));
    if (!got.ok()) co_return;
    taken += got.n;
  }
}

// The plain-text answer to a CONNECT that is refused. Few clients
// show its body, some its reason phrase, so the word stands in both.
awaitable<void> send_away(TcpStream& stream, const ConnectionParts& parts, const Failure& failure,
                          const Destination& destination) {
  const LocalAnswer answer = problem_answer(failure, parts.handler.next_id(), destination.host);
  Bytes out;
  write_response_head(out, answer.head, Framing::content_length(answer.body.size()), false);
  out.append(answer.body);
  const bool told = co_await write_within(stream, parts, out);
  if (told) co_await close_gently(stream, parts);
}

// Judges the first bytes (of the tunnel or the connection), which are then in `early`.
// NeedMore: nothing that could be judged came in time.
awaitable<FirstBytes> sniff_first(TcpStream& stream, const ConnectionParts& parts, Bytes& early) {
  Deadline deadline(parts.wheel, stream, parts.config.session.first_byte);
  for (;;) {
    const FirstBytes verdict = sniff(early);
    if (verdict != FirstBytes::NeedMore || early.size() >= kSniffBytes) co_return verdict;
    Bytes space(2048, '\0');
    const IoResult got = co_await stream.read_some(ByteSpan(space));
    if (!got.ok()) co_return FirstBytes::NeedMore;
    early.append(space, 0, got.n);
  }
}

awaitable<void> serve_secured(Secured secured, const ConnectionParts& parts,
                              Destination destination) {
  TlsStream& stream = *secured.stream;
  const SessionContext context = context_of(parts, std::move(destination), Scheme::Https);
  if (secured.alpn == Alpn::Http2) {
    Http2Session session(stream, context, parts.config.h2);
    co_await session.run();
  } else {
    Http1Session session(stream, context, Http1Session::Place::Tunnel);
    co_await session.run(Bytes());
  }
  stream.close();
}

awaitable<void> serve_tls(asio::ip::tcp::socket socket, const ConnectionParts& parts,
                          Destination destination, Bytes early) {
  auto name = ServerName::parse(destination.host);
  if (!name) {
    parts.handler.refused_connection(destination, name.error(), Trace::By::Proxy);
    co_return;
  }
  auto secured = co_await parts.acceptor.accept(std::move(socket), std::move(early), *name);
  if (!secured) {
    if (secured.error().code != Code::Cancelled) {
      parts.handler.refused_connection(destination, secured.error());
    }
    co_return;
  }
  co_await serve_secured(std::move(*secured), parts, std::move(destination));
}

void end_connection(TcpStream& stream, const Http1End& end) {
  end.reset ? stream.reset() : stream.close();
}

awaitable<void> serve_plain_tunnel(TcpStream& stream, const ConnectionParts& parts,
                                   Destination destination, Bytes early) {
  const SessionContext context = context_of(parts, std::move(destination), Scheme::Http);
  Http1Session session(stream, context, Http1Session::Place::Tunnel);
  const Http1End end = co_await session.run(std::move(early));
  end_connection(stream, end);
}

awaitable<void> serve_tunnel(TcpStream& stream, const ConnectionParts& parts,
                             Http1End::Connect connect) {
  const Destination& destination = connect.destination;
  const Scheme guess = destination.port == 80 ? Scheme::Http : Scheme::Https;
  const Decision decision = parts.policy.decide(destination, guess);
  // With a CA for any name the refusal is given inside TLS, where clients show it to their users.
  if (decision.refusal && parts.config.ca_names == CaNames::Allowlist) {
    parts.handler.refused_connection(destination, *decision.refusal, Trace::By::Policy);
    co_await send_away(stream, parts, *decision.refusal, destination);
    co_return;
  }
  const bool told = co_await write_within(stream, parts, kEstablished);
  if (!told) co_return;
  Bytes early = std::move(connect.early);
  const FirstBytes first = co_await sniff_first(stream, parts, early);
  if (first == FirstBytes::Tls) {
    Bytes unread;
    asio::ip::tcp::socket socket = stream.release(unread);
    early += unread;
    co_await serve_tls(std::move(socket), parts, destination, std::move(early));
    co_return;
  }
  // Some clients use CONNECT for http:// too. On the port of https it is a mistake, or an attempt.
  if (first == FirstBytes::Http && destination.port != 443) {
    co_await serve_plain_tunnel(stream, parts, destination, std::move(early));
    co_return;
  }
  if (early.empty()) co_return;  // opened and left: nothing was tried
  const Failure failure(Code::ClientBad, "the tunnel's first bytes are neither TLS nor HTTP",
                        "not_tls", "Only TLS, or plain HTTP to port 80, may go through a tunnel.");
  parts.handler.refused_connection(destination, failure, Trace::By::Proxy);
}

// Asks the policy about the name in a ClientHello.
class PolicyGate final : public NameGate {
 public:
  explicit PolicyGate(const ConnectionParts& parts) noexcept : parts_(parts) {}
  Result<void> admit(const ServerName& name) override {
    destination.host = name.text();
    const Decision decision = parts_.policy.decide(destination, Scheme::Https);
    // With a CA for any name the refusal is given inside TLS, where clients show it to their users.
    refused = decision.refusal && parts_.config.ca_names == CaNames::Allowlist;
    if (refused) return *decision.refusal;
    return {};
  }
  // Without a host for as long as no name came.
  Destination destination{.host = {}, .port = default_port(Scheme::Https), .kind = HostKind::Name};
  bool refused = false;

 private:
  const ConnectionParts& parts_;
};

// A client that takes this for port 443 of a host.
awaitable<void> serve_as_tls_origin(TcpStream& stream, const ConnectionParts& parts) {
  PolicyGate gate(parts);
  Bytes early;
  const FirstBytes first = co_await sniff_first(stream, parts, early);
  if (early.empty()) co_return;  // opened and left: nothing was tried
  if (first != FirstBytes::Tls) {
    const Failure failure(Code::ClientBad, "the connection's first bytes are not TLS", "not_tls",
                          "This is the port of https; write https:// instead of http://.");
    parts.handler.refused_connection(gate.destination, failure, Trace::By::Proxy);
    if (first == FirstBytes::Http) co_await send_away(stream, parts, failure, gate.destination);
    co_return;
  }
  Bytes unread;
  asio::ip::tcp::socket socket = stream.release(unread);
  early += unread;
  auto secured = co_await parts.acceptor.accept_by_name(std::move(socket), std::move(early), gate);
  if (!secured) {
    if (secured.error().code == Code::Cancelled) co_return;
    if (gate.refused) {
      parts.handler.refused_connection(gate.destination, secured.error(), Trace::By::Policy);
    } else {
      parts.handler.refused_connection(gate.destination, secured.error());
    }
    co_return;
  }
  co_await serve_secured(std::move(*secured), parts, std::move(gate.destination));
}

// A client that takes this for port 80 of a host.
awaitable<void> serve_as_http_origin(TcpStream& stream, const ConnectionParts& parts) {
  Bytes early;
  const FirstBytes first = co_await sniff_first(stream, parts, early);
  if (early.empty()) co_return;
  if (first != FirstBytes::Http) {
    const Destination nowhere{.host = {}, .port = default_port(Scheme::Http)};
    const Failure failure(Code::ClientBad, "the connection's first bytes are not HTTP", "not_http",
                          "This is the port of http.");
    parts.handler.refused_connection(nowhere, failure, Trace::By::Proxy);
    co_await close_gently(stream, parts);
    co_return;
  }
  const SessionContext context = context_of(parts, Destination{}, Scheme::Http);
  Http1Session session(stream, context, Http1Session::Place::Server);
  const Http1End end = co_await session.run(std::move(early));
  end_connection(stream, end);
}

awaitable<void> serve_as_proxy(TcpStream& stream, const ConnectionParts& parts) {
  SessionContext context = context_of(parts, Destination{}, Scheme::Http);
  context.doorkeeper = parts.doorkeeper;
  Http1Session session(stream, context, Http1Session::Place::Listener);
  Http1End end = co_await session.run(Bytes());
  if (end.connect) {
    Http1End::Connect connect = std::move(*end.connect);
    co_await serve_tunnel(stream, parts, std::move(connect));
  }
  end_connection(stream, end);
}

}  // namespace

awaitable<void> serve_connection(asio::ip::tcp::socket socket, ListenKind kind,
                                 const ConnectionParts& parts) {
  TcpStream stream(std::move(socket));
  switch (kind) {
    case ListenKind::Proxy:
      co_await serve_as_proxy(stream, parts);
      break;
    case ListenKind::Tls:
      co_await serve_as_tls_origin(stream, parts);
      break;
    case ListenKind::Http:
      co_await serve_as_http_origin(stream, parts);
      break;
  }
}

}  // namespace bottle
