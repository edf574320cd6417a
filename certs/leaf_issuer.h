#pragma once

#include <chrono>
#include <string>

#include "certs/server_name.h"
#include "proxy/base/result.h"

struct evp_pkey_st;
struct x509_st;

namespace bottle {

using WallClock = std::chrono::system_clock;

// A leaf certificate, as the handshake needs it. Shares the process's one leaf key.
class Leaf {
 public:
  Leaf(x509_st* owned, WallClock::time_point not_before, WallClock::time_point not_after) noexcept;
  Leaf(Leaf&& other) noexcept;
  Leaf& operator=(Leaf&& other) noexcept;
  ~Leaf();

  [[nodiscard]] x509_st* certificate() const noexcept { return certificate_; }  // borrowed
  [[nodiscard]] WallClock::time_point not_before() const noexcept { return not_before_; }
  [[nodiscard]] WallClock::time_point not_after() const noexcept { return not_after_; }
  [[nodiscard]] std::string pem() const;

 private:
  x509_st* certificate_;
  WallClock::time_point not_before_;
  WallClock::time_point not_after_;
};

// The part of a CA that handshakes need: leaves, and the certificate above them. The CA's key may
// be in this process (CertificateAuthority) or in another one (SignerClient). Thread-safe; outlives
// the TLS contexts and caches that are made of it.
class LeafIssuer {
 public:
  virtual ~LeafIssuer() = default;
  // SAN is `name` alone. Whether the name may have a certificate is the caller's question; with
  // constraints a client refuses a leaf outside them in any case. Fails with Internal "ca_expired"
  // when the CA's life is over.
  [[nodiscard]] virtual Result<Leaf> mint(const ServerName& name,
                                          WallClock::time_point now) const = 0;
  // No leaf lives longer.
  [[nodiscard]] virtual WallClock::time_point not_after() const noexcept = 0;
  // Borrowed; the TLS contexts take their own references.
  [[nodiscard]] virtual x509_st* intermediate() const noexcept = 0;
  [[nodiscard]] virtual evp_pkey_st* leaf_key() const noexcept = 0;
};

// mint() when the life of the run's CA is over.
[[nodiscard]] Failure ca_expired();

}  // namespace bottle
