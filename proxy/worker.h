#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <thread>

#include "certs/certificate_authority.h"
#include "proxy/config.h"
#include "proxy/flow/audit.h"
#include "proxy/flow/policy.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/tls/tls_acceptor.h"
#include "proxy/tls/tls_client.h"
#include "proxy/upstream/resolver.h"

namespace bottle {

// What all workers share; immutable or thread-safe, owned by main, outlives them.
struct Shared {
  const Config& config;
  const Policy& policy;
  const AddressGuard& addresses;
  const CertificateAuthority& ca;
  const TicketKeys& tickets;
  std::shared_ptr<const OriginTrust> trust;  // null behind pipelock
  const SecretSet* secrets = nullptr;        // null: nothing is scanned here
  AuditSink& audit;
  ResolverThreads& resolver_threads;
  std::string id_prefix;  // unique to this process
};

// One thread with its own loop, timers, caches and pools. Nothing mutable is shared with another.
// Made and ended by Server.
class Worker {
 public:
  // Takes over the listening socket `listener` (a descriptor).
  Worker(const Shared& shared, unsigned index, int listener, std::size_t max_connections);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // `ended` is called on the worker's thread when its loop is over.
  void start(std::function<void()> ended);
  // No new connections or requests; what was begun may finish. Any thread.
  void drain();
  // Ends everything that is left. Any thread, any number of times.
  void stop();
  void join();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

}  // namespace bottle
