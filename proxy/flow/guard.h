#pragma once

#include <string_view>

#include "proxy/base/result.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/http/exchange.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// Looks at everything that goes out, in front of every upstream: host, target, each field's name
// and value, and the body as it is sent and decoded. (A request's trailers go nowhere.) One a
// worker; `secrets` and `decode` outlive it, and it outlives the bodies that it has wrapped.
class Guard {
 public:
  Guard(const SecretSet& secrets, DecodeLimits limits, DecodeSpace& decode)
      : secrets_(secrets), scan_(secrets), limits_(limits), decode_(decode) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // Refuses what may not leave. The body is looked at while it is read: a hit is a Failure of the
  // piece that holds its last byte. Failures: refusal(finding), and codings_of()'s.
  [[nodiscard]] Result<void> look_out(Request& request, const Exchange& exchange, Passage& passage);

  // True if `host` has a secret in its name.
  [[nodiscard]] bool knows_host(std::string_view host);
  // For what is written down of a request that was refused: it was looked at up to the first hit,
  // or not at all, and the audit log must not become the place where a secret ends up.
  void keep_secrets_out(Exchange& exchange);

 private:
  const SecretSet& secrets_;
  ScanSpace scan_;
  const DecodeLimits limits_;
  DecodeSpace& decode_;
};

}  // namespace bottle
