#include "proxy/tls/tls_stream_bio.h"

#include <algorithm>
#include <exception>
#include <new>

#include "certs/openssl_ptr.h"

namespace bottle {

int TlsStreamBio::read(BIO* bio, char* out, int room) {
  TlsStream& self = stream(bio);
  BIO_clear_retry_flags(bio);
  if (self.post_handshake_ > TlsStream::kMaxPostHandshake) return -1;
  if (self.input_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t n = std::min(self.input_.size(), static_cast<std::size_t>(room));
  std::copy_n(self.input_.data(), n, out);
  self.input_.remove_prefix(n);
  return static_cast<int>(n);
}

int TlsStreamBio::write(BIO* bio, const char* data, int size) {
  TlsStream& self = stream(bio);
  BIO_clear_retry_flags(bio);
  Bytes& out = self.unsent_.empty() ? self.buffers_.to_send : self.unsent_;
  try {
    out.append(data, static_cast<std::size_t>(size));
  } catch (const std::exception&) {
    return -1;  // out of memory
  }
  return size;
}

void TlsStreamBio::on_message(int outgoing, int, int type, const void*, std::size_t, SSL*,
                              void* arg) {
  TlsStream& self = *static_cast<TlsStream*>(arg);
  if (outgoing == 0 && type == SSL3_RT_HANDSHAKE && self.machine_.handshake_done()) {
    ++self.post_handshake_;
  }
}

const BIO_METHOD* TlsStreamBio::method() {
  static const openssl::BioMethodPtr made = [] {
    openssl::BioMethodPtr method(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "record bytes"));
    if (!method) throw std::bad_alloc();
    BIO_meth_set_read(method.get(), &TlsStreamBio::read);
    BIO_meth_set_write(method.get(), &TlsStreamBio::write);
    BIO_meth_set_ctrl(method.get(), [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    return method;
  }();
  return made.get();
}

}  // namespace bottle
