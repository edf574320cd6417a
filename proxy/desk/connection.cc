#include "proxy/desk/connection.h"

#include <array>
#include <memory>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/desk/sniff.h"
#include "proxy/flow/policy_gate.h"
#include "proxy/http/h1_writer.h"
#include "proxy/http/http1_session.h"
#include "proxy/http/http2_session.h"
#include "proxy/http/problem.h"
#include "proxy/tls/client_hello.h"
#include "proxy/tls/tcp_stream.h"

namespace bottle {
namespace {

// Estimates of what an idle connection takes, TLS included (tests/go/attack, IdleConnections).
constexpr std::size_t kConnectionMemory = 32 * 1024;
constexpr std::size_t kHttp2Memory = 32 * 1024;  // ... more

constexpr std::size_t kLingerBytes = 16 * 1024;  // a ClientHello, at most

// The services, and what each connection has of its own.
struct Desk : ConnectionServices {
  Desk(const ConnectionServices& services, TcpStream& stream, int descriptor)
      : ConnectionServices(services),
        place(services.idle, stream, descriptor),
        account(MemoryAccount::open(services.memory, services.executor)),
        shed_by(account.get(), stream),
        held(account, kConnectionMemory, MemoryHold::Kind::Fixed) {}
  IdleList::Place place;
  const std::shared_ptr<MemoryAccount> account;
  const MemoryAccount::EndedBy shed_by;
  const MemoryHold held;
};

constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";

SessionContext context_of(Desk& desk, Destination destination, Scheme scheme) {
  SessionContext context{desk.executor,       desk.wheel,        desk.handler,           desk.drain,
                         desk.config.session, desk.config.rules, std::move(destination), scheme};
  context.place = &desk.place;
  context.memory = desk.account;
  return context;
}

// Some path of the destination has a route by which a WebSocket may be opened.
bool offers_websockets(Desk& desk, const Destination& destination) {
  const Policy& policy = desk.policy.now();
  for (const Route route : {Route::Scan, Route::ScanRequests, Route::Relay}) {
    if (!desk.handler.may_open_websocket(route)) continue;
    if (policy.may_have(destination, route)) return true;
  }
  return false;
}

awaitable<bool> write_within(ByteStream& stream, Desk& desk, ByteView data) {
  Deadline stall(desk.wheel, stream, desk.config.session.write_stall);
  const IoResult result = co_await stream.write_all(data);
  co_return result.ok();
}

// The end of a connection whose client may still be sending: a close with unread bytes would reset
// it, and the client would not see what it was answered.
awaitable<void> close_gently(TcpStream& stream, Desk& desk) {
  co_await stream.shutdown();
  Deadline linger(desk.wheel, stream, desk.config.session.linger);
  Bytes dropped(kLingerBytes, '\0');
  for (std::size_t taken = 0; taken < kLingerBytes;) {
    const IoResult got = co_await stream.read_some(ByteSpan(dropped));
    if (!got.ok()) co_return;
    taken += got.n;
  }
}

// The plain-text answer to a CONNECT that is refused. Few clients
// show its body, some its reason phrase, so the word stands in both.
awaitable<void> send_away(TcpStream& stream, Desk& desk, const Failure& failure,
                          const Destination& destination) {
  const LocalAnswer answer = problem_answer(failure, desk.handler.next_id(), destination.host);
  Bytes out;
  write_response_head(out, answer.head, Framing::content_length(answer.body.size()), false);
  out.append(answer.body);
  const bool told = co_await write_within(stream, desk, out);
  if (told) co_await close_gently(stream, desk);
}

// Judges the first bytes (of the tunnel or the connection), which are then in `early`.
// NeedMore: nothing that could be judged came in time.
awaitable<FirstBytes> sniff_first(TcpStream& stream, Desk& desk, Bytes& early) {
  Deadline deadline(desk.wheel, stream, desk.config.session.first_byte);
  for (;;) {
    const FirstBytes verdict = sniff(early);
    if (verdict != FirstBytes::NeedMore || early.size() >= kSniffBytes) co_return verdict;
    Bytes space(2048, '\0');
    const IoResult got = co_await stream.read_some(ByteSpan(space));
    if (!got.ok()) co_return FirstBytes::NeedMore;
    early.append(space, 0, got.n);
  }
}

// A client that has shaken hands. Its session comes after the frames of all that led to it have
// gone: an idle connection would hold them.
struct InTls {
  Secured secured;
  Destination destination;
};

// Two coroutines: a frame with room for both sessions would be held by each idle connection.
awaitable<void> serve_http2(std::unique_ptr<InTls> client, Desk& desk) {
  desk.place.idle();
  TlsStream& stream = *client->secured.stream;
  const MemoryHold held(desk.account, kHttp2Memory, MemoryHold::Kind::Fixed);
  SessionContext context = context_of(desk, std::move(client->destination), Scheme::Https);
  context.offers_websockets = offers_websockets(desk, context.destination);
  Http2Session session(stream, context, desk.config.h2);
  co_await session.run();
  stream.close();
}

awaitable<void> serve_http1(std::unique_ptr<InTls> client, Desk& desk) {
  desk.place.idle();
  TlsStream& stream = *client->secured.stream;
  const SessionContext context = context_of(desk, std::move(client->destination), Scheme::Https);
  Http1Session session(stream, context, Http1Session::Arrival::Tunnel);
  co_await session.run(Bytes());
  stream.close();
}

awaitable<void> serve_secured(std::unique_ptr<InTls> client, Desk& desk) {
  const bool http2 = client->secured.alpn == Alpn::Http2;
  return http2 ? serve_http2(std::move(client), desk) : serve_http1(std::move(client), desk);
}

awaitable<std::unique_ptr<InTls>> shake_hands(asio::ip::tcp::socket socket, Desk& desk,
                                              Destination destination, LeafFor why, Bytes early) {
  auto name = ServerName::parse(destination.host);
  if (!name) {
    desk.handler.refused_connection(destination, name.error(), DecidedBy::Proxy);
    co_return nullptr;
  }
  auto secured =
      co_await desk.acceptor.accept(std::move(socket), std::move(early), *name, &desk.place, why);
  if (!secured) {
    if (secured.error().code != Code::Cancelled) {
      desk.handler.refused_connection(destination, secured.error());
    }
    co_return nullptr;
  }
  co_return std::make_unique<InTls>(std::move(*secured), std::move(destination));
}

void end_connection(TcpStream& stream, const Http1End& end) {
  end.reset ? stream.reset() : stream.close();
}

awaitable<void> serve_plain_tunnel(TcpStream& stream, Desk& desk, Destination destination,
                                   Bytes early) {
  const SessionContext context = context_of(desk, std::move(destination), Scheme::Http);
  Http1Session session(stream, context, Http1Session::Arrival::Tunnel);
  const Http1End end = co_await session.run(std::move(early));
  end_connection(stream, end);
}

// With a CA for any name a refusal is given inside TLS, where clients show it to their users: for
// as long as there are leaves for it, which are few a minute.
bool may_refuse_inside(const Desk& desk, const Destination& destination, Scheme guess) {
  if (desk.config.ca_names == CaNames::Allowlist) return false;
  if (guess != Scheme::Https) return true;
  const auto name = ServerName::parse(destination.host);
  return name && desk.acceptor.has_leaf_for_refusal(*name);
}

awaitable<std::unique_ptr<InTls>> serve_tunnel(TcpStream& stream, Desk& desk,
                                               Http1End::Connect connect) {
  const Destination& destination = connect.destination;
  const Scheme guess = destination.port == 80 ? Scheme::Http : Scheme::Https;
  const Decision decision = desk.policy.now().decide(destination, guess);
  const LeafFor leaf = leaf_for(decision);
  if (decision.refusal && !may_refuse_inside(desk, destination, guess)) {
    desk.handler.refused_connection(destination, *decision.refusal, DecidedBy::Policy);
    co_await send_away(stream, desk, *decision.refusal, destination);
    co_return nullptr;
  }
  std::unique_ptr<SplicedTunnel> tunnel;
  if (!decision.refusal && decision.route == Route::Splice && guess == Scheme::Https) {
    auto admitted = desk.splicer.gate().admit(destination);
    if (!admitted) {
      co_await send_away(stream, desk, admitted.error(), destination);
      co_return nullptr;
    }
    tunnel = std::move(*admitted);
  }
  const bool told = co_await write_within(stream, desk, kEstablished);
  if (!told) co_return nullptr;
  desk.place.idle();  // it got on: its turn to make room comes later
  if (tunnel) {
    const IdleList::Busy busy(&desk.place);
    co_await desk.splicer.serve(stream, std::move(connect.early), destination, std::move(tunnel),
                                desk.account);
    co_return nullptr;
  }
  Bytes early = std::move(connect.early);
  const FirstBytes first = co_await sniff_first(stream, desk, early);
  if (first == FirstBytes::Tls) {
    Bytes unread;
    asio::ip::tcp::socket socket = stream.release(unread);
    early += unread;
    auto client =
        co_await shake_hands(std::move(socket), desk, destination, leaf, std::move(early));
    co_return std::move(client);
  }
  // Some clients use CONNECT for http:// too. On the port of https it is a mistake, or an attempt.
  if (first == FirstBytes::Http && destination.port != 443) {
    co_await serve_plain_tunnel(stream, desk, destination, std::move(early));
    co_return nullptr;
  }
  if (early.empty()) co_return nullptr;  // opened and left: nothing was tried
  const Failure failure(Code::ClientBad, "the tunnel's first bytes are neither TLS nor HTTP",
                        problem_code::kNotTls,
                        "Only TLS, or plain HTTP to port 80, may go through a tunnel.");
  desk.handler.refused_connection(destination, failure, DecidedBy::Proxy);
  co_return nullptr;
}

// Splices the connection if the host that its ClientHello names has that route. False: it has not,
// and what was read is in `early`; what is wrong with the hello, the acceptor says.
awaitable<bool> splice_by_name(TcpStream& stream, Desk& desk, Bytes& early) {
  const ClientHello hello = co_await desk.splicer.read_hello(stream, early);
  if (hello.state != ClientHello::State::Complete) co_return false;
  const auto name = sni_in_extension(hello.server_name, hello.names_server);
  if (!name) co_return false;
  Destination destination{name->text(), default_port(Scheme::Https), HostKind::Name};
  if (!desk.splicer.gate().splices(destination)) co_return false;
  auto tunnel = desk.splicer.gate().admit(destination);
  if (!tunnel) {
    co_await desk.splicer.alert(stream, tunnel.error());
    co_return true;
  }
  const IdleList::Busy busy(&desk.place);
  co_await desk.splicer.serve(stream, std::move(early), std::move(destination), std::move(*tunnel),
                              desk.account);
  co_return true;
}

// A client that takes this for port 443 of a host.
awaitable<std::unique_ptr<InTls>> serve_as_tls_origin(TcpStream& stream, Desk& desk) {
  const Destination nowhere{.host = {}, .port = default_port(Scheme::Https)};
  Bytes early;
  const FirstBytes first = co_await sniff_first(stream, desk, early);
  if (early.empty()) co_return nullptr;  // opened and left: nothing was tried
  if (first != FirstBytes::Tls) {
    const Failure failure(Code::ClientBad, "the connection's first bytes are not TLS",
                          problem_code::kNotTls,
                          "This is the port of https; write https:// instead of http://.");
    desk.handler.refused_connection(nowhere, failure, DecidedBy::Proxy);
    if (first == FirstBytes::Http) co_await send_away(stream, desk, failure, nowhere);
    co_return nullptr;
  }
  if (desk.splicer.gate().splices_any()) {
    const bool spliced = co_await splice_by_name(stream, desk, early);
    if (spliced) co_return nullptr;
  }
  Bytes unread;
  asio::ip::tcp::socket socket = stream.release(unread);
  early += unread;
  PolicyGate gate(desk.policy, desk.config.ca_names == CaNames::Allowlist
                                   ? PolicyGate::Admits::AllowedHttps
                                   : PolicyGate::Admits::AnyName);
  auto secured =
      co_await desk.acceptor.accept_by_name(std::move(socket), std::move(early), gate, &desk.place);
  Destination destination = gate.destination().value_or(nowhere);
  if (!secured) {
    if (secured.error().code == Code::Cancelled) co_return nullptr;
    if (gate.refused()) {
      desk.handler.refused_connection(destination, secured.error(), DecidedBy::Policy);
    } else {
      desk.handler.refused_connection(destination, secured.error());
    }
    co_return nullptr;
  }
  co_return std::make_unique<InTls>(std::move(*secured), std::move(destination));
}

// A client that takes this for port 80 of a host.
awaitable<void> serve_as_http_origin(TcpStream& stream, Desk& desk) {
  Bytes early;
  const FirstBytes first = co_await sniff_first(stream, desk, early);
  if (early.empty()) co_return;
  if (first != FirstBytes::Http) {
    const Destination nowhere{.host = {}, .port = default_port(Scheme::Http)};
    const Failure failure(Code::ClientBad, "the connection's first bytes are not HTTP",
                          problem_code::kNotHttp, "This is the port of http.");
    desk.handler.refused_connection(nowhere, failure, DecidedBy::Proxy);
    co_await close_gently(stream, desk);
    co_return;
  }
  const SessionContext context = context_of(desk, Destination{}, Scheme::Http);
  Http1Session session(stream, context, Http1Session::Arrival::Server);
  const Http1End end = co_await session.run(std::move(early));
  end_connection(stream, end);
}

// Its frame, with the session, is gone while a tunnel lasts.
awaitable<Http1End> serve_requests(TcpStream& stream, Desk& desk) {
  SessionContext context = context_of(desk, Destination{}, Scheme::Http);
  context.doorkeeper = desk.doorkeeper;
  Http1Session session(stream, context, Http1Session::Arrival::Listener);
  Http1End end = co_await session.run(Bytes());
  co_return std::move(end);
}

awaitable<std::unique_ptr<InTls>> serve_as_proxy(TcpStream& stream, Desk& desk) {
  Http1End end = co_await serve_requests(stream, desk);
  if (end.connect) {
    Http1End::Connect connect = std::move(*end.connect);
    auto client = co_await serve_tunnel(stream, desk, std::move(connect));
    if (client) co_return std::move(client);
  }
  end_connection(stream, end);
  co_return nullptr;
}

}  // namespace

awaitable<void> serve_connection(asio::ip::tcp::socket socket, ListenKind kind,
                                 const ConnectionServices& services) {
  const int descriptor = socket.native_handle();
  TcpStream stream(std::move(socket));
  Desk desk(services, stream, descriptor);
  if (kind == ListenKind::Http) {
    co_await serve_as_http_origin(stream, desk);
    co_return;
  }
  std::unique_ptr<InTls> client;
  if (kind == ListenKind::Proxy) {
    client = co_await serve_as_proxy(stream, desk);
  } else {
    client = co_await serve_as_tls_origin(stream, desk);
  }
  if (client) co_await serve_secured(std::move(client), desk);
}

}  // namespace bottle
