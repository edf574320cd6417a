#include "proxy/tls/client_hello.h"

#include <openssl/ssl.h>

#include "proxy/contract/host_name.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

std::size_t read_u16(std::string_view bytes) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8U |
         static_cast<unsigned char>(bytes[1]);
}

// list length (2), type host_name = 0 (1), name length (2), name; nothing before or after it.
bool is_one_host_name(std::string_view extension) {
  return extension.size() >= 6 && read_u16(extension) == extension.size() - 2 &&
         extension[2] == 0 && read_u16(extension.substr(3)) == extension.size() - 5;
}

// Empty and not present if there is none.
struct Extension {
  std::string_view bytes;
  bool present = false;
};

Extension sni_extension(ssl_st* ssl) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  const bool present = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) == 1;
  return {{reinterpret_cast<const char*>(bytes), size}, present};
}

}  // namespace

SniVerdict check_sni_extension(std::string_view extension, bool present,
                               const ServerName& destination) {
  if (!present) return SniVerdict::Absent;
  if (!is_one_host_name(extension)) return SniVerdict::Malformed;
  const std::string_view text = extension.substr(5);
  // RFC 6066 has no addresses here, but clients send them; they may write one in two ways.
  const HostReading host = read_host(text);
  if (host.defect == nullptr && host.kind != HostKind::Name) {
    return host.text == destination.text() ? SniVerdict::Matches : SniVerdict::Different;
  }
  const Result<ServerName> named = ServerName::parse(text);
  const bool same = named && named->text() == destination.text();
  return same ? SniVerdict::Matches : SniVerdict::Different;
}

SniVerdict check_sni(ssl_st* ssl, const ServerName& destination) {
  const Extension extension = sni_extension(ssl);
  return check_sni_extension(extension.bytes, extension.present, destination);
}

Result<ServerName> sni_in_extension(std::string_view extension, bool present) {
  if (!present) {
    return Failure{Code::ClientBad, "the ClientHello names no server", problem_code::kSniMissing,
                   "Connect to a name and not to an address, with a client that sends it (SNI)."};
  }
  const Failure malformed{Code::ClientBad, "the ClientHello's server_name is malformed",
                          problem_code::kSniMalformed};
  if (!is_one_host_name(extension)) return malformed;
  Result<ServerName> named = ServerName::parse(extension.substr(5));
  if (!named || named->is_ip()) return malformed;
  return named;
}

bool names_a_server(ssl_st* ssl) { return sni_extension(ssl).present; }

Result<ServerName> sni_of(ssl_st* ssl) {
  const Extension extension = sni_extension(ssl);
  return sni_in_extension(extension.bytes, extension.present);
}

}  // namespace bottle
