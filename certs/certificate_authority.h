#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "certs/server_name.h"
#include "proxy/base/result.h"

struct evp_pkey_st;
struct x509_st;

namespace bottle {

using WallClock = std::chrono::system_clock;

enum class CaNames : std::uint8_t {
  Any,        // no constraints: for a CA that is trusted nowhere but in its bottle
  Allowlist,  // critical name constraints: for a CA that a person may install
};

struct CaOptions {
  CaNames names = CaNames::Allowlist;
  // Host patterns as in the allowlist, ports taken off: "a.test", "*.a.test", "192.0.2.1",
  // "2001:db8::1", "*". At most kMaxConstraints of them.
  std::vector<std::string> allow;
  // The key dies with the process; this only bounds how long a lost one could be used, and how
  // long a process may run. Root and intermediate end together.
  std::chrono::hours lifetime{24 * 30};
};

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

// The bottle's CA (design: root → one intermediate → leaves, ECDSA P-256). Made fresh by main,
// lives as long as the process, immutable: mint() may be called from every worker at once.
// The root's private key is gone when create() returns; the intermediate's and the leaf key live
// in memory only, outside core dumps where the system allows it, and are cleansed at the end.
class CertificateAuthority {
 public:
  static constexpr std::size_t kMaxConstraints = 1024;  // verifiers still check so many fast
  static constexpr std::chrono::hours kLeafLifetime{24};
  static constexpr std::chrono::minutes kBackdate{5};  // clients' clocks may be a little behind

  [[nodiscard]] static Result<std::unique_ptr<CertificateAuthority>> create(
      const CaOptions& options, WallClock::time_point now = WallClock::now());
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;
  ~CertificateAuthority();

  // One signature, about 50 µs. SAN is `name` alone. Whether the name may have a certificate is
  // the caller's question; with constraints a client refuses a leaf outside them in any case.
  // Fails with Internal "ca_expired" when the CA's life is over.
  [[nodiscard]] Result<Leaf> mint(const ServerName& name, WallClock::time_point now) const;

  // The root certificate, the one thing that goes out: for --ca-out and for trust stores.
  [[nodiscard]] const std::string& root_pem() const noexcept { return root_pem_; }
  // SHA-256 over the root's DER, "AA:BB:…".
  [[nodiscard]] const std::string& fingerprint() const noexcept { return fingerprint_; }
  [[nodiscard]] const std::string& intermediate_pem() const noexcept { return intermediate_pem_; }
  [[nodiscard]] WallClock::time_point not_after() const noexcept { return not_after_; }
  [[nodiscard]] bool constrained() const noexcept { return constrained_; }
  // For a person, at start: why the intermediate is not constrained although that was asked.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  // Borrowed; for the TLS contexts, which take their own references.
  [[nodiscard]] x509_st* intermediate() const noexcept { return intermediate_; }
  [[nodiscard]] evp_pkey_st* leaf_key() const noexcept { return leaf_key_; }

 private:
  CertificateAuthority();

  struct LeafParts;  // the part that all leaves have in common, encoded once
  std::unique_ptr<LeafParts> leaf_parts_;
  x509_st* intermediate_ = nullptr;
  evp_pkey_st* intermediate_key_ = nullptr;
  evp_pkey_st* leaf_key_ = nullptr;
  std::string root_pem_;
  std::string intermediate_pem_;
  std::string fingerprint_;
  std::vector<std::string> warnings_;
  WallClock::time_point not_after_;
  bool constrained_ = false;
};

}  // namespace bottle
