#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/base/memory_account.h"
#include "proxy/credentials/credential_upstream.h"
#include "proxy/credentials/login_upstream.h"
#include "proxy/exit/exit_server.h"
#include "proxy/exit/name_server.h"
#include "proxy/flow/live_policy.h"
#include "proxy/listen/open_listeners.h"
#include "proxy/refused_names.h"
#include "proxy/shared.h"
#include "proxy/snapshot.h"
#include "proxy/upstream/dialer.h"
#include "proxy/upstream/origin_upstream.h"
#include "proxy/upstream/pool.h"
#include "proxy/upstream/resolver.h"

namespace bottle {

// The exit of the process with everything it goes out by: connections to origins, a spool, the
// decoders' memory, the name server that leads pipelock to it. On one worker's loop and thread,
// apart from the front's limits, so that neither can starve the other.
class ExitHost {
 public:
  // The arguments outlive it; the descriptors are taken over.
  ExitHost(const Shared& shared, const Snapshot& snapshot, boost::asio::io_context& io,
           const LivePolicy& policy, TimerWheel& wheel, Way& way, RecordBuffers& records,
           std::vector<int> listeners, std::optional<int> names);
  ExitHost(const ExitHost&) = delete;
  ExitHost& operator=(const ExitHost&) = delete;

  // For requests that go out from now on. Throws std::bad_alloc, and then nothing has changed.
  void take(const Snapshot& next);
  // Until stop(), and then until no exchange and no connection is left.
  awaitable<void> run();
  // When no front is left that has exchanges under way. From the loop's thread.
  void stop() noexcept;

 private:
  TlsClient tls_client_;
  OriginDialer dialer_;
  Pool pool_;
  OriginUpstream origins_;
  const std::shared_ptr<MemoryAccount> memory_;  // of its spools
  DecodeSpace decode_;
  LoginUpstream logins_;
  CredentialUpstream way_out_;
  Spool spool_;
  Spool answers_;
  ExitServer server_;
  RefusedNames refused_;
  std::unique_ptr<NameServer> names_;
  TaskGroup tasks_;
};

}  // namespace bottle
