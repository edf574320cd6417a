#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/clean_texts.h"
#include "proxy/guard/finding.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/http/head.h"

namespace bottle {

// Looks at the head of one request: the destination's name, the target and all fields, in this
// order. A text that was clean for the same destination before is not looked at again: clients
// repeat their fields. Not copyable; its arguments outlive it.
class HeadScan {
 public:
  // `clean` is of the same secrets. `host` and `scheme` as for SecretScanner.
  HeadScan(const SecretSet& set, ScanSpace& space, CleanTexts& clean, std::string_view host,
           Scheme scheme);

  // The first finding that is to be refused.
  [[nodiscard]] std::optional<Finding> look(const RequestHead& head);
  // All that was told and not refused, as SecretScanner::notes().
  [[nodiscard]] std::vector<Finding> notes() const;

 private:
  void new_text(char part);
  template <class Look>
  [[nodiscard]] std::optional<Finding> unless_clean(Look look);
  [[nodiscard]] SecretScanner& scanner();

  const SecretSet& set_;
  ScanSpace& space_;
  CleanTexts& clean_;
  const std::string_view host_;
  const Scheme scheme_;
  Bytes text_;                            // that is looked at, and where it goes
  std::optional<SecretScanner> scanner_;  // from the first text on that has to be looked at
};

}  // namespace bottle
