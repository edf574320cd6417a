#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>

#include "proxy/contract/error.h"

struct x509_store_st;

namespace bottle {

// The roots that origins are checked against. Read once by main, shared by all workers, immutable.
// The bottle's own CA is never among them: an origin that shows it is refused.
//
// A system has some 140 roots and an agent's origins use a few, while decoding one key takes half
// a millisecond. So of the system's roots only the names are read at the start; a root is decoded
// when a chain ends in its name.
class OriginTrust {
 public:
  // `origin_ca`, if not empty, is added to the system's roots (SSL_CERT_FILE or the usual bundle;
  // a system without any is then no error). The Error (kFiles) says which file and why. A file that
  // a person named must be readable as a whole; a root of the system's that turns out not to be
  // vouches for nothing.
  [[nodiscard]] static Expected<std::shared_ptr<const OriginTrust>> load(
      const std::filesystem::path& origin_ca);
  // No root at all: every origin is of an unknown authority.
  [[nodiscard]] static std::shared_ptr<const OriginTrust> none();
  // Only these PEM certificates.
  [[nodiscard]] static Expected<std::shared_ptr<const OriginTrust>> from_pem(std::string_view pem);
  OriginTrust(const OriginTrust&) = delete;
  OriginTrust& operator=(const OriginTrust&) = delete;
  ~OriginTrust();

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // For SSL_CTX_set1_cert_store(), which shares it. Used by any number of threads.
  [[nodiscard]] x509_store_st* store() const noexcept { return store_; }

 private:
  OriginTrust();
  // False if one of them is damaged, or there is none.
  [[nodiscard]] bool add_now(std::string_view pem);

  x509_store_st* store_;
  std::size_t size_ = 0;
};

}  // namespace bottle
