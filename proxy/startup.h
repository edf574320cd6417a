#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "certs/ca_papers.h"
#include "certs/certificate_authority.h"
#include "certs/leaf_issuer.h"
#include "proxy/config/proxy_users.h"
#include "proxy/config/secrets_file.h"
#include "proxy/contract/error.h"
#include "proxy/control/policy_book.h"
#include "proxy/guard/answers/pending_answers.h"
#include "proxy/lasting_counts.h"
#include "proxy/listen/open_listeners.h"
#include "proxy/local_routes.h"
#include "proxy/shared.h"
#include "proxy/start_secrets.h"

namespace bottle {

// The object graph that main builds by hand, in the order in which it depends on each other: guard,
// policy, CA, files, audit. Outlives the server.
class ProxyServices {
 public:
  // All that the process has from the one that started it, and from those before it.
  struct Inherited {
    const LeafIssuer& issuer;  // outlives the services
    const CaPapers& papers;    // the same
    LastingCounts& counts;     // the same
    HandedSecrets secrets{};
    std::optional<std::vector<SecretSpec>> kept_secrets{};
    std::optional<KeptPolicy> kept_policy{};
    bool first = true;  // no other wrote the files that say that the proxy is ready
  };

  // Reads and writes the files that the configuration names. The Error's code is the exit status.
  [[nodiscard]] static Expected<std::unique_ptr<ProxyServices>> make(const Config& config,
                                                                     const OpenListeners& listeners,
                                                                     Inherited inherited);
  ~ProxyServices();
  ProxyServices(const ProxyServices&) = delete;
  ProxyServices& operator=(const ProxyServices&) = delete;

  [[nodiscard]] const Shared& shared() const noexcept { return *shared_; }
  [[nodiscard]] StartSecrets& secrets() noexcept { return *secrets_; }
  [[nodiscard]] PolicyBook& policy() noexcept { return *policy_; }

 private:
  ProxyServices(const Config& config, Inherited inherited);
  Expected<void> build(const OpenListeners& listeners);
  Expected<void> open_audit();
  Expected<void> take_parent();
  Expected<void> make_policy(const OpenListeners& listeners);
  void remember_texts();
  Expected<void> write_trust();

  const Config& config_;
  Inherited inherited_;
  GuardSettings guard_settings_;  // the configuration's, with the key
  std::unique_ptr<const ProxyUsers> users_;
  std::unique_ptr<const ParentProxy> parent_;
  std::unique_ptr<StartSecrets> secrets_;
  const PendingAnswers answers_;
  LocalRoutes machine_;
  AddressGuard addresses_;
  std::unique_ptr<PolicyBook> policy_;
  std::unique_ptr<TicketKeys> tickets_;
  std::shared_ptr<const OriginTrust> trust_;
  std::unique_ptr<ExchangeLedger> ledger_;
  std::unique_ptr<KnownText> known_;
  std::unique_ptr<ScannerLife> life_;
  std::unique_ptr<AuditSink> audit_;
  std::unique_ptr<AskBook> asks_;
  HostWatch host_watch_;
  TunnelBook tunnels_;
  MemoryBudget memory_;
  std::unique_ptr<Shared> shared_;
};

// The names that the CA of such a proxy may sign for. Fails as make() does.
[[nodiscard]] Expected<CaOptions> ca_options(const Config& config, const OpenListeners& listeners);

// Fails where ProxyServices::make() would, because of the configuration or of the files that it
// reads. Opens no socket, writes no file, and asks nothing over the network. The value: sentences
// on what is accepted and does not do what it seems to.
[[nodiscard]] Expected<std::vector<std::string>> check_services(const Config& config);

}  // namespace bottle
