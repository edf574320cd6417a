#pragma once

#include <memory>
#include <string>
#include <utility>

#include "proxy/body/content_decoder.h"
#include "proxy/credentials/credential_set.h"
#include "proxy/credentials/credential_use.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// Puts credentials in the place of their placeholders, behind everything that looks at a request,
// and takes them out of the answer before anything else sees it. For requests over https to the
// credentials' hosts; all others pass as they are.
//
// An answer's content coding is taken off, since a value could not be found in it; one that cannot
// be is UpstreamBroken (coding_not_scannable), and so is a body that does not decode.
class CredentialUpstream final : public Upstream {
 public:
  // The others outlive it. `limits`: of them the memory alone counts, since the body is streamed
  // on.
  CredentialUpstream(Upstream& inner, std::shared_ptr<const CredentialSet> credentials,
                     DecodeLimits limits, DecodeSpace& decode);
  // For requests that are sent from now on. On the worker's thread.
  void take(std::shared_ptr<const CredentialSet> credentials) noexcept {
    credentials_ = std::move(credentials);
  }
  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage& passage) override;

 private:
  // Reads the whole body, and leaves it in the request; its SHA-256.
  awaitable<Result<std::string>> hold_body(Request& request);
  // Puts values into the body where the request tells how long that is.
  awaitable<Result<>> swap_held_body(Request& request, const CredentialUse& use);
  awaitable<Result<Response>> send_with(std::shared_ptr<CredentialUse> use, Request request,
                                        Exchange& exchange, Passage& passage);

  Upstream& inner_;
  std::shared_ptr<const CredentialSet> credentials_;
  DecodeLimits limits_;
  DecodeSpace& decode_;
};

}  // namespace bottle
