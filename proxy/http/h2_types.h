#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "proxy/base/bytes.h"
#include "proxy/base/failure.h"
#include "proxy/http/fields.h"
#include "proxy/http/flood_guard.h"
#include "proxy/http/head.h"

namespace bottle {

using StreamId = std::int32_t;

// Limits of one HTTP/2 connection, for both roles.
struct H2Limits {
  std::uint32_t streams = 100;                    // at once, opened by the peer (or by us)
  std::uint32_t stream_window = 256 * 1024;       // bytes that a peer may send us unread, a stream
  std::uint32_t connection_window = 1024 * 1024;  // … and all streams together
  std::size_t header_bytes = 64 * 1024;           // name + value + 32 each (RFC 9113 6.5.2)
  std::size_t header_fields = 100;                // each cookie crumb counts
  std::uint32_t header_table = 4096;              // HPACK, both ways
  std::size_t stream_queue = 64 * 1024;           // body bytes that wait to be sent, a stream
  std::size_t connection_queue = 256 * 1024;      // … and all streams together
  std::size_t control_queue = 1000;               // frames that a deaf peer leaves unsent
  std::uint32_t interim_heads = 5;                // 1xx heads of one response
  // A server: requests may ask for a tunnel (RFC 8441).
  bool offers_tunnels = false;
  // Heads of requests that are not answered yet, of answers that are not sent yet, and trailers: of
  // all streams together. Eight of the largest, a hundred of 5 KiB.
  std::size_t held_heads = 512 * 1024;
  // A request that goes on after its answer is read and thrown away: some clients read no answer
  // before all of their request was taken, and many lose one that a reset follows closely. Its
  // stream is reset when nothing came for `linger`, in any case after `linger_most`; what exceeds
  // `linger_bytes` finds the stream's window shut.
  std::chrono::milliseconds linger{1'000};
  std::chrono::milliseconds linger_most{30'000};  // httpx needs ten seconds for 20 MB
  std::size_t linger_bytes = 32 * 1024 * 1024;    // as large as a collected body (SpoolLimits)
  FloodLimits flood;
};

// The events of an engine, in the order in which they happened. Values: they own what they hold.

// A server: a request came, its head is complete and within the limits. `held` of its bytes count
// until they are given back with release(). Nothing else is vetted;
// framing_rules does that. `:authority` is in head.authority, a Host field stays in head.fields,
// Content-Length too; Cookie crumbs come as they were sent. CONNECT has an empty target, unless it
// names the protocol of a tunnel.
// `refused`: the head is not to be used, answer with that failure (too large, unknown scheme).
struct H2Request {
  StreamId stream = 0;
  RequestHead head;
  bool end = false;
  std::optional<Failure> refused;
  std::size_t held = 0;
};
// A client: a final or an interim (1xx) response head, vetted as little as a request's.
struct H2Response {
  StreamId stream = 0;
  ResponseHead head;
  bool end = false;
};
struct H2Interim {
  StreamId stream = 0;
  ResponseHead head;
};
// Body bytes; never empty unless `end`. Call consumed() when they were read.
struct H2Data {
  StreamId stream = 0;
  Bytes data;
  bool end = false;
};
// The end of a body that has trailers.
struct H2Trailers {
  StreamId stream = 0;
  Fields fields;
};
// The stream is over before its time: the peer's RST_STREAM, or ours because of what the peer
// sent. `unprocessed`: the peer says that it did nothing with the request (client only).
struct H2Reset {
  StreamId stream = 0;
  std::uint32_t code = 0;
  bool by_peer = false;
  bool unprocessed = false;
  std::optional<Failure> why = std::nullopt;  // ours: which rule it was, if one can be named
};
// The stream is over as it should: ended in both directions, or (server) the answer was sent before
// the request ended, or cut() and everything before it was sent. Its id is forgotten.
struct H2Closed {
  StreamId stream = 0;
};
// room() was 0 and is not any more.
struct H2Writable {
  StreamId stream = 0;
};
// The peer will not take (server: open) more streams.
struct H2GoAway {
  StreamId last_stream = 0;
  std::uint32_t code = 0;
};

// A client: the origin's first SETTINGS came, so what it takes is known.
struct H2PeerReady {};

using H2Event = std::variant<H2Request, H2Response, H2Interim, H2Data, H2Trailers, H2Reset,
                             H2Closed, H2Writable, H2GoAway, H2PeerReady>;

}  // namespace bottle
