#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/flow/audit_sink.h"
#include "proxy/guard/secret_scanner.h"

namespace bottle {

// Writes the audit lines of names that were asked for and do not exist here. One thread.
class RefusedNames {
 public:
  // `audit` outlives it; `id_prefix` is unique to it.
  RefusedNames(std::shared_ptr<const SecretSet> secrets, AuditSink& audit, std::string id_prefix,
               DecidedBy by);
  RefusedNames(const RefusedNames&) = delete;
  RefusedNames& operator=(const RefusedNames&) = delete;

  // From now on. Throws std::bad_alloc.
  void take(std::shared_ptr<const SecretSet> secrets);
  // One line of kind RefusedName. A name that holds a secret does not end in the log.
  void tell(std::string_view name);

 private:
  std::shared_ptr<const SecretSet> secrets_;
  std::unique_ptr<ScanSpace> scan_space_;
  AuditSink& audit_;
  std::string id_prefix_;
  DecidedBy by_;
  std::uint64_t count_ = 0;
};

}  // namespace bottle
