#include "proxy/sandbox/file_rules.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "proxy/contract/fd.h"

namespace bottle {
namespace {

// Not in Debian 12's header yet.
constexpr std::uint64_t kTruncate = 1ULL << 14;  // version 3

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadTree = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kVersion1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;

std::uint64_t known_to(long version) {
  std::uint64_t out = kVersion1;
  if (version >= 2) out |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) out |= kTruncate;
  return out;
}

// In a tree: files and directories are made, renamed and removed; no device, and nothing executed.
constexpr std::uint64_t kWriteTree =
    kReadTree | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | kTruncate;
constexpr std::uint64_t kWriteFile = kReadFile | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;

int add(int rules, const std::string& path, std::uint64_t tree, std::uint64_t file) {
  const Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return 0;
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return errno;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = S_ISDIR(info.st_mode) ? tree : file;
  rule.parent_fd = place.get();
  const long added = ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
  return added == 0 ? 0 : errno;
}

}  // namespace

int limit_files(const FileAccess& files) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0UL, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) return errno;
  const std::uint64_t known = known_to(version);
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = known;
  const Fd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0U)));
  if (!rules) return errno;
  for (const std::string& path : files.read) {
    if (const int failed = add(rules.get(), path, kReadTree, kReadFile); failed != 0) return failed;
  }
  for (const std::string& path : files.write) {
    const int failed = add(rules.get(), path, kWriteTree & known, kWriteFile & known);
    if (failed != 0) return failed;
  }
  return ::syscall(SYS_landlock_restrict_self, rules.get(), 0U) == 0 ? 0 : errno;
}

}  // namespace bottle
