#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "certs/leaf_issuer.h"
#include "certs/server_name.h"
#include "proxy/base/result.h"

struct X509_extension_st;

namespace bottle {

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

// The bottle's CA (design: root → one intermediate → leaves, ECDSA P-256). Made fresh by main,
// lives as long as the process, immutable: mint() may be called from every worker at once.
// The root's private key is gone when create() returns; the intermediate's and the leaf key live
// in memory only, outside core dumps where the system allows it, and are cleansed at the end.
class CertificateAuthority final : public LeafIssuer {
 public:
  static constexpr std::size_t kMaxConstraints = 1024;  // verifiers still check so many fast
  static constexpr std::chrono::hours kLeafLifetime{24};
  static constexpr std::chrono::minutes kBackdate{5};  // clients' clocks may be a little behind

  [[nodiscard]] static Result<std::unique_ptr<CertificateAuthority>> create(
      const CaOptions& options, WallClock::time_point now = WallClock::now());
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;
  ~CertificateAuthority() override;

  // One signature, about 50 µs.
  [[nodiscard]] Result<Leaf> mint(const ServerName& name, WallClock::time_point now) const override;
  // The same for another process's leaf key, of which `key` is the public half (a P-256 key).
  [[nodiscard]] Result<Leaf> mint_for(evp_pkey_st* key, const ServerName& name,
                                      WallClock::time_point now) const;

  // For --ca-out and for trust stores.
  [[nodiscard]] const std::string& root_pem() const noexcept { return root_pem_; }
  // SHA-256 over the root's DER, "AA:BB:…".
  [[nodiscard]] const std::string& fingerprint() const noexcept { return fingerprint_; }
  [[nodiscard]] const std::string& intermediate_pem() const noexcept { return intermediate_pem_; }
  [[nodiscard]] WallClock::time_point not_after() const noexcept override { return not_after_; }
  [[nodiscard]] bool constrained() const noexcept { return constrained_; }
  // For a person, at start: why the intermediate is not constrained although that was asked.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  [[nodiscard]] x509_st* intermediate() const noexcept override { return intermediate_; }
  [[nodiscard]] evp_pkey_st* leaf_key() const noexcept override { return leaf_key_; }

 private:
  CertificateAuthority();
  [[nodiscard]] Result<Leaf> sign_leaf(evp_pkey_st* key, X509_extension_st* key_id,
                                       const ServerName& name, WallClock::time_point now) const;

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
