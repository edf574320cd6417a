#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <string>

#include "certs/leaf_cache.h"
#include "certs/leaf_issuer.h"
#include "proxy/base/deadline.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/spool.h"
#include "proxy/flow/audit_sink.h"
#include "proxy/flow/live_policy.h"
#include "proxy/http/session.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/ledger/known_text.h"
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

// All that an exit works with. All outlive it. Ledger and audit are shared; the others
// belong to the exit's thread.
struct ExitServices {
  boost::asio::io_context& io;
  TimerWheel& wheel;
  ExchangeLedger& ledger;
  const LivePolicy& policy;
  const LeafIssuer& ca;
  const TicketKeys& tickets;
  RecordBuffers& records;
  Upstream& origins;
  Spool& spool;    // of requests
  Spool& answers;  // apart, so that clients which do not read answers keep no request out
  DecodeSpace& decode;
  AuditSink& audit;
  KnownText* known;       // hears of the strings of answers; null: not needed
  std::string id_prefix;  // unique to this process
  ExitLimits limits;
};

}  // namespace bottle
