#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/base/awaitable.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/result.h"
#include "proxy/http/authority.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

using Endpoint = asio::ip::tcp::endpoint;
using Addresses = std::vector<asio::ip::address>;

// What a name has; an empty `addresses` comes with the reason. Blocking, called on a helper thread.
struct LookupAnswer {
  Addresses addresses;
  std::string error;       // for a person
  bool temporary = false;  // no answer, as opposed to "there is no such name"
};
using Lookup = std::function<LookupAnswer(const std::string& name)>;
[[nodiscard]] LookupAnswer system_lookup(const std::string& name);  // getaddrinfo

// The threads on which look-ups block, shared by all workers; started when needed, at most `most`.
// Owned by main, outlives the resolvers. A look-up that hangs when this ends is left behind: its
// thread touches nothing that is gone.
class ResolverThreads {
 public:
  explicit ResolverThreads(std::size_t most = 4, Lookup lookup = system_lookup);
  ResolverThreads(const ResolverThreads&) = delete;
  ResolverThreads& operator=(const ResolverThreads&) = delete;
  ~ResolverThreads();

 private:
  friend class Resolver;
  struct Job {
    std::string name;
    std::function<void(LookupAnswer)> done;
  };
  struct Shared;
  void submit(Job job);
  static void work(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
};

// "HOST:PORT=ADDR:PORT": connections for that destination go to that address and port instead.
struct ResolveOverride {
  Destination destination;
  Endpoint endpoint;
  // Internal (a configuration error), saying what is wrong.
  [[nodiscard]] static Result<ResolveOverride> parse(std::string_view text);
};

// Names to addresses, for one worker: a deadline on each wait, one look-up at a time for a name,
// answers remembered for a short while. Addresses need no look-up. Decides nothing: the dialer vets
// every address. One thread; ended after everybody who waits.
class Resolver {
 public:
  Resolver(TimerWheel& wheel, ResolverThreads& threads, ResolverLimits limits = {},
           std::vector<ResolveOverride> overrides = {});
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  // At least one endpoint, in the system's order. DnsFailed (with the name; reason "dns_timeout" if
  // no answer came), Overloaded, Cancelled.
  awaitable<Result<std::vector<Endpoint>>> resolve(Destination destination);

  [[nodiscard]] std::size_t remembered() const noexcept { return names_.size(); }

 private:
  struct Waiter {
    Event answered;
    LookupAnswer answer;
  };
  struct Name {
    bool pending = true;
    LookupAnswer answer;
    Clock::time_point until{};
    std::vector<Waiter*> waiters;
  };
  // Where a helper thread leaves an answer. Outlives the resolver if a look-up does.
  struct Mailbox;

  [[nodiscard]] static Result<std::vector<Endpoint>> to_endpoints(const LookupAnswer& answer,
                                                                  const Destination& destination);
  void look_up(const std::string& name);
  void deliver(const std::string& name, LookupAnswer answer);
  void make_room();

  TimerWheel& wheel_;
  ResolverThreads& threads_;
  ResolverLimits limits_;
  std::unordered_map<std::string, Endpoint> overrides_;  // by host:port
  std::unordered_map<std::string, Name> names_;
  std::size_t pending_ = 0;
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace bottle
