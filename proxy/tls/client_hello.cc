#include "proxy/tls/client_hello.h"

#include <openssl/ssl.h>

#include <algorithm>

namespace bottle {
namespace {

std::size_t read_u16(std::string_view bytes) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8U |
         static_cast<unsigned char>(bytes[1]);
}

}  // namespace

SniVerdict check_sni_extension(std::string_view extension, bool present,
                               const ServerName& destination) {
  if (!present) return SniVerdict::Absent;
  // list length (2), type host_name = 0 (1), name length (2), name; nothing before or after it.
  if (extension.size() < 6 || read_u16(extension) != extension.size() - 2 || extension[2] != 0 ||
      read_u16(extension.substr(3)) != extension.size() - 5) {
    return SniVerdict::Malformed;
  }
  const Result<ServerName> named = ServerName::parse(extension.substr(5));
  if (!named) return SniVerdict::Different;
  // RFC 6066 has no addresses here, but clients send them; they may write one in two ways.
  const bool same = named->is_ip() ? std::ranges::equal(named->address(), destination.address())
                                   : named->text() == destination.text();
  return same ? SniVerdict::Matches : SniVerdict::Different;
}

SniVerdict check_sni(ssl_st* ssl, const ServerName& destination) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  const bool present = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) == 1;
  return check_sni_extension({reinterpret_cast<const char*>(bytes), size}, present, destination);
}

}  // namespace bottle
