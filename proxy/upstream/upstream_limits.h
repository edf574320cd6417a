#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace bottle {

// Every bound and wait of this directory, by name, default and reason; docs/limits.md shows them.
struct PoolLimits {
  std::chrono::milliseconds idle{90'000};  // pipelock and most origins close at 120 s or later
  std::size_t idle_per_key = 16;           // a package manager's burst, kept for the next one
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

struct SpoolLimits {
  std::size_t memory_bytes = 256 * 1024;         // nearly all API requests; above that on disk
  std::uint64_t body_bytes = 32u << 20;          // what pipelock's scan can take
  std::uint64_t total_bytes = 256u << 20;        // of all bodies held by one worker
  std::filesystem::path directory = "/var/tmp";  // not a memory file system, if there is a choice
};

// Of one HTTP/1.1 exchange with an upstream.
struct H1ClientLimits {
  std::chrono::milliseconds head{600'000};  // a model may think for minutes before its first token
  std::chrono::milliseconds response_stall{600'000};  // and between two of them
  std::chrono::milliseconds write_stall{60'000};      // the upstream takes nothing of the request
  std::size_t read_buffer = 16 * 1024;                // one TLS record
  std::size_t body_piece = 64 * 1024;                 // of a request's body, read at a time
};

// Of the front, which answers the client out of what the exit told and the scanner passed.
struct ExitFrontLimits {
  std::size_t compared_body = 256 * 1024;  // up to here a changed body shows before its head is out
  std::size_t event = 8u << 20;            // of a stream, held until the scanner passes it
  std::size_t passed = 256 * 1024;         // ... and not yet taken by the client
  std::chrono::milliseconds end{5'000};    // the exit says how it ended after the scanner has
  std::chrono::milliseconds grpc_request{10'000};  // a call that takes longer is a client's stream
};

struct OriginLimits {
  std::size_t h2_connections_per_origin = 4;  // dialled when the others have no stream left
  std::size_t known_protocols = 1024;         // origins whose ALPN answer is remembered
};

}  // namespace bottle
