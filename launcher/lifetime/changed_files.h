#pragma once

#include <chrono>
#include <cstddef>
#include <ctime>
#include <deque>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/plan/plan.h"

namespace bottle::launcher {

// Looks through a workspace for files that are protected by their name and changed since a moment,
// by the time that the kernel notes for each inode (st_ctim), which no program can set. Folders
// near the top come first; links are not followed. Not looked into: node_modules, virtual
// environments of Python, and of .git what git runs nothing of.
class ChangedFiles {
 public:
  ChangedFiles(std::filesystem::path workspace, const ProtectEntry& protect, std::timespec since);

  void ignore(const std::vector<std::filesystem::path>& files);
  // This path, and all below it.
  void look_at(const std::filesystem::path& path);
  void walk();

  std::vector<std::filesystem::path> take_found() { return std::move(found_); }
  std::size_t more() const { return more_; }
  bool cut() const { return cut_; }

 private:
  enum class Inside {
    kProject,
    kNamed,       // a folder that is protected with all that it holds
    kRepository,  // the directory of a repository
    kModules,     // folders in which repositories are
  };
  struct Folder {
    std::filesystem::path path;
    std::string name;  // the part of a protected name that this folder is
    Inside inside = Inside::kProject;
  };

  void read(const Folder& folder);
  void in_project(const Folder& folder, const std::filesystem::path& path, bool is_folder);
  void in_repository(const Folder& folder, const std::filesystem::path& path, bool is_folder);
  void repository_here(const Folder& folder);
  void tell_if_new(const std::filesystem::path& path);
  bool out_of_budget();

  std::filesystem::path workspace_;
  std::vector<std::string_view> names_{};
  std::set<std::string, std::less<>> parents_{};  // of names with a slash
  bool config_;
  bool hooks_;
  std::timespec since_;
  std::chrono::steady_clock::time_point end_;
  std::deque<Folder> left_{};
  std::set<std::filesystem::path> told_{};
  std::set<std::filesystem::path> ignored_{};
  std::vector<std::filesystem::path> found_{};
  std::size_t looked_ = 0;
  std::size_t more_ = 0;
  bool cut_ = false;
};

}  // namespace bottle::launcher
