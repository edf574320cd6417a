#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "certs/certificate_authority.h"
#include "certs/openssl_ptr.h"
#include "certs/signer_messages.h"

namespace bottle {

struct SignerLimits {
  // Signatures that may be saved up, and how many come back in a minute. The caches that ask are
  // bounded themselves; this bounds one that does not keep to its bounds.
  double at_once = 2048;
  double a_minute = 2048;
};

// Signs leaves for another process by messages. It is the only code of the process that has the
// CA's key, and reads nothing else. One thread; `ca` outlives it.
class Signer {
 public:
  using Clock = std::chrono::steady_clock;

  Signer(const CertificateAuthority& ca, SignerLimits limits, Clock::time_point now);

  // The answer to one message; empty if it is none that may be answered.
  [[nodiscard]] std::string answer(std::string_view message, Clock::time_point now);
  // Answers messages at a SOCK_SEQPACKET socket until its other ends are closed.
  void serve(int socket);

 private:
  [[nodiscard]] bool may_sign(Clock::time_point now);
  [[nodiscard]] SignerAnswer sign(const SignerRequest& request, Clock::time_point now);

  const CertificateAuthority& ca_;
  const SignerLimits limits_;
  double saved_;
  Clock::time_point last_;
  std::optional<PublicPoint> point_;  // of the process that asked last
  openssl::PkeyPtr key_;              // the same
};

}  // namespace bottle
