#include "launcher/process/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/contract/fd.h"

namespace bottle::launcher {
namespace {

Error no_text(const std::string& reason) { return {ExitCode::kSystem, reason, ""}; }

std::string kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a directory";
  if (S_ISFIFO(mode)) return "it is a pipe";
  return "it is no regular file";
}

}  // namespace

Expected<std::string> regular_text(int fd, std::size_t most) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return no_text(std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return no_text(kind_of(info.st_mode));
  // One byte more than allowed: the file may grow meanwhile, and files of /proc have the size 0.
  std::string text(most + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return no_text(std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > most) return no_text("it has more than " + std::to_string(most) + " bytes");
  text.resize(size);
  return text;
}

Expected<std::string> regular_text(const std::filesystem::path& file, std::size_t most) {
  // A pipe is opened without a wait for its other end.
  const Fd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return no_text(std::strerror(errno));
  return regular_text(fd.get(), most);
}

}  // namespace bottle::launcher
