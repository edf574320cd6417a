#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bottle::bench {

// A run, as the command line said it.
struct Plan {
  std::string server;  // ADDRESS:PORT of the proxy, or of the server itself
  std::string target = "bench.test:443";
  std::string path = "/1k";
  std::string ca;   // PEM; empty: any certificate is taken
  std::string log;  // where the histogram goes; empty: nowhere
  std::string method = "GET";
  bool tunnel = true;  // CONNECT first
  bool tls = true;
  bool h2 = false;
  bool fresh = false;      // each request has a connection of its own
  bool resume = false;     // ... and its TLS session is that of the one before
  bool new_hosts = false;  // ... and goes to a host of its own: nI.target, I from first_host on
  std::uint64_t first_host = 1;
  unsigned connections = 32;
  unsigned streams = 1;       // requests under way on a connection; h1 has one
  std::uint64_t at_once = 0;  // requests under way on all connections, at most; 0: no bound
  std::uint64_t requests = 10'000;
  std::uint64_t warm = 0;  // requests before those that count
  double rate = 0;         // a second, on all connections; 0: as fast as answers come
  std::size_t upload = 0;  // bytes of each request's body
  std::string body;        // JSON to send with each request instead; empty: none
  bool events = false;     // answers are event streams; each event counts, not each request
  bool hold = false;       // standard input says when to go on after the warm-up, and when to end
  double timeout = 60;     // seconds, of the run

  [[nodiscard]] std::size_t body_size() const noexcept {
    return body.empty() ? upload : body.size();
  }
};

// Exits with a message if the command line is not understood.
[[nodiscard]] Plan plan_of(int argc, char** argv);

}  // namespace bottle::bench
