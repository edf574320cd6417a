#include "launcher/plan/user_key.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

#include "launcher/process/process.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPlaceHint = "set XDG_STATE_HOME to a directory that you can write to";

Error unusable(const fs::path& file, const UserKeyFile& which) {
  return Error{ExitCode::kSystem,
               "the key of " + std::string(which.of) + ", " + file.string() +
                   ", is not a file of 32 bytes that only you can read",
               "remove it: the next start makes a new one, and " + std::string(which.if_lost)};
}

Expected<UserKey> read_key(const Fd& fd, const fs::path& file, const UserKeyFile& which) {
  struct stat info{};
  UserKey key{};
  const bool ours = ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode) &&
                    info.st_uid == ::getuid() && (info.st_mode & 077) == 0 &&
                    info.st_size == static_cast<off_t>(key.size());
  if (!ours) return unusable(file, which);
  if (::pread(fd.get(), key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return unusable(file, which);
  }
  return key;
}

// Writes a whole key under another name first, so that no start ever reads a part of one.
Expected<void> make_key(const fs::path& base, const fs::path& file) {
  std::error_code ec;
  fs::create_directories(base, ec);
  UserKey key{};
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return system_error("cannot make " + file.string(), errno);
  }
  std::string fresh = (base / ".key-XXXXXX").string();
  const Fd fd(::mkostemp(fresh.data(), O_CLOEXEC));
  if (!fd) return system_error("cannot make " + file.string(), errno, kPlaceHint);
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  const bool written = write_all(fd.get(), bytes) && ::fsync(fd.get()) == 0;
  // Not rename(): a key that another start has made meanwhile stays.
  const bool linked = written && ::link(fresh.c_str(), file.c_str()) == 0;
  const int problem = errno;
  ::unlink(fresh.c_str());
  if (linked || (written && problem == EEXIST)) return {};
  return system_error("cannot make " + file.string(), problem, kPlaceHint);
}

}  // namespace

Expected<UserKey> user_key(const fs::path& state_base, const UserKeyFile& which) {
  const fs::path file = state_base / which.name;
  for (const bool may_make : {true, false}) {
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd) return read_key(fd, file, which);
    if (errno == ELOOP) return unusable(file, which);
    if (errno != ENOENT || !may_make) break;
    if (auto made = make_key(state_base, file); !made) return std::move(made.error());
  }
  return system_error("cannot read " + file.string(), errno);
}

}  // namespace bottle::launcher
