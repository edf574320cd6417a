#pragma once

#include <cstdint>
#include <string_view>

#include "certs/server_name.h"
#include "proxy/base/result.h"

struct ssl_st;

namespace bottle {

enum class SniVerdict : std::uint8_t {
  Matches,    // names the destination
  Absent,     // none sent: fine, the destination is known from CONNECT
  Different,  // names another host: alert unrecognized_name
  Malformed,  // not one host_name entry (RFC 6066 section 3): alert decode_error
};

// Checks the server name of the ClientHello that is being processed. Only inside OpenSSL's
// client_hello callback. Looks at the extension itself and not at SSL_get_servername, which for a
// resumed TLS 1.2 session tells the session's name instead of the sent one.
[[nodiscard]] SniVerdict check_sni(ssl_st* ssl, const ServerName& destination);

// The same for the extension's bytes; `present` false = no such extension.
[[nodiscard]] SniVerdict check_sni_extension(std::string_view extension, bool present,
                                             const ServerName& destination);

// The host that the ClientHello being processed names, where nothing else has named the
// destination. Failures, all ClientBad: "sni_missing", "sni_malformed" (not one canonical DNS name;
// RFC 6066 section 3 has no addresses). Only inside OpenSSL's client_hello callback.
[[nodiscard]] Result<ServerName> sni_of(ssl_st* ssl);
// Whether it names any host, valid or not. Only inside that callback.
[[nodiscard]] bool names_a_server(ssl_st* ssl);

// The same for the extension's bytes; `present` false = no such extension.
[[nodiscard]] Result<ServerName> sni_in_extension(std::string_view extension, bool present);

// The first byte that a TLS client may send (RFC 8446 section 5.1: a handshake record). Another
// byte is not TLS, or is SSLv2.
[[nodiscard]] constexpr bool looks_like_tls(char first) noexcept { return first == '\x16'; }

}  // namespace bottle
