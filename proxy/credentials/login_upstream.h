#pragma once

#include <memory>

#include "proxy/body/content_decoder.h"
#include "proxy/credentials/login_tokens.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// Puts the tokens of logins in, and takes them out of answers, as CredentialUpstream does with
// credentials. And gets new ones: a request for them has the agent's placeholder in the place of
// the refresh token, and the answer that the agent gets has placeholders in the place of the new
// tokens, which are on the disk before. All other requests pass as they are.
//
// One refresh of a login at a time, over all bottles: each takes the refresh token that the store
// has then, so that none sends one that was used up. Once such a request was begun, the end of its
// client does not end it: the origin may have changed the tokens, and the old ones be over.
class LoginUpstream final : public Upstream {
 public:
  // All outlive it. The limits are CredentialUpstream's.
  LoginUpstream(Upstream& inner, LoginTokens* logins, DecodeLimits limits, DecodeSpace& decode)
      : inner_(inner), logins_(logins), limits_(limits), decode_(decode) {}
  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage& passage) override;

 private:
  awaitable<Result<Response>> send_with(std::shared_ptr<const LoginValues> login, Request request,
                                        Exchange& exchange, Passage& passage);
  awaitable<Result<Response>> send_to_endpoint(const LoginSpec& login, Request request,
                                               Exchange& exchange, Passage& passage);
  awaitable<Result<Response>> refresh(const LoginSpec& login, Request request, Bytes body,
                                      Exchange& exchange, Passage& passage);

  Upstream& inner_;
  LoginTokens* const logins_;  // null: there are none
  DecodeLimits limits_;
  DecodeSpace& decode_;
};

}  // namespace bottle
