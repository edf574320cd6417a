#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/backend/backend.h"
#include "launcher/backend/port_forward.h"
#include "launcher/lifetime/registry.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// One line of `bottle doctor`.
struct Finding {
  enum class Status { kOk, kWarning, kFailed, kSkipped };
  std::string name;  // a few words: "user namespaces"
  Status status = Status::kOk;
  std::string detail{};  // the finding, for a person
  std::string hint{};    // advice, when not kOk
};

// Works on bottles of one backend from another call of `bottle` than the one that started them.
// `list`, `stop` and `logs` need nothing of it: they work on the registry
// (registry.h), and a bottle ends when its launcher is told to.
class BottleControl {
 public:
  virtual ~BottleControl() = default;

  // Runs `command` in the living bottle with its environment, in its workspace, as its user, and
  // with no more rights than the agent has. The caller's standard streams are the command's; a
  // terminal is passed on as a terminal. Returns the command's status as a shell counts. Errors:
  // kCommandNotFound and kCommandNotRunnable for the command, else why the bottle cannot be
  // entered.
  virtual Expected<ExitStatus> exec(const BottleRecord& bottle,
                                    const std::vector<std::string>& command) = 0;

  // Says a message of the control channel to the bottle's proxy, and returns its answer, both lines
  // (proxy/contract/control_words.h). `runtime` is the bottle's own directory. Ends within 30 s.
  virtual Expected<std::string> tell_proxy(const BottleRecord& bottle,
                                           const std::filesystem::path& runtime,
                                           const std::string& message) = 0;

  // Opens streams to the bottle's ports. This process may have moved into the bottle's network
  // then, without any power there, and is good for nothing else; it must have one thread.
  virtual Expected<std::unique_ptr<PortDialer>> port_dialer(const BottleRecord& bottle) = 0;

  // Removes what the killed launcher of `bottle` left outside of its runtime directory (that one is
  // the registry's to remove). True: nothing is left, now or before. False: try again at the next
  // call, for example because the engine does not answer. Must touch nothing of another bottle, and
  // be fast when there is nothing.
  virtual bool remove_left_overs(const BottleRecord& bottle) = 0;

  // Whether this machine can make bottles this way: the backend's lines of `bottle doctor`. Changes
  // nothing, ends within 10 s. `wanted`: the user needs this backend, so its absence is a failure
  // and not a warning.
  virtual std::vector<Finding> examine(bool wanted) = 0;
};

}  // namespace bottle::launcher
