#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "proxy/flow/audit_sink.h"
#include "proxy/flow/guard.h"
#include "proxy/flow/live_policy.h"
#include "proxy/flow/tunnel_book.h"
#include "proxy/guard/host_watch.h"

namespace bottle {

// One connection of the route splice, from its admission to its audit line. Owned by the
// connection's task; the gate outlives it.
class SplicedTunnel {
 public:
  SplicedTunnel(AuditSink& audit, AuditRecord record, std::unique_ptr<TunnelBook::Place> place);
  SplicedTunnel(const SplicedTunnel&) = delete;
  SplicedTunnel& operator=(const SplicedTunnel&) = delete;
  // Writes the line of a tunnel for which end() was not called: it was cancelled.
  ~SplicedTunnel();

  // The line at the opening: the first byte is about to leave. Overloaded if it cannot be written.
  [[nodiscard]] Result<void> begin();
  // How many of `bytes` may pass.
  [[nodiscard]] std::size_t take(TunnelBook::Direction direction, std::size_t bytes) noexcept;
  // The line at the end. `failure`: what ended it, if neither side did in an orderly way.
  void end(const std::optional<Failure>& failure, DecidedBy by, std::string_view detail);

 private:
  AuditSink& audit_;
  AuditRecord record_;
  const std::unique_ptr<TunnelBook::Place> place_;
  const std::chrono::steady_clock::time_point began_;
  bool written_ = false;
};

// Customs of the route splice, where nothing but names and counts can be looked at: policy, secrets
// in the host's name, names below a wildcard, budgets, audit. One a worker; its arguments outlive
// it.
class SpliceGate {
 public:
  SpliceGate(const LivePolicy& policy, Guard& guard, AuditSink& audit, HostWatch& host_watch,
             TunnelBook& book, std::string id_prefix)
      : policy_(policy),
        guard_(guard),
        audit_(audit),
        host_watch_(host_watch),
        book_(book),
        id_prefix_(std::move(id_prefix)) {}

  // True if a connection to it is to be spliced, as far as the policy goes.
  [[nodiscard]] bool splices(const Destination& destination) const;
  // True if any destination is.
  [[nodiscard]] bool splices_any() const { return policy_.now().has_route(Route::Splice); }
  // Counts the entry's use. A refusal has its audit line.
  [[nodiscard]] Result<std::unique_ptr<SplicedTunnel>> admit(const Destination& destination);

 private:
  [[nodiscard]] std::string next_id();
  void refused(AuditRecord record, const Failure& failure, DecidedBy by);

  const LivePolicy& policy_;
  Guard& guard_;
  AuditSink& audit_;
  HostWatch& host_watch_;
  TunnelBook& book_;
  const std::string id_prefix_;
  std::uint64_t count_ = 0;
};

}  // namespace bottle
