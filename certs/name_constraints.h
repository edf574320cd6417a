#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "certs/openssl_ptr.h"

namespace bottle {

// An allowlist as X.509 name constraints (RFC 5280 section 4.2.1.10).
struct ConstraintSet {
  std::vector<std::string> dns;  // permitted subtrees: the name and everything below it
  std::vector<std::string> ips;  // permitted addresses, 4 or 16 bytes each
  // Why the list cannot be expressed; then there must be no constraints at all. Empty = it can.
  std::string inexpressible;
  std::vector<std::string> warnings;
};

// Each handshake carries the list. Of more names than that, those that stand side by side below a
// name of two labels at least are put together as that name, and a warning says so.
inline constexpr std::size_t kFewConstraints = 64;

// Patterns as CaOptions::allow has them. A subtree that another one covers is left out.
[[nodiscard]] ConstraintSet constraints_for(const std::vector<std::string>& allow, std::size_t max);

// The extension's value: permitted what the set has, excluded every address of a family that has
// none. With no DNS name in the set only "bottle.invalid" is permitted, which cannot exist: a
// family of names that is not mentioned would be free. Null on failure.
[[nodiscard]] openssl::NameConstraintsPtr encode(const ConstraintSet& set);

}  // namespace bottle
