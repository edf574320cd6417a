#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstddef>

#include "proxy/tls/tls_stream.h"

namespace bottle {

// The BIO between OpenSSL and a stream's record bytes. It only copies: no system call here, and no
// exception goes through OpenSSL. Private to tls_stream.cc.
struct TlsStreamBio {
  // Its data is the TlsStream.
  static const BIO_METHOD* method();
  // SSL_set_msg_callback: counts what comes after the handshake.
  static void on_message(int outgoing, int, int type, const void*, std::size_t, SSL*, void* arg);

 private:
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }
  static int read(BIO* bio, char* out, int room);
  static int write(BIO* bio, const char* data, int size);
};

}  // namespace bottle
