#pragma once

#include "proxy/http/h2_endpoint.h"

namespace bottle {

// The server's half of one HTTP/2 connection (RFC 9113): requests come as events, answers go.
class H2Engine final : public H2Endpoint {
 public:
  H2Engine(const H2Limits& limits, TimePoint now);

  // A 1xx head before the final one.
  [[nodiscard]] Result<void> interim(StreamId stream, const ResponseHead& head);
  // The final head, once. Content-Length is written from head.content_length. `end`: no body, the
  // stream is done. Field names are lower-cased, values trimmed, hop-by-hop fields left out.
  // Internal if a field cannot be sent, Overloaded if the peer leaves too many heads untaken;
  // nothing was queued then. One of less than 4 KiB is always taken.
  [[nodiscard]] Result<void> respond(StreamId stream, const ResponseHead& head, bool end);
  // The body broke: what is queued goes out if it may, then RST_STREAM. Never looks like an end.
  void cut(StreamId stream, H2Error code);
  // So many bytes of H2Request::held are in memory no more.
  void release(std::size_t n);

  // The first of two GOAWAYs (RFC 9113 section 6.8): no stream is refused yet.
  void shutdown_notice();
};

}  // namespace bottle
