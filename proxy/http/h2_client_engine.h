#pragma once

#include "proxy/http/h2_endpoint.h"

namespace bottle {

// The client's half of one HTTP/2 connection (RFC 9113): the twin of H2Engine, for origins. The
// same manners and the same limits: a hostile origin is bounded like a hostile client. Server push
// is off (ENABLE_PUSH 0). Its events are H2Interim, H2Response, H2Data, H2Trailers, H2Reset,
// H2Closed, H2Writable, H2GoAway.
class H2ClientEngine final : public H2Endpoint {
 public:
  H2ClientEngine(const H2Limits& limits, TimePoint now);

  // True if one more request may be sent now: the peer's and our limit of streams is not reached,
  // no GOAWAY came, no stream id ran out, the connection is not broken.
  [[nodiscard]] bool has_capacity() const;
  // The origin's SETTINGS came, and whether they offer tunnels (RFC 8441 section 3).
  [[nodiscard]] bool settings_came() const;
  [[nodiscard]] bool takes_tunnels() const;
  // Opens a stream. `end`: no body follows. A head with a protocol becomes an extended CONNECT;
  // Internal if the origin takes none. Content-Length is written from head.content_length,
  // `:authority` from head.authority. Overloaded without capacity, Internal if a field cannot be
  // sent; nothing was queued then.
  [[nodiscard]] Result<StreamId> request(const RequestHead& head, bool end);
};

}  // namespace bottle
