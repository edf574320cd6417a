#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/control/control_server.h"
#include "proxy/control/policy_book.h"
#include "proxy/flow/audit_sink.h"
#include "proxy/snapshot_store.h"

namespace bottle {

// Changes the policy of a running proxy: makes a whole new snapshot, or says why not and leaves all
// as it was. A change has a line in the audit log, with what and who. On main's thread.
class PolicyDesk final : public ControlService {
 public:
  // All outlive it. `book` has the policy of the store's first snapshot.
  PolicyDesk(PolicyBook& book, SnapshotStore& store, AuditSink& audit);

  void handle(ControlRequest request, const std::string& who,
              std::function<void(std::string answer)> done) override;
  // A host that a person's answer lets through, by `who`.
  using Done = std::function<void(Expected<std::vector<std::string>> changed)>;
  void allow(const AllowWish& wish, const std::string& who, const Done& done);
  // Called after the answer to each change that was made, when it holds everywhere.
  void on_change(std::function<void(const std::string& who)> call) { changed_ = std::move(call); }
  // Called when the book has changed, before the change is told and before it holds.
  void on_take(std::function<void()> call) { taken_ = std::move(call); }
  // Other lists, from a file that was read again. The log tells what came of it.
  void replace(const std::vector<std::string>& allow, const std::vector<std::string>& routes,
               const std::string& who);

 private:
  void make(Expected<PolicyBook::Change> change, const std::string& who, const Done& done);
  void tell(const std::string& what, const std::string& who);
  [[nodiscard]] std::string check(const std::string& id, const std::string& url) const;

  PolicyBook& book_;
  SnapshotStore& store_;
  AuditSink& audit_;
  std::function<void()> taken_ = [] {};
  std::function<void(const std::string& who)> changed_ = [](const std::string&) {};
};

}  // namespace bottle
