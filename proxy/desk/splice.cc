#include "proxy/desk/splice.h"

#include <string>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/tls/client_hello.h"

namespace bottle {

using asio::ip::tcp;

namespace {

constexpr unsigned char kAccessDenied = 49;
constexpr unsigned char kInternalError = 80;
constexpr unsigned char kUnrecognizedName = 112;

unsigned char alert_for(const Failure& failure) {
  if (failure.code == Code::Misdirected) return kUnrecognizedName;
  const bool refused = failure.code == Code::Denied || failure.code == Code::UpstreamDenied ||
                       failure.code == Code::ClientBad;
  return refused ? kAccessDenied : kInternalError;
}

// A fatal alert as a record of its own (RFC 8446 sections 5.1 and 6).
Bytes alert_record(unsigned char description) {
  Bytes record("\x15\x03\x03\x00\x02\x02", 6);
  record += static_cast<char>(description);
  return record;
}

// How an end stands in the audit log. Both orderly ends and the client's reset are no failures:
// clients drop connections that they no longer need.
struct EndWords {
  explicit EndWords(std::string_view detail_in) : detail(detail_in) {}
  EndWords(Failure failure_in, DecidedBy by_in) : failure(std::move(failure_in)), by(by_in) {}
  std::optional<Failure> failure;
  DecidedBy by = DecidedBy::None;
  std::string_view detail;
};

EndWords words_of(TunnelEnd end) {
  switch (end) {
    case TunnelEnd::BothEnded:
      return EndWords("both sides ended");
    case TunnelEnd::ClientReset:
      return EndWords("the client reset the connection");
    case TunnelEnd::OriginReset:
      return {Failure(Code::UpstreamBroken, "the origin reset the connection"), DecidedBy::Origin};
    case TunnelEnd::Idle:
      return {Failure(Code::ClientSlow, "nothing went through the tunnel for too long",
                      problem_code::kSpliceIdle),
              DecidedBy::Proxy};
    case TunnelEnd::Memory:
      return {memory_full(), DecidedBy::Proxy};
    case TunnelEnd::Budget:
      return {Failure(Code::Denied, "the host's budget of unread bytes is used up",
                      problem_code::kSpliceBudget),
              DecidedBy::Proxy};
    case TunnelEnd::Draining:
      return {Failure(Code::ShuttingDown, "the proxy stopped"), DecidedBy::Proxy};
    case TunnelEnd::Cancelled:
      break;
  }
  return {Failure(Code::Cancelled, "the proxy ended it"), DecidedBy::Proxy};
}

}  // namespace

awaitable<ClientHello> Splicer::read_hello(TcpStream& stream, Bytes& early) {
  Deadline deadline(wheel_, stream, limits_.hello);
  for (;;) {
    ClientHello hello = read_client_hello(early);
    if (hello.state != ClientHello::State::NeedMore || early.size() >= limits_.hello_bytes) {
      co_return hello;
    }
    Bytes space(limits_.hello_bytes - early.size(), '\0');
    const IoResult got = co_await stream.read_some(ByteSpan(space));
    if (!got.ok()) co_return hello;
    early.append(space, 0, got.n);
  }
}

Result<void> Splicer::check_hello(const ClientHello& hello, const Destination& destination,
                                  std::size_t bytes) const {
  if (hello.state == ClientHello::State::NeedMore) {
    if (bytes >= limits_.hello_bytes) {
      return Failure(Code::ClientBad, "the ClientHello is too large",
                     problem_code::kClientHelloTooLarge);
    }
    return Failure(Code::ClientSlow, "no complete ClientHello came", problem_code::kClientHello);
  }
  if (hello.state == ClientHello::State::NotTls) {
    return Failure(Code::ClientBad, "the tunnel's first bytes are not TLS", problem_code::kNotTls,
                   "The route splice carries TLS and nothing else.");
  }
  if (hello.state == ClientHello::State::Malformed) {
    return Failure(Code::ClientBad, "the ClientHello does not hold together",
                   problem_code::kClientHello);
  }
  const auto name = ServerName::parse(destination.host);
  if (!name) return name.error();
  switch (check_sni_extension(hello.server_name, hello.names_server, *name)) {
    case SniVerdict::Matches:
      return {};
    case SniVerdict::Absent:
      if (name->is_ip()) return {};
      return Failure(Code::ClientBad,
                     hello.has_encrypted ? "the ClientHello names its server only in encrypted form"
                                         : "the ClientHello names no server",
                     problem_code::kSniMissing,
                     "The route splice needs a client that sends the server's name (SNI).");
    case SniVerdict::Malformed:
      return Failure(Code::ClientBad, "the ClientHello's server_name is malformed",
                     problem_code::kSniMalformed);
    case SniVerdict::Different:
      break;
  }
  return Failure(Code::Misdirected, "the ClientHello names another host than the CONNECT did",
                 problem_code::kSniMismatch,
                 "Open one connection per host, and name that host in both places.");
}

awaitable<void> Splicer::alert(TcpStream& stream, const Failure& failure) {
  constexpr std::chrono::milliseconds kPatience{1'000};
  Deadline deadline(wheel_, stream, kPatience);
  const Bytes record = alert_record(alert_for(failure));
  const IoResult told = co_await stream.write_all(record);
  if (told.ok()) co_await stream.shutdown();
}

awaitable<void> Splicer::serve(TcpStream& stream, Bytes early, Destination destination,
                               std::unique_ptr<SplicedTunnel> tunnel,
                               std::shared_ptr<MemoryAccount> account) {
  const ClientHello hello = co_await read_hello(stream, early);
  if (early.empty()) {
    tunnel->end(std::nullopt, DecidedBy::None, "the client sent nothing");
    co_return;
  }
  Result<void> good = check_hello(hello, destination, early.size());
  if (!good) {
    tunnel->end(good.error(), DecidedBy::Proxy, "");
    // To something that is not TLS an alert says nothing.
    if (hello.state != ClientHello::State::NotTls) co_await alert(stream, good.error());
    co_return;
  }
  auto origin = co_await way_.open(destination, next_client_++);
  if (origin) {
    good = tunnel->begin();
  } else {
    good = origin.error();
  }
  if (!good) {
    tunnel->end(good.error(), decided_by(good.error(), DecidedBy::Origin), "");
    co_await alert(stream, good.error());
    co_return;
  }
  Bytes unread;
  tcp::socket client = stream.release(unread);
  early += unread;
  TunnelPump pump(client, *origin, *tunnel, buffer_, wheel_, drain_,
                  TunnelTimes{.idle = limits_.idle}, std::move(account));
  const TunnelEnd end = co_await pump.run(std::move(early));
  const EndWords words = words_of(end);
  tunnel->end(words.failure, words.by, words.detail);
}

}  // namespace bottle
