#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "certs/server_name.h"
#include "proxy/base/byte_stream.h"
#include "proxy/base/result.h"
#include "proxy/base/turn_budget.h"
#include "proxy/tls/handshake_turns.h"
#include "proxy/tls/hello_gate.h"
#include "proxy/tls/tls_machine.h"

struct ssl_st;
struct ssl_ctx_st;

namespace bottle {

enum class Alpn : std::uint8_t { Http1, Http2 };

// Record buffers that all TLS streams of one worker share: filled and emptied within one turn,
// never held across a wait. Owned by the worker, outlives its streams. One thread.
struct RecordBuffers {
  static constexpr std::size_t kReceive = 64 * 1024;
  std::vector<char> received = std::vector<char>(kReceive);
  std::string to_send;
};

// TLS over a TCP socket of our own (not asio::ssl::stream): OpenSSL sees the record bytes through
// a small BIO, one recv brings many records, one send takes all records of a write. An idle
// connection holds no record buffer. Made by TlsAcceptor and TlsClient, which run the handshake.
//
// One reader and one writer at a time, which may run at once. Post-handshake messages are bounded
// (kMaxPostHandshake: KeyUpdate, tickets), renegotiation is off. Ends: Eof after close_notify,
// Truncated when TCP ended without one, Protocol when the record layer broke. After Cancelled or a
// failure only close() makes sense. Destroy it only with no call pending.
class TlsStream final : public ByteStream {
 public:
  static constexpr int kMaxPostHandshake = 100;
  static constexpr std::size_t kMaxAfterAlert = 128 * 1024;  // as the longest hello of all
  static constexpr std::size_t kWriteChunk = 64 * 1024;      // plaintext gathered into one send

  enum class Role : std::uint8_t { Server, Client };

  // `context` gives the settings (a reference is taken), `already_read` comes before what the
  // socket brings. Turns TCP_NODELAY on.
  TlsStream(asio::ip::tcp::socket socket, ssl_ctx_st* context, Role role, RecordBuffers& buffers,
            Bytes already_read = {});
  ~TlsStream() override;

  awaitable<IoResult> read_some(ByteSpan into) override;
  awaitable<IoResult> write_all(ByteView data) override;
  awaitable<void> shutdown() override;  // close_notify, FIN; once; waits for the send buffer only
  void cancel() noexcept override;
  void close() noexcept override;
  [[nodiscard]] bool readable_now() noexcept override;
  // Towards an origin: that it wants a client certificate, which with TLS 1.3 it says only after
  // the handshake, or its alert.
  [[nodiscard]] std::optional<Failure> why_ended() const override;

  // The negotiated protocol; Http1 if the peer chose nothing. After the handshake.
  [[nodiscard]] Alpn alpn() const noexcept;
  [[nodiscard]] bool resumed() const noexcept;
  [[nodiscard]] std::string protocol() const;  // "TLSv1.3", for the audit line

  // Why OpenSSL gave up, in its words; "" while it has not. After a read that ended with Reset or
  // Protocol: an origin's alert, for a person.
  [[nodiscard]] std::string fault() const;

  // For TlsAcceptor and TlsClient, before anything else is called.
  struct HandshakeLimits {
    // Bytes that may come in before the peer's hello is complete (hello_complete() says so); the
    // first of them must be a handshake record's. 0: neither is looked at.
    std::size_t hello_bytes = 0;
    HandshakeTurns* turns = nullptr;  // each step waits for its turn; null: none does
  };
  // Until the handshake is done: Ok, or how it ended. On Protocol, ssl_error() has OpenSSL's words;
  // an alert that OpenSSL wrote has been sent, as far as the socket took it.
  awaitable<IoStatus> handshake(HandshakeLimits limits);
  // After a hello that was refused: reads on and throws away, until the peer ends or kMaxAfterAlert
  // bytes came.
  awaitable<void> after_alert();
  void client_certificate_was_asked_for() noexcept;
  void hello_complete() noexcept { hello_.complete(); }
  [[nodiscard]] HelloGate::State hello() const noexcept { return hello_.state(); }
  [[nodiscard]] ssl_st* ssl() const noexcept { return ssl_; }
  [[nodiscard]] unsigned long ssl_error() const noexcept { return ssl_error_; }

 private:
  friend struct TlsStreamBio;
  class Turn;
  struct LeavesLine;
  enum class Step : std::uint8_t { Done, WantsRead, Failed };
  // The origin's wish for a certificate of ours. Bytes of the application settle it.
  enum class CertificateWish : std::uint8_t { None, Asked, Settled };
  using Move = TlsMachine::Move;

  Step classify(int result);
  // OpenSSL's error is an alert of the peer's.
  [[nodiscard]] bool alerted() const noexcept;
  [[nodiscard]] IoResult read_now(ByteSpan into);
  [[nodiscard]] Step encrypt(ByteView part);
  [[nodiscard]] Step handshake_step();
  awaitable<IoStatus> take_steps(std::uint64_t cancels);
  [[nodiscard]] bool receive(std::size_t room);
  void refuse_hello();
  void send_now() noexcept;
  void fail(IoStatus status) noexcept;
  void go(Move move) noexcept;
  awaitable<IoStatus> wait_readable(std::uint64_t cancels);
  awaitable<IoStatus> drain(std::uint64_t cancels);
  awaitable<IoStatus> give_way(TurnBudget& turn, std::uint64_t cancels);

  asio::ip::tcp::socket socket_;
  ssl_st* ssl_ = nullptr;
  RecordBuffers& buffers_;
  ByteView input_;             // record bytes for OpenSSL, in this turn only
  Bytes kept_;                 // record bytes that wait for a later turn; usually empty
  Bytes unsent_;               // record bytes the socket did not take; go before anything newer
  std::uint64_t cancels_ = 0;  // a call that sees it change while it waits ends with Cancelled
  TurnBudget reading_;         // of a socket that is always ready
  TurnBudget writing_;
  unsigned long ssl_error_ = 0;
  int post_handshake_ = 0;
  IoStatus end_ = IoStatus::Ok;  // how reading ended; Ok while it has not
  TlsMachine machine_;
  HelloGate hello_;
  CertificateWish certificate_wish_ = CertificateWish::None;
  bool may_have_more_ = true;                // the last recv filled its room
  HandshakeTurns::Turn* in_line_ = nullptr;  // while it shakes hands
};

// The origin wants a certificate of its client: `said`, and we have none.
[[nodiscard]] Failure client_certificate_required(const std::string& said);

// A finished handshake: what the next room gets.
struct Secured {
  std::unique_ptr<TlsStream> stream;
  Alpn alpn = Alpn::Http1;
  std::optional<ServerName> name;  // the client's SNI, where that is the destination
};

}  // namespace bottle
