#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "launcher/plan/plan.h"
#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {

// Work in a kept home, whose files are the agent's: it may have made links, pipes and deep trees to
// lead the launcher astray. Nothing here follows a link or opens a file for reading. No bottle uses
// the home meanwhile.

struct HomeOwner {
  unsigned uid = 0;
  unsigned gid = 0;
};

// Makes the folders and empty files that `mounts` are laid over below /home/agent, where they do
// not exist. `home` is the home's directory, `shown` its path for messages. An Error says what else
// stands in the place of one.
Expected<void> make_mount_points(const Fd& home, const std::filesystem::path& shown,
                                 std::span<const PlannedMount> mounts, const HomeOwner& owner);

// Makes a folder of the home, and those above it, where they do not exist. `below` is its path in
// the home.
Expected<void> make_folder(const Fd& home, const std::filesystem::path& shown,
                           const std::filesystem::path& below, const HomeOwner& owner);

// Removes what is in `directory`, of any depth and any mode. The Error names something that stays.
Expected<void> remove_content(const Fd& directory, const std::filesystem::path& shown);

struct TreeSize {
  std::uint64_t bytes = 0;  // on the disk
  bool whole = true;        // false: not all could be counted, in the time or at all
};
TreeSize size_of_tree(const std::filesystem::path& directory, std::chrono::milliseconds limit);

}  // namespace bottle::launcher
