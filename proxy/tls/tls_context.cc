#include "proxy/tls/tls_context.h"

#include <stdexcept>
#include <string>

#include "certs/openssl_ptr.h"

namespace bottle {

void require_openssl(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string(what) + ": " + openssl::take_errors());
}

}  // namespace bottle
