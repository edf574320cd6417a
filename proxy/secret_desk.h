#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/control/control_server.h"
#include "proxy/control/secret_book.h"
#include "proxy/flow/audit_sink.h"
#include "proxy/guard/secret_set.h"
#include "proxy/snapshot_store.h"

namespace bottle {

// Changes the secrets of a running proxy: makes a whole new snapshot, or says why not and leaves
// all as it was. A change has a line in the audit log, with the names. On main's thread.
class SecretDesk final : public ControlService {
 public:
  // All outlive it. `book` is what the store's first snapshot was made of.
  SecretDesk(SecretBook& book, GuardOptions options, SnapshotStore& store, AuditSink& audit);

  void handle(ControlRequest request, const std::string& who,
              std::function<void(std::string answer)> done) override;
  // Called when the book has changed, before the change is told and before it holds.
  void on_take(std::function<void()> call) { taken_ = std::move(call); }
  // Another list of secrets, from a file that was read again. The log tells what came of it.
  void replace(std::vector<SecretSpec> list, const std::string& who);
  // New values that the proxy itself got. The log tells what came of it.
  void renew(std::vector<NewSecret> values, const std::string& who);

 private:
  using Done = std::function<void(Expected<std::vector<std::string>> names)>;
  void make(Expected<SecretBook::Change> change, const std::string& who, const Done& done);
  void tell(const std::vector<std::string>& names, const std::string& who);

  SecretBook& book_;
  const GuardOptions options_;
  SnapshotStore& store_;
  AuditSink& audit_;
  std::function<void()> taken_ = [] {};
};

}  // namespace bottle
