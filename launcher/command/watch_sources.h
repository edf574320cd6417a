#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launcher/command/audit_lines.h"
#include "launcher/command/context.h"
#include "launcher/lifetime/ask_talk.h"
#include "launcher/lifetime/registry.h"
#include "launcher/process/errand.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Receives the events of bottles.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  virtual void started(const BottleRecord& bottle) = 0;
  // A line of its audit log, without its end.
  virtual void audit(const std::string& bottle, const std::string& line) = 0;
  // All that are pending.
  virtual void asks(const std::string& bottle, const AskList& list) = 0;
  // The last of that bottle.
  virtual void ended(const std::string& bottle) = 0;
};

inline constexpr std::size_t kMaxWatched = 64;  // bottles at once: each has a process for its asks

// The bottles that run, their logs and their asks, for a loop that must not wait. It tells
// the events of the logs at first, then new ones.
class WatchSources {
 public:
  // `only`: of that bottle alone. `most`: bytes of each part of a log that are read of what is
  // there now. Context and sink outlive it.
  WatchSources(std::optional<std::string> only, std::uint64_t most, const Context& context,
               WatchSink& sink);
  Expected<void> open();

  // Adds the descriptors to poll, all for reading.
  void add_to(std::vector<pollfd>& fds) const;
  // Tells what has happened. True: there is more, at once.
  bool pump();
  // Looks for new bottles. For once a second.
  void look();
  // The only bottle has ended.
  bool is_over() const { return over_; }
  // nullptr: no such bottle runs.
  const BottleRecord* record_of(const std::string& bottle) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Followed {
    Followed(BottleRecord of, std::uint64_t most)
        : record(std::move(of)),
          process(open_process(record.launcher)),
          lines(record.audit, most) {}
    BottleRecord record;
    Fd process;
    AuditLines lines;
    int watched = -1;  // the number by which inotify tells of its log's directory; -1: it does not
    bool ended = false;
    std::optional<Errand> asking{};
    std::optional<std::uint64_t> asks_version{};
    Clock::time_point asked{};
    Clock::time_point ask_again{};
  };

  void watch_log(Followed& one) const;
  void watch_log_no_more(const Followed& one) const;
  void look_at_asks(Followed& one);
  void take_asks(Followed& one);
  // False: a slice of the lines was read, and there are more.
  bool read_lines();
  void end(Followed& one);

  std::optional<std::string> only_;
  std::uint64_t most_;
  const Context& context_;
  WatchSink& sink_;
  Fd inotify_;
  std::vector<std::unique_ptr<Followed>> bottles_;
  bool over_ = false;
};

}  // namespace bottle::launcher
