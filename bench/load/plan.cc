#include "bench/load/plan.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace bottle::bench {

Plan plan_of(int argc, char** argv) {
  Plan plan;
  bool h1 = false;
  bool direct = false;
  bool plain = false;
  std::string body;
  CLI::App app("Sends a fixed number of requests and prints what they took, as JSON.");
  app.add_option("--server", plan.server, "ADDRESS:PORT of the proxy, or of the server")
      ->required();
  app.add_option("--target", plan.target, "HOST:PORT of the requests");
  app.add_option("--path", plan.path);
  app.add_option("--method", plan.method);
  app.add_option("--ca", plan.ca,
                 "PEM file of the authority; without it, any certificate is taken");
  app.add_option("--hdr", plan.log, "file for the latencies, in HdrHistogram's log format");
  app.add_flag("--direct", direct, "no CONNECT: the server is the origin");
  app.add_flag("--plain", plain, "no TLS");
  app.add_flag("--h1", h1, "HTTP/1.1 (the default)");
  app.add_flag("--h2", plan.h2, "HTTP/2");
  app.add_flag("--fresh", plan.fresh, "a new connection for each request");
  app.add_flag("--resume", plan.resume, "... with the TLS session of the one before");
  app.add_flag("--new-hosts", plan.new_hosts, "... to a host of its own: nI.HOST");
  app.add_option("--first-host", plan.first_host, "the first I of --new-hosts; then it counts up");
  app.add_option("-c,--connections", plan.connections)->check(CLI::Range(1u, 20'000u));
  app.add_option("-s,--streams", plan.streams, "requests at once on a connection of HTTP/2")
      ->check(CLI::Range(1u, 1'000u));
  app.add_option("--at-once", plan.at_once,
                 "requests at once on all connections, which take turns");
  app.add_option("-n,--requests", plan.requests);
  app.add_option("-w,--warm", plan.warm, "requests before those that count");
  app.add_option("--rate", plan.rate, "requests a second, sent when they are due");
  app.add_option("--upload", plan.upload, "bytes of each request's body");
  app.add_option("--body", body, "file with JSON to send with each request");
  app.add_flag("--events", plan.events,
               "answers are event streams; a latency is how long an event was under way");
  app.add_flag("--hold", plan.hold,
               "print \"warm\" after the warm-up and wait for a line of standard input; at the end "
               "keep the connections until standard input ends, and print how many are left");
  app.add_option("--timeout", plan.timeout, "seconds of the whole run");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  plan.tunnel = !direct;
  plan.tls = !plain;
  if (h1 && plan.h2) {
    std::exit(app.exit(CLI::ValidationError("--h1", "one protocol at a time")));
  }
  plan.fresh = plan.fresh || plan.resume || plan.new_hosts;
  if (!plan.h2 || plan.fresh) plan.streams = 1;
  if (!body.empty()) {
    std::ifstream file(body, std::ios::binary);
    plan.body.assign(std::istreambuf_iterator<char>(file), {});
    if (plan.body.empty()) {
      std::exit(app.exit(CLI::ValidationError("--body", body + " is empty or cannot be read")));
    }
  }
  if (plan.body_size() > 0 && plan.method == "GET") plan.method = "POST";
  return plan;
}

}  // namespace bottle::bench
