#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "launcher/plan/plan.h"

namespace bottle::launcher {

// Collects what is read-only in a bottle within folders that the agent may change. A read-only
// mount alone holds a file, not its name: the agent could rename a folder above it, and put another
// one there. So every folder between the workspace and the file is a mount of its own, which cannot
// be renamed or removed. Moving a file into or out of such a folder is a copy, as between two
// disks.
class HeldFiles {
 public:
  // `workspace` is canonical.
  explicit HeldFiles(std::filesystem::path workspace) : workspace_(std::move(workspace)) {}

  // A folder that the bottle has besides the workspace, and that the agent may change.
  void open(const std::filesystem::path& folder);
  // Read-only. `path` exists and no part of it below the workspace is a link.
  void keep(const std::filesystem::path& path);
  // Read-only, also when it is not there yet: then the launch makes it, empty. Its name says
  // whether it is a folder ("hooks").
  void make_and_keep(const std::filesystem::path& path);
  // The agent must not make it; what is there at the end of the bottle is removed.
  void forbid(const std::filesystem::path& path) { plan_.never_there.push_back(path); }
  // Read-only, for a path that the project chose. A link on the way cannot be held, since the agent
  // can replace it: what it means is kept, if it lies in the workspace, and the words of a note
  // are returned. Nothing is done if nothing is there.
  std::vector<std::string> keep_named(const std::filesystem::path& path);
  // Told at the end of the bottle if it is there and was made or changed.
  void watch(const std::filesystem::path& path) { plan_.watched.push_back(path); }

  bool keeps(const std::filesystem::path& path) const;
  // The folder that the agent may change and `path` lies in. Empty: there is none.
  std::filesystem::path root_of(const std::filesystem::path& path) const;
  const std::filesystem::path& workspace() const { return workspace_; }
  HeldPlan plan() const;

 private:
  // In the order of precedence.
  enum class Hold { kInPlace, kOpen, kReadOnly };
  void add(const std::filesystem::path& path, Hold hold);

  std::filesystem::path workspace_;
  std::map<std::filesystem::path, Hold> holds_{};  // a path comes before what is below it
  HeldPlan plan_{};
};

}  // namespace bottle::launcher
