#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/base/awaitable.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/result.h"
#include "proxy/base/task_group.h"
#include "proxy/contract/error.h"
#include "proxy/http/authority.h"
#include "proxy/upstream/fair_queue.h"
#include "proxy/upstream/name_lookup.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

using Endpoint = asio::ip::tcp::endpoint;

// "HOST:PORT=ADDR:PORT": connections for that destination go to that address and port instead.
struct ResolveOverride {
  Destination destination;
  Endpoint endpoint;
  // Internal (a configuration error), saying what is wrong.
  [[nodiscard]] static Expected<ResolveOverride> parse(std::string_view text);
};

// Names to addresses, for one worker: one look-up at a time for a name, a deadline for each,
// answers remembered for a short while. How many are under way is bounded, for one client and for
// the names below one parent too, so that names without an answer leave room for the others; what
// is above waits. A look-up without a waiter ends. Addresses need none. Decides
// nothing: the dialer vets every address. One thread.
class Resolver {
 public:
  Resolver(TimerWheel& wheel, NameLookup& lookup, ResolverLimits limits = {},
           std::vector<ResolveOverride> overrides = {});
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  // At least one endpoint, in the order in which to try them. DnsFailed (with the name; reason
  // "dns_timeout" if no answer came), Overloaded ("dns_busy"), Cancelled. `client`: Turn's.
  awaitable<Result<std::vector<Endpoint>>> resolve(Destination destination,
                                                   std::uint64_t client = 0);
  // Ends what is under way. The last call, after all waiters have ended.
  awaitable<void> close();

  [[nodiscard]] std::size_t remembered() const noexcept { return names_.size(); }
  [[nodiscard]] std::size_t in_flight() const noexcept { return all_.taken(); }

 private:
  using Answer = Result<Addresses>;
  struct Waiter {
    explicit Waiter(Executor executor) : answered(std::move(executor)) {}
    Event answered;
    std::optional<Answer> answer;
    bool no_memory = false;  // in place of an answer
  };
  struct Asks;
  // One look-up under way. cancel() ends its task.
  struct LookUp final : public Cancellable {
    LookUp(TaskGroup& tasks_in, std::string name_in, std::uint64_t client_in)
        : tasks(tasks_in), name(std::move(name_in)), client(client_in) {}
    void cancel() noexcept override { tasks.cancel(task); }
    TaskGroup& tasks;
    const std::string name;
    const std::uint64_t client;
    TaskGroup::TaskId task = 0;
  };
  struct Name {
    std::shared_ptr<LookUp> pending;  // null: `answer` is there
    std::optional<Answer> answer;
    Clock::time_point until{};
    std::vector<Waiter*> waiters;
  };
  // The slots that a look-up has: of its client, of its name's parent, of all.
  struct Slots;

  [[nodiscard]] static Result<std::vector<Endpoint>> to_endpoints(const Answer& answer,
                                                                  const Destination& destination);
  awaitable<void> look_up(std::shared_ptr<LookUp> one);
  awaitable<bool> take(FairSlots& slots, Party party);
  awaitable<bool> take(SharedSlots& slots, Shares::Part& part);
  awaitable<void> look_up_in_turn(LookUp& one);
  void deliver(const LookUp& one, Answer answer);
  void give_up(const LookUp& one) noexcept;
  void leave(const std::string& name, Waiter& waiter) noexcept;
  void make_room();

  TimerWheel& wheel_;
  NameLookup& lookup_;
  ResolverLimits limits_;
  std::unordered_map<std::string, Endpoint> overrides_;  // by host:port
  std::unordered_map<std::string, Name> names_;
  std::unordered_map<std::uint64_t, FairSlots> by_client_;  // in use or waited for
  std::unordered_map<std::string, FairSlots> by_parent_;
  SharedSlots all_;
  TaskGroup look_ups_;
};

}  // namespace bottle
