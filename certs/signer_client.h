#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

#include "certs/ca_papers.h"
#include "certs/leaf_issuer.h"
#include "certs/openssl_ptr.h"
#include "certs/signer_messages.h"
#include "proxy/contract/fd.h"

namespace bottle {

// Leaves that a Signer in another process signs, for a leaf key that is this process's own. The
// caller waits for the answer, as it would for a signature of its own.
class SignerClient final : public LeafIssuer {
 public:
  // Longer than any signature takes: the signer is stopped, or gone.
  static constexpr std::chrono::seconds kPatience{2};

  // `socket`: a SOCK_SEQPACKET socket, which it takes over. Messages of processes that had it
  // before may still be in it. Fails with Internal "ca_failed".
  [[nodiscard]] static Result<std::unique_ptr<SignerClient>> make(const CaPapers& papers,
                                                                  Fd socket);

  // Fails as LeafIssuer's does, with Overloaded "too_many_names" beyond the signer's rate, and with
  // Internal "ca_failed" if it does not answer.
  [[nodiscard]] Result<Leaf> mint(const ServerName& name, WallClock::time_point now) const override;
  [[nodiscard]] WallClock::time_point not_after() const noexcept override { return not_after_; }
  [[nodiscard]] x509_st* intermediate() const noexcept override { return intermediate_.get(); }
  [[nodiscard]] evp_pkey_st* leaf_key() const noexcept override { return leaf_key_.get(); }

 private:
  SignerClient(openssl::X509Ptr intermediate, openssl::PkeyPtr leaf_key, const PublicPoint& point,
               WallClock::time_point not_after, std::uint64_t first_id, Fd socket);
  [[nodiscard]] Result<SignerAnswer> ask(const ServerName& name) const;

  const openssl::X509Ptr intermediate_;
  const openssl::PkeyPtr leaf_key_;
  const PublicPoint point_;
  const WallClock::time_point not_after_;
  const Fd socket_;
  mutable std::mutex mutex_;  // one question at a time
  mutable std::uint64_t next_id_;
};

}  // namespace bottle
