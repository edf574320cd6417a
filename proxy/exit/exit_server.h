#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <vector>

#include "certs/certificate_authority.h"
#include "certs/leaf_cache.h"
#include "proxy/base/task_group.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/spool.h"
#include "proxy/flow/audit_sink.h"
#include "proxy/flow/policy.h"
#include "proxy/http/session.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/tls/tls_acceptor.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

struct ExitLimits {
  std::size_t connections = 1024;  // from the scanner; it keeps two idle ones a host
  SessionLimits session;
  TlsAcceptorLimits tls;
  LeafCacheLimits leaves;
  DecodeLimits decode;
  RequestRules rules;  // the front's: see behind_scanner()
  // The scanner may change request bodies (its redaction); then its version goes out. Otherwise a
  // changed body is refused.
  bool scanner_may_change_bodies = false;
};

// The scanner-facing half: takes connections on its listeners (TLS with the bottle's leaves, or
// plain h1, told apart by the first byte), lets out the requests whose ticket, head and body are
// those of a live exchange, over `origins`, and tells the ledger what really came back. Every
// refusal leaves an audit line with by "exit". Lives on one worker's loop.
class ExitServer {
 public:
  // All outlive it. Ledger, policy and audit are shared; the others belong to this thread.
  struct Services {
    boost::asio::io_context& io;
    TimerWheel& wheel;
    ExchangeLedger& ledger;
    const Policy& policy;
    const CertificateAuthority& ca;
    const TicketKeys& tickets;
    RecordBuffers& records;
    Upstream& origins;
    Spool& spool;
    DecodeSpace& decode;
    AuditSink& audit;
    std::string id_prefix;  // unique to this process
    ExitLimits limits;
  };
  // Takes over the listening sockets (descriptors).
  ExitServer(Services services, std::vector<int> listeners);
  ExitServer(const ExitServer&) = delete;
  ExitServer& operator=(const ExitServer&) = delete;
  ~ExitServer();

  // Until stop(); returns when no connection and no exchange is left. Spawned once by the worker.
  awaitable<void> run();
  // No more connections; ends those that are there. From the loop's thread. The worker calls it
  // when every front has ended.
  void stop() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bottle
