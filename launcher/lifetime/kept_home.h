#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/lifetime/home_tree.h"
#include "launcher/plan/plan.h"
#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {

// A home that outlives its bottle: a folder of plan.home. In it are the home itself, which the
// agent has as /home/agent, and beside it the launcher's files: a lease, and project.json, which
// says whose home it is.

// A kept home that is this large is told of at the start.
inline constexpr std::uint64_t kLargeHome = 2ULL * 1024 * 1024 * 1024;

// The home of one bottle, leased as long as the object lives. One bottle has it at a time: the
// launcher makes mount points in it, which is safe only while no agent changes it.
class KeptHome {
 public:
  // Makes what is missing of plan.home and of the mount points in the home. Error: another bottle
  // has it, or it is another project's, or the agent left something in the way.
  static Expected<KeptHome> take(const Plan& plan);

  bool is_new() const { return is_new_; }
  std::string large() const;  // words about its size when its last bottle ended; empty: not large
  // Measures the home, for at most a moment, and notes that for the next start. Call when the
  // bottle has ended.
  void note_size() const;

 private:
  KeptHome(std::filesystem::path folder, Fd lease)
      : folder_(std::move(folder)), lease_(std::move(lease)) {}
  std::filesystem::path folder_;
  Fd lease_;
  bool is_new_ = false;
  TreeSize size_{};
};

// A kept home as `bottle home` shows it.
struct KnownHome {
  std::string name;
  std::filesystem::path folder;
  std::filesystem::path project{};
  std::string bottle{};
  std::string user{};     // the id of the bottle that has it; empty: none
  std::int64_t used = 0;  // when it was last taken: seconds since 1970
  std::filesystem::path home() const;
};
// Those below the state directory, by name.
std::vector<KnownHome> known_homes(const std::filesystem::path& state_base);

// Removes a kept home. Error: a bottle has it, or something in it cannot be removed.
Expected<void> remove_home(const KnownHome& home);

// "3.1 GiB", "at least 12 MiB"
std::string size_words(const TreeSize& size);

}  // namespace bottle::launcher
