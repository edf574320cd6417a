#pragma once

#include <ctime>
#include <filesystem>
#include <vector>

#include "launcher/plan/plan.h"

namespace bottle::launcher {

// Around the run of a bottle: makes what HeldPlan::made names and takes it away again if it is
// still empty, and notices what the agent made that a person's own tools would run or read.
class HeldGuard {
 public:
  explicit HeldGuard(const Plan& plan);
  HeldGuard(const HeldGuard&) = delete;
  HeldGuard& operator=(const HeldGuard&) = delete;
  ~HeldGuard();

  // After the run. Removes what the agent must not have made, and names it.
  std::vector<std::filesystem::path> removed() const;

  struct Changed {
    std::vector<std::filesystem::path> files{};
    std::size_t more = 0;  // how many others
    bool cut = false;      // the workspace has more files than are looked at
  };
  // After the run: the files of the workspace that are protected by their name, in any folder, and
  // were made or changed since the guard was made.
  Changed changed() const;

 private:
  const Plan& plan_;
  std::vector<std::filesystem::path> made_;
  std::timespec begin_{};
};

// The files of HeldPlan::never_there that are absent at the start, 256 at most, without links in
// the folders' names. A command that finds a killed launcher's remains removes them: that launcher
// never came to removed().
std::vector<std::filesystem::path> absent_at_start(const HeldPlan& held);

// Removes those that are files or links, and follows no link on the way to them.
struct AfterKill {
  std::vector<std::filesystem::path> removed{};
  std::vector<std::filesystem::path> kept{};  // is there and cannot be removed
};
AfterKill remove_after_kill(const std::vector<std::filesystem::path>& never_there);

}  // namespace bottle::launcher
