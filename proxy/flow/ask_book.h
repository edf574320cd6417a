#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proxy/contract/ask_answer.h"
#include "proxy/flow/audit.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

namespace bottle {

struct AskLimits {
  std::chrono::milliseconds ask{std::chrono::seconds(60)};  // until a person has answered
  std::size_t pending = 16;  // hosts that are asked about at once: a person looks at no more
  std::size_t waiting = 64;  // requests that are held, of all asks together
  std::size_t denied = 256;  // hosts that a person refused and that are not asked about again
};

// A request that the allowlist does not let through, and that a person is asked about.
struct AskQuestion {
  Destination destination;
  Scheme scheme = Scheme::Https;
  std::string method{};
  std::string path{};    // without the values of its query, and without a secret
  std::string reason{};  // host_not_allowed or port_not_allowed
};

struct PendingAsk {
  std::uint64_t id = 0;
  AskQuestion question{};  // of its first request
  std::chrono::system_clock::time_point since{};
  std::chrono::milliseconds left{0};
  std::size_t waiting = 0;  // requests
};

struct EndedAsk {
  AskQuestion question{};
  std::chrono::system_clock::time_point since{};
  std::chrono::milliseconds waited{0};
  std::size_t requests = 0;  // the most that waited at once
  AskAnswer answer = AskAnswer::None;
  std::string who{};  // empty: no answer came
};

// The line of kind Ask.
[[nodiscard]] AuditRecord ask_record(const EndedAsk& ask);

// Told that a request need not wait any more. Any thread; must not call the book.
class AskWaker {
 public:
  virtual ~AskWaker() = default;
  // `again`: the policy may let it through now.
  virtual void wake(std::uint64_t token, bool again) = 0;
};

// The questions to a person that are open, of all workers. Requests for one host and port are one
// ask, which lasts AskLimits::ask from its first one on. Thread-safe; has no clock and no timer of
// its own: a request that has waited long enough leaves, and the last word on an ask is the first
// that comes.
class AskBook {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Tell = std::function<void(const EndedAsk&)>;

  // `tell` is called once for each ask, on any thread, when it is over. `names_only`: an IP address
  // could not be reached if it were allowed, so there is no question about one.
  AskBook(const AskLimits& limits, bool names_only, Tell tell)
      : limits_(limits), names_only_(names_only), tell_(std::move(tell)) {}
  AskBook(const AskBook&) = delete;
  AskBook& operator=(const AskBook&) = delete;

  [[nodiscard]] const AskLimits& limits() const noexcept { return limits_; }

  struct Place {
    std::uint64_t token = 0;
    Time until;
  };
  // For a request that begins to wait. nullopt: it is not asked about, since a person refused the
  // host, too much waits already, or the proxy stops. `waker` lives until the request has left.
  [[nodiscard]] std::optional<Place> join(const AskQuestion& question, AskWaker& waker, Time now);
  // The request does not wait any more; nothing happens if it was woken. `client_left`: else its
  // time is up.
  void leave(std::uint64_t token, bool client_left, Time now) noexcept;

  struct State {
    std::uint64_t version = 0;  // another one for each change
    std::vector<PendingAsk> asks{};
  };
  [[nodiscard]] State state(Time now) const;
  [[nodiscard]] std::uint64_t version() const;
  // nullopt: it is over.
  [[nodiscard]] std::optional<AskQuestion> question(std::uint64_t id) const;
  // A person's answer (given_answer), which the policy has by now. False: it is over.
  bool settle(std::uint64_t id, AskAnswer answer, const std::string& who, Time now);
  // The policy is another one. `decided` gives its answer to a question; nullopt: it has none.
  void settle_all(const std::function<std::optional<AskAnswer>(const AskQuestion&)>& decided,
                  const std::string& who, Time now);
  // Ends all of them: there is no question from now on. Any number of times.
  void close(Time now) noexcept;

  // Called after each change, on any thread. Empty: no one any more.
  void on_change(std::function<void()> call);

 private:
  struct Waiter {
    std::uint64_t token = 0;
    AskWaker* waker = nullptr;
  };
  struct Ask {
    std::uint64_t id = 0;
    AskQuestion question;
    std::chrono::system_clock::time_point since{};
    Time begin{};
    std::vector<Waiter> waiting{};
    std::size_t most = 0;
  };
  using Asks = std::vector<Ask>;
  class Ends;  // wakes the waiting requests and tells of the ends, once the lock is free

  [[nodiscard]] Asks::iterator find(std::uint64_t id);
  [[nodiscard]] bool was_denied(const std::string& host) const;
  [[nodiscard]] std::size_t held() const;
  void end(Asks::iterator ask, AskAnswer answer, const std::string& who, Time now, Ends& ends);

  const AskLimits limits_;
  const bool names_only_;
  const Tell tell_;
  mutable std::mutex mutex_;
  Asks asks_;
  std::deque<std::string> denied_;  // the oldest first
  std::uint64_t version_ = 1;
  std::uint64_t last_id_ = 0;
  std::uint64_t last_token_ = 0;
  bool closed_ = false;
  std::function<void()> changed_;
};

}  // namespace bottle
