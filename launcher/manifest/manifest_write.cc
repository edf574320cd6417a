#include "launcher/manifest/manifest_write.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/process/plain_text.h"
#include "launcher/process/process.h"
#include "launcher/process/regular_file.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kMaxPath = 4096;  // in a message

bool write_over(int fd, const std::string& text) {
  return ::lseek(fd, 0, SEEK_SET) == 0 && write_all(fd, text) &&
         ::ftruncate(fd, static_cast<off_t>(text.size())) == 0 && ::fsync(fd) == 0;
}

}  // namespace

Expected<std::string> manifest_text(const std::filesystem::path& file) {
  auto text = regular_text(file);
  if (text) return text;
  return Error{ExitCode::kManifest,
               "cannot read the manifest " + printable(file.string(), kMaxPath) + ": " +
                   text.error().message,
               "name another file with --manifest"};
}

Expected<void> replace_manifest(const std::filesystem::path& file, const std::string& before,
                                const std::string& after) {
  const std::string name = printable(file.string(), kMaxPath);
  const Fd fd(::open(file.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) {
    return system_error("cannot write " + name, errno, "is the file yours, and no link?",
                        ExitCode::kManifest);
  }
  const auto now = regular_text(fd.get());
  if (!now) {
    return Error{ExitCode::kManifest, "cannot write " + name + ": " + now.error().message, ""};
  }
  if (*now != before) {
    return Error{ExitCode::kManifest, name + " was changed at this moment, and is left as it is",
                 "read it, and try again"};
  }
  if (write_over(fd.get(), after)) return {};
  const int problem = errno;
  if (write_over(fd.get(), before)) {
    return system_error("cannot write " + name + ", which is as it was", problem,
                        "has the disk room?", ExitCode::kManifest);
  }
  return system_error("cannot write " + name + ", and its old text could not be put back", problem,
                      "read it before the next start: it may have parts of both texts",
                      ExitCode::kManifest);
}

}  // namespace bottle::launcher
