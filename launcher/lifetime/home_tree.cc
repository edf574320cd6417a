#include "launcher/lifetime/home_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "launcher/plan/home_folder.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using Kind = PlannedMount::Kind;

Error in_the_way(const fs::path& shown, const fs::path& below, const std::string& what) {
  return Error{ExitCode::kIsolation,
               "in the kept home, " + (shown / below).string() + " is " + what +
                   ", and something of the bottle's is mounted there",
               "the agent made it; move it away, or start with --home private"};
}

std::string kind_of(mode_t mode) {
  if (S_ISLNK(mode)) return "a link";
  if (S_ISDIR(mode)) return "a folder";
  return S_ISREG(mode) ? "a file" : "neither a file nor a folder";
}

bool is_folder(const PlannedMount& mount) {
  if (mount.kind == Kind::kHidden) return mount.source == "directory";
  std::error_code ec;
  const bool of_host = mount.kind == Kind::kReadOnly || mount.kind == Kind::kWritable;
  return !of_host || fs::is_directory(mount.source, ec);
}

// The launcher may be root, and the agent another user.
bool give(const Fd& fd, const HomeOwner& owner) {
  return ::getuid() != 0 || ::fchown(fd.get(), owner.uid, owner.gid) == 0;
}

// One folder of the path, made if it is missing. `below` is its path in the home.
Expected<Fd> enter(const Fd& parent, const fs::path& below, const fs::path& shown,
                   const HomeOwner& owner) {
  const std::string name = below.filename().string();
  const bool made = ::mkdirat(parent.get(), name.c_str(), 0700) == 0;
  Fd fd(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd && (!made || give(fd, owner))) return fd;
  const int problem = errno;
  struct stat info{};
  if (::fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISDIR(info.st_mode)) {
    return in_the_way(shown, below, kind_of(info.st_mode));
  }
  return system_error("cannot use " + (shown / below).string(), problem);
}

Expected<void> make_file(const Fd& parent, const fs::path& below, const fs::path& shown,
                         const HomeOwner& owner) {
  const std::string name = below.filename().string();
  constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const Fd fd(::openat(parent.get(), name.c_str(), kNew, 0600));
  if (fd && give(fd, owner)) return {};
  const int problem = errno;
  struct stat info{};
  if (problem == EEXIST && ::fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISREG(info.st_mode)) return {};
    return in_the_way(shown, below, kind_of(info.st_mode));
  }
  return system_error("cannot make " + (shown / below).string(), problem);
}

Expected<void> make_point(const Fd& home, const fs::path& below, const fs::path& shown, bool folder,
                          const HomeOwner& owner) {
  Fd at(::openat(home.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  fs::path so_far;
  for (const auto& part : folder ? below : below.parent_path()) {
    so_far /= part;
    auto next = enter(at, so_far, shown, owner);
    if (!next) return std::move(next.error());
    at = std::move(*next);
  }
  return folder ? Expected<void>() : make_file(at, below, shown, owner);
}

// Whether the place lies in another mount: then it is not in the home.
bool is_elsewhere(const PlannedMount& mount, std::span<const PlannedMount> mounts) {
  return std::any_of(mounts.begin(), mounts.end(), [&mount](const PlannedMount& other) {
    return other.at != mount.at && other.kind != Kind::kHome &&
           is_below(other.at, fs::path(kAgentHome)) && is_below(mount.at, other.at);
  });
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory listing_of(const Fd& fd) {
  const int own = ::openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return nullptr;
  Directory out(::fdopendir(own));
  if (!out) ::close(own);
  return out;
}

// Some names in a directory: a list of all could be as long as the agent likes.
std::vector<std::string> names_in(const Fd& directory) {
  constexpr std::size_t kMost = 1000;
  std::vector<std::string> out;
  const auto listing = listing_of(directory);
  if (!listing) return out;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") out.push_back(name);
    if (out.size() == kMost) break;
  }
  return out;
}

// A folder of the agent's, whatever mode it has.
Fd open_folder(const Fd& parent, const std::string& name) {
  const Fd found(
      ::openat(parent.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!found) return Fd();
  ::chmod(("/proc/self/fd/" + std::to_string(found.get())).c_str(), 0700);
  return Fd(::openat(found.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Removes trees without going down into them, so that no depth costs memory or descriptors: the
// folders in a folder are moved up beside it, and their turn comes later.
class Remover {
 public:
  Remover(const Fd& top, fs::path shown) : top_(top), shown_(std::move(shown)) {}

  Expected<void> run() {
    for (auto names = names_in(top_); !names.empty(); names = names_in(top_)) {
      for (const auto& name : names) {
        if (::unlinkat(top_.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
        if (auto emptied = empty(name); !emptied) return emptied;
        if (::unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR) != 0) return stays(name, errno);
      }
    }
    return {};
  }

 private:
  Expected<void> empty(const std::string& name) {
    const Fd folder = open_folder(top_, name);
    if (!folder) return stays(name, errno);
    for (auto names = names_in(folder); !names.empty(); names = names_in(folder)) {
      for (const auto& one : names) {
        if (::unlinkat(folder.get(), one.c_str(), 0) == 0) continue;
        // Its `..` changes, for which it must be writable.
        if (const Fd inner = open_folder(folder, one); !inner)
          return stays(name + "/" + one, errno);
        if (auto moved = move_up(folder, name, one); !moved) return moved;
      }
    }
    return {};
  }

  Expected<void> move_up(const Fd& folder, const std::string& name, const std::string& one) {
    while (true) {
      const std::string fresh = ".removed-" + std::to_string(++count_);
      const auto moved =
          ::renameat2(folder.get(), one.c_str(), top_.get(), fresh.c_str(), RENAME_NOREPLACE);
      if (moved == 0) return {};
      if (errno != EEXIST) return stays(name + "/" + one, errno);
    }
  }

  Error stays(const std::string& name, int problem) const {
    return system_error("cannot remove " + (shown_ / name).string(), problem,
                        "does it belong to another user? see who: ls -la " + shown_.string());
  }

  const Fd& top_;
  fs::path shown_;
  std::uint64_t count_ = 0;
};

}  // namespace

Expected<void> make_mount_points(const Fd& home, const fs::path& shown,
                                 std::span<const PlannedMount> mounts, const HomeOwner& owner) {
  for (const auto& mount : mounts) {
    const fs::path at(mount.at);
    if (mount.at == kAgentHome || !is_below(at, fs::path(kAgentHome))) continue;
    if (is_elsewhere(mount, mounts)) continue;
    const auto below = at.lexically_relative(kAgentHome);
    if (auto made = make_point(home, below, shown, is_folder(mount), owner); !made) return made;
  }
  return {};
}

Expected<void> make_folder(const Fd& home, const fs::path& shown, const fs::path& below,
                           const HomeOwner& owner) {
  return make_point(home, below, shown, true, owner);
}

Expected<void> remove_content(const Fd& directory, const fs::path& shown) {
  return Remover(directory, shown).run();
}

TreeSize size_of_tree(const fs::path& directory, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  TreeSize out;
  std::error_code ec;
  fs::recursive_directory_iterator at(directory, ec);
  for (; !ec && at != fs::recursive_directory_iterator(); at.increment(ec)) {
    struct stat info{};
    if (::lstat(at->path().c_str(), &info) == 0) {
      out.bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    } else {
      out.whole = false;  // too deep for a path, or just removed
    }
    if (std::chrono::steady_clock::now() >= until) {
      out.whole = false;
      return out;
    }
  }
  if (ec) out.whole = false;
  return out;
}

}  // namespace bottle::launcher
