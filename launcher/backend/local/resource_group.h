#pragma once

#include <sys/types.h>

#include <string>

#include "launcher/lifetime/registry.h"
#include "launcher/lifetime/runtime_dir.h"
#include "launcher/plan/plan.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// Keeps the processes of a bottle within the limits of its plan: by a control group where one can
// be had, else by limits of each process, as far as those go. Removes the group at the end.
class ResourceGroup {
 public:
  // For `pid`, which must not have started another process yet: the bottle's processes descend from
  // it. Fails only if the group cannot be noted.
  static Expected<ResourceGroup> make(const Plan& plan, pid_t pid, Registration& registration,
                                      const RuntimeDir& runtime);
  ResourceGroup(ResourceGroup&& other) noexcept;
  ResourceGroup& operator=(ResourceGroup&&) = delete;
  ~ResourceGroup();

  // The limits that hold, and those that do not, for a person. Empty: none was asked for.
  const std::string& words() const { return words_; }
  // Those that the group does not keep: for limit_process(), in what starts the bottle's processes.
  const ResourceLimits& of_each_process() const { return rest_; }

 private:
  ResourceGroup() = default;
  std::string directory_{};  // of a group that is ours to remove
  std::string words_{};
  ResourceLimits rest_{};
};

// Limits this process, and all that it starts. For the moment before it becomes another program,
// since it may get no memory any more. The number of processes counts within the bottle's own user
// namespace (since Linux 5.14). False: errno.
bool limit_process(const ResourceLimits& limits);

// Puts this process into the group of a bottle that runs, if that has one. False: errno, or 0.
bool join_resources(const BottleRecord& bottle);
// Removes the group of a bottle whose launcher was killed. True: it is gone.
bool remove_resources(const BottleRecord& bottle);

}  // namespace bottle::launcher::local
