// The facts that a TLS stream can tell: the outcome of the handshake, and why it ended. And the end
// of a hello that is too long.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "proxy/contract/problem_codes.h"
#include "proxy/tls/socket_io.h"
#include "proxy/tls/tls_stream.h"

namespace bottle {

Alpn TlsStream::alpn() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  const bool h2 = size == 2 && name[0] == 'h' && name[1] == '2';
  return h2 ? Alpn::Http2 : Alpn::Http1;
}

bool TlsStream::resumed() const noexcept { return SSL_session_reused(ssl_) == 1; }

bool TlsStream::alerted() const noexcept {
  // OpenSSL adds this to an alert's number.
  return ERR_GET_REASON(ssl_error_) >= SSL_AD_REASON_OFFSET;
}

std::string TlsStream::fault() const {
  const char* text = ssl_error_ == 0 ? nullptr : ERR_reason_error_string(ssl_error_);
  return text == nullptr ? "" : text;
}

void TlsStream::client_certificate_was_asked_for() noexcept {
  if (certificate_wish_ == CertificateWish::None) certificate_wish_ = CertificateWish::Asked;
}

std::optional<Failure> TlsStream::why_ended() const {
  const std::string said = fault();
  const bool alert = alerted();
  // An origin that resets the connection right after its alert may destroy it on its way.
  if (certificate_wish_ == CertificateWish::Asked && end_ != IoStatus::Ok) {
    return client_certificate_required(alert ? said : "it closed the connection without one");
  }
  if (!alert || SSL_is_server(ssl_) == 1) return std::nullopt;
  return Failure{Code::UpstreamTlsFailed, "the origin ended the connection with " + said,
                 problem_code::kTlsAlert};
}

Failure client_certificate_required(const std::string& said) {
  return Failure{Code::UpstreamTlsFailed, "the origin asks for a client certificate: " + said,
                 problem_code::kTlsClientCertRequired,
                 "This proxy has no client certificate to show; asking again does not help. With "
                 "the route splice (\"routes\" in the manifest, or --route HOST=splice) the client "
                 "speaks TLS with the origin itself, and nothing is inspected."};
}

// The alert that OpenSSL has for a message that is too long; other bytes than TLS are no reader of
// alerts.
void TlsStream::refuse_hello() {
  static constexpr std::string_view kIllegalParameter("\x15\x03\x03\x00\x02\x02\x2f", 7);
  if (hello_.state() == HelloGate::State::TooLarge) buffers_.to_send += kIllegalParameter;
  fail(IoStatus::Protocol);
}

awaitable<void> TlsStream::after_alert() {
  const std::uint64_t cancels = cancels_;
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  for (std::size_t taken = 0; taken < kMaxAfterAlert;) {
    std::size_t n = 0;
    const socket_io::Took took = socket_io::receive(
        socket_.native_handle(), {buffers_.received.data(), buffers_.received.size()}, n);
    taken += n;
    if (took == socket_io::Took::Some) continue;
    if (took != socket_io::Took::WouldBlock) co_return;
    const IoStatus waited = co_await wait_readable(cancels);
    if (waited != IoStatus::Ok) co_return;
  }
}

std::string TlsStream::protocol() const { return SSL_get_version(ssl_); }

}  // namespace bottle
