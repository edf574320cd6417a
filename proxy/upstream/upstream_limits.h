#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace bottle {

// Every bound and wait of this directory, by name, default and reason; docs/limits.md shows them.
struct PoolLimits {
  std::chrono::milliseconds idle{90'000};  // pipelock and most origins close at 120 s or later
  std::size_t idle_per_key = 64;           // a package manager's burst, kept for the next one
  std::size_t idle_total = 256;            // file descriptors that do nothing
  std::size_t in_flight_per_key = 512;     // connections in use: event streams last
  std::size_t in_flight = 1024;            // of all keys together: one does not take all
  std::size_t queue = 4096;                // requests that wait for one of the two above
  std::size_t queue_bytes = 128u << 20;    // their heads, and bodies that were collected
  std::chrono::milliseconds queue_wait{30'000};  // shorter than the patience of most clients

  // As many as `descriptors` allow: a quarter of them for idle connections.
  [[nodiscard]] PoolLimits within(std::size_t descriptors) const {
    PoolLimits limits = *this;
    if (in_flight + idle_total <= descriptors) return limits;
    limits.idle_total = std::min(idle_total, descriptors / 4);
    limits.in_flight = std::max<std::size_t>(1, descriptors - limits.idle_total);
    return limits;
  }

  // The scanner burns seconds of CPU a megabyte, also for callers that have gone.
  [[nodiscard]] static PoolLimits for_scanner(std::size_t in_flight = 32) {
    PoolLimits limits;
    limits.idle_per_key = in_flight;
    limits.in_flight_per_key = in_flight;
    limits.in_flight = in_flight;
    return limits;
  }
};

struct DialLimits {
  std::chrono::milliseconds connect{10'000};  // all attempts together, without the handshake
  std::chrono::milliseconds stagger{250};     // RFC 8305 section 5, before the next address
  std::size_t candidates = 8;                 // addresses tried of all that a name has
};

struct ResolverLimits {
  std::chrono::milliseconds resolve{5'000};        // of one name, with the wait for its turn
  std::chrono::milliseconds server_answer{1'500};  // then the next server, later twice as long
  std::size_t tries = 2;                           // of each server
  std::chrono::milliseconds positive{30'000};
  std::chrono::milliseconds negative{2'000};  // a name that was just made is found soon
  std::size_t names = 1024;                   // remembered, being looked up, waiting
  std::size_t in_flight = 128;                // being looked up: up to four sockets each
  std::size_t in_flight_per_client = 16;      // of one client connection
  std::size_t in_flight_per_parent = 16;      // below one name of two labels: one owner's servers
  std::size_t addresses = 32;                 // kept of one answer
};

// Of one HTTP/1.1 exchange with an upstream.
struct H1ClientLimits {
  std::chrono::milliseconds head{600'000};  // a model may think for minutes before its first token
  std::chrono::milliseconds response_stall{600'000};  // and between two of them
  std::chrono::milliseconds write_stall{60'000};      // the upstream takes nothing of the request
  std::chrono::milliseconds tunnel_idle{14'400'000};  // neither side of a tunnel says anything: 4 h
  std::size_t read_buffer = 16 * 1024;                // read at a time; more of a response's body
  std::size_t body_piece = 64 * 1024;                 // of a request's body, read at a time
  std::size_t response_fields = 128;                  // origins send more than agents do
};

struct OriginLimits {
  // Dialled when the others have no stream left: 1600 gRPC streams, of a hundred each.
  std::size_t h2_connections_per_origin = 16;
  std::size_t known_protocols = 1024;  // origins whose ALPN answer is remembered
};

}  // namespace bottle
