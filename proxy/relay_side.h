#pragma once

#include <memory>

#include "proxy/credentials/credential_upstream.h"
#include "proxy/credentials/login_upstream.h"
#include "proxy/shared.h"
#include "proxy/snapshot.h"
#include "proxy/upstream/dialer.h"
#include "proxy/upstream/origin_upstream.h"
#include "proxy/upstream/pool.h"

namespace bottle {

// One worker's connections to origins for what a scanner does not read: the route relay, and
// WebSockets whose handshake the scanner has passed. Everything it is given outlives it. One
// thread.
class RelaySide {
 public:
  RelaySide(const Shared& shared, std::shared_ptr<const CredentialSet> credentials,
            Executor executor, TimerWheel& wheel, Way& way, RecordBuffers& records,
            DecodeSpace& decode);
  RelaySide(const RelaySide&) = delete;
  RelaySide& operator=(const RelaySide&) = delete;

  [[nodiscard]] Upstream& upstream() noexcept { return way_out_; }
  // For requests that go out from now on.
  void take(std::shared_ptr<const CredentialSet> credentials) {
    way_out_.take(std::move(credentials));
  }
  // The worker's last call, after all exchanges have ended.
  awaitable<void> close();

 private:
  TlsClient tls_client_;
  OriginDialer dialer_;
  Pool pool_;
  OriginUpstream origins_;
  LoginUpstream logins_;
  CredentialUpstream way_out_;
};

}  // namespace bottle
