#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The file in a bottle's directory that is locked while it lives.
inline constexpr const char* kLeaseName = "lease";

// The directory of one bottle while it runs (mode 0700): what is generated for it, and a lease.
// The lease is a file lock, so the kernel gives it back whatever ends the launcher; a directory
// whose lease can be taken is left over, and the next call of `bottle` removes it
// (reap_left_overs).
class RuntimeDir {
 public:
  // Makes base/id. `base` is made when it is missing, and refused when it is someone else's.
  static Expected<RuntimeDir> create(const std::filesystem::path& base, const std::string& id);
  RuntimeDir(RuntimeDir&&) = default;
  RuntimeDir& operator=(RuntimeDir&&) = delete;
  ~RuntimeDir();  // removes the directory

  const std::filesystem::path& path() const { return path_; }
  // A file in it, mode 0600; in a subdirectory when `name` has a slash and that exists.
  Expected<void> write(const std::string& name, std::string_view content) const;
  // The same, but who reads meanwhile sees the old content or the new, and never a part.
  Expected<void> replace(const std::string& name, std::string_view content) const;

 private:
  RuntimeDir(std::filesystem::path path, Fd lease)
      : path_(std::move(path)), lease_(std::move(lease)) {}

  std::filesystem::path path_;
  Fd lease_;
};

// Removes the directories below `base` that no running launcher leases. `may_go` is asked first for
// each, and may remove what else belongs to it; false keeps the directory for the next time.
// Returns how many went.
std::size_t reap_left_overs(
    const std::filesystem::path& base,
    const std::function<bool(const std::filesystem::path& directory)>& may_go = {});

// True if a process holds the lease of this bottle's directory.
bool is_leased(const std::filesystem::path& directory);

// Makes base/id (0700) for what stays after the bottle, and removes the oldest beyond kKeptStates,
// but none of a bottle that runs: its directory below `runtime_base` is leased.
Expected<std::filesystem::path> make_state_dir(const std::filesystem::path& base,
                                               const std::string& id,
                                               const std::filesystem::path& runtime_base);
inline constexpr std::size_t kKeptStates = 100;  // audit logs of so many bottles are kept

}  // namespace bottle::launcher
