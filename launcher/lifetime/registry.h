#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/lifetime/runtime_dir.h"
#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The record that other `bottle` calls read of a bottle: a JSON file in its runtime directory,
// which goes away with the bottle. It holds no secret. That the bottle lives is said by the
// directory's lease alone.

// A process that a number is not mistaken for after it ended: numbers are used again, the pair of
// number and start is not.
struct ProcessMark {
  pid_t pid = -1;
  std::uint64_t start = 0;  // clock ticks since the machine's start, as in /proc/PID/stat
};
// nullopt: there is no such process.
std::optional<ProcessMark> mark_of(pid_t pid);
// A pidfd of the marked process; closed when it has ended, also when its number lives on.
Fd open_process(const ProcessMark& mark);

struct BottleRecord {
  std::string id{};
  std::string backend{};
  std::string bottle{};  // the manifest's name for it
  std::vector<std::string> command{};
  std::filesystem::path workspace{};
  std::filesystem::path audit{};
  std::int64_t started = 0;  // seconds since 1970
  ProcessMark launcher{};
  // The backend's own process that the bottle's first process descends from. pid -1: none (yet).
  ProcessMark keeper{};
  // A descriptor of the launcher that holds the bottle's environment (environment_of()). -1: none.
  int environment_fd = -1;
  // The backend's name for the control group that keeps the bottle within its limits. Empty: none.
  std::string group{};
  ResourceLimits process_limits{};  // of each process, where the group has none
  std::string proxy{};              // host:port, as the bottle sees it
  bool java = false;
  std::filesystem::path manifest{};          // empty: none
  std::vector<std::string> allow_options{};  // hosts that the command line allows
  std::vector<SecretSource> sources{};       // where newer values of kept-out secrets come from
  // Files that the agent must not have made, and that a kill of the launcher would leave.
  std::vector<std::filesystem::path> never_there{};
};

// The JSON text, and back. nullopt: it is not one.
std::string record_text(const BottleRecord& record);
std::optional<BottleRecord> read_record(std::string_view text);

// Makes a starting bottle known. Lives as long as the bottle does, and after its RuntimeDir, whose
// destructor removes the file.
class Registration {
 public:
  // Call as soon as the directory exists, before anything is made that would have to be removed
  // after a kill. Values that the plan knows as secret are masked in the command.
  static Expected<Registration> publish(const RuntimeDir& runtime, const Plan& plan);
  const BottleRecord& record() const { return record_; }
  // Once the process exists.
  Expected<void> keeper_is(const RuntimeDir& runtime, pid_t pid);
  // Before the group is made, so that it can be found after a kill.
  Expected<void> group_is(const RuntimeDir& runtime, const std::string& group,
                          const ResourceLimits& process_limits);

 private:
  Registration(BottleRecord record, Fd environment)
      : record_(std::move(record)), environment_(std::move(environment)) {}
  BottleRecord record_;
  // Memory that ends with the launcher: secrets are in no file.
  Fd environment_;
};

// The bottle's environment as the command got it, secrets included. Fails when its launcher ended.
Expected<std::map<std::string, std::string>> environment_of(const BottleRecord& record);

// The bottles below `base` that live, oldest first; at most kMaxListed.
std::vector<BottleRecord> living_bottles(const std::filesystem::path& base);
inline constexpr std::size_t kMaxListed = 1000;

// The one whose id is, or begins with, `id`. The Error lists those that there are.
Expected<BottleRecord> find_bottle(const std::filesystem::path& base, const std::string& id);

// Removes what killed launchers left below `base`: for each directory whose lease is free `remove`
// is called with its record (when it has one), and the directory goes once that returned true.
// Returns how many went.
std::size_t reap_bottles(const std::filesystem::path& base,
                         const std::function<bool(const BottleRecord&)>& remove);

}  // namespace bottle::launcher
