#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "launcher/manifest/resource_limits.h"

namespace bottle::launcher::local {

// Control groups of the kernel (cgroup v2) for the processes of one bottle.

// Where this process is in the tree of groups.
struct GroupTree {
  std::filesystem::path mount;  // where the tree is mounted
  std::filesystem::path own;    // the group of this process: an absolute path within the tree
};
// nullopt: the tree is not mounted, or this process's place in it cannot be seen. `proc` is /proc.
std::optional<GroupTree> group_tree(const std::filesystem::path& proc = "/proc");

// The directory in which a group of the bottle's can be made, and the limits that it can keep to.
struct GroupPlace {
  std::filesystem::path parent;
  ResourceLimits kept{};
};
// Below the own group if that hands controllers on (a delegated one, as a service with Delegate=yes
// has it), else beside it. Of both the one that keeps to more of `wanted`; nullopt: neither can be
// written or keeps to any. Changes nothing but the own group's subtree_control.
std::optional<GroupPlace> find_group_place(const GroupTree& tree, const ResourceLimits& wanted);

// Makes the group with these limits, and puts a process in it. False with errno: nothing is left.
bool make_group(const std::filesystem::path& group, const ResourceLimits& limits, pid_t pid);
// True: it is gone, now or before. Ends what still runs in it.
bool remove_group(const std::filesystem::path& group);

// A group that systemd makes, for a process that exists: a scope, which systemd removes with its
// last process. The user's manager for a plain user, the system's for root. Returns the limits that
// it keeps to; nullopt: there is no systemd, or it refuses.
std::optional<ResourceLimits> make_scope(const std::string& scope, const ResourceLimits& limits,
                                         pid_t pid);
// Puts another process in it.
bool join_scope(const std::string& scope, pid_t pid);

}  // namespace bottle::launcher::local
