#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/flow/audit_sink.h"
#include "proxy/guard/secret_scanner.h"

namespace bottle {

// Writes the audit lines of names that were asked for and do not exist here. One thread.
class RefusedNames {
 public:
  // `secrets` and `audit` outlive it; `id_prefix` is unique to it.
  RefusedNames(const SecretSet& secrets, AuditSink& audit, std::string id_prefix, DecidedBy by);
  RefusedNames(const RefusedNames&) = delete;
  RefusedNames& operator=(const RefusedNames&) = delete;

  // One line of kind RefusedName. A name that holds a secret does not end in the log.
  void tell(std::string_view name);

 private:
  const SecretSet& secrets_;
  ScanSpace scan_space_;
  AuditSink& audit_;
  std::string id_prefix_;
  DecidedBy by_;
  std::uint64_t count_ = 0;
};

}  // namespace bottle
