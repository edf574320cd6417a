#pragma once

#include <memory>
#include <string>

#include "certs/leaf_issuer.h"
#include "proxy/base/memory_budget.h"
#include "proxy/config/config.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/credentials/login_tokens.h"
#include "proxy/flow/ask_book.h"
#include "proxy/flow/audit_sink.h"
#include "proxy/flow/tunnel_book.h"
#include "proxy/guard/address_guard.h"
#include "proxy/guard/answers/pending_answers.h"
#include "proxy/guard/host_watch.h"
#include "proxy/http/doorkeeper.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/ledger/known_text.h"
#include "proxy/listen/open_listeners.h"
#include "proxy/scanner/scanner_life.h"
#include "proxy/tls/tls_acceptor.h"
#include "proxy/tls/tls_client.h"
#include "proxy/upstream/parent_way.h"
#include "proxy/upstream/resolver.h"

namespace bottle {

// Shared by all workers; immutable or thread-safe, owned by main, outlives them.
struct Shared {
  const Config& config;
  const GuardSettings& guard;
  const PendingAnswers& answers;
  LoginTokens* logins;  // null: there are none
  const AddressGuard& addresses;
  const LeafIssuer& ca;
  const TicketKeys& tickets;
  std::shared_ptr<const OriginTrust> trust;
  const Doorkeeper* doorkeeper = nullptr;  // null: no authentication at --listen
  const ParentProxy* parent = nullptr;     // null: origins are reached directly
  ExchangeLedger* ledger = nullptr;        // null: there is no exit
  KnownText* known = nullptr;              // null: the scanner is shown everything
  ScannerLife* life = nullptr;             // the same
  AskBook* asks = nullptr;                 // null: no question to a person
  AuditSink& audit;
  HostWatch& host_watch;
  TunnelBook& tunnels;
  MemoryBudget& memory;
  AnsweredAddresses names_answer;
  AnsweredAddresses exit_answer;
  PoolLimits origin_pool;  // of each pool: the configuration's, within the descriptors
  std::string id_prefix;   // unique to this process
};

}  // namespace bottle
