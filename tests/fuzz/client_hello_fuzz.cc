// A ClientHello on the route splice: the name that is read is the one that OpenSSL, as an origin,
// would read, and a hello that comes in pieces is read as one that comes whole.
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/tls/client_hello.h"
#include "proxy/tls/hello_reader.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

struct Seen {
  bool called = false;
  bool names_server = false;
  std::string server_name;
};

int on_hello(SSL* ssl, int*, void*) {
  auto* seen = static_cast<Seen*>(SSL_get_app_data(ssl));
  seen->called = true;
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  seen->names_server = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) == 1;
  if (seen->names_server) seen->server_name.assign(reinterpret_cast<const char*>(bytes), size);
  return SSL_CLIENT_HELLO_ERROR;
}

Seen seen_by_openssl(std::string_view in) {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_client_hello_cb(made, &on_hello, nullptr);
    return made;
  }();
  Seen seen;
  SSL* ssl = SSL_new(context);
  SSL_set_app_data(ssl, &seen);
  BIO* bio = BIO_new_mem_buf(in.data(), static_cast<int>(in.size()));
  SSL_set_bio(ssl, bio, BIO_new(BIO_s_null()));
  SSL_accept(ssl);
  SSL_free(ssl);
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  using State = ClientHello::State;
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  if (in.empty()) return 0;
  const ClientHello whole = read_client_hello(in);
  // A decision about a prefix holds.
  const ClientHello half = read_client_hello(in.substr(0, size / 2));
  if (half.state != State::NeedMore) {
    FUZZ_CHECK(half.state == whole.state);
    FUZZ_CHECK(half.server_name == whole.server_name && half.names_server == whole.names_server);
  }
  FUZZ_CHECK(whole.names_server || whole.server_name.empty());
  if (whole.state != State::Complete) return 0;
  const auto name = sni_in_extension(whole.server_name, whole.names_server);
  if (name) FUZZ_CHECK(!name->text().empty());
  const Seen seen = seen_by_openssl(in);
  if (!seen.called) return 0;
  FUZZ_CHECK(seen.names_server == whole.names_server);
  FUZZ_CHECK(seen.server_name == whole.server_name);
  return 0;
}
