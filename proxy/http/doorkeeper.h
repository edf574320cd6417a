#pragma once

#include <optional>

#include "proxy/base/failure.h"
#include "proxy/http/fields.h"

namespace bottle {

// Says who may use the proxy's own port (RFC 9110 section 11.7). Outlives the sessions that ask it;
// any thread.
class Doorkeeper {
 public:
  virtual ~Doorkeeper() = default;

  // Nothing if a request with these fields may go on; otherwise ProxyAuth. The failure says what
  // was wrong with the form of what was shown, and nothing about how near it came.
  [[nodiscard]] virtual std::optional<Failure> check(const Fields& fields) const = 0;
};

// Requests of one connection that are sent back; then it closes. A client needs one to learn what
// is wanted.
inline constexpr int kMaxAuthFailures = 3;

}  // namespace bottle
