#include "proxy/keeper/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace bottle {

Fd memory_file(const char* name, std::string_view text) {
  Fd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  while (file && !text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Fd();
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (file && ::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) return Fd();
  return file;
}

std::optional<std::string> text_of_file(int fd, std::size_t most) {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || info.st_size < 0) return std::nullopt;
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > most) return std::nullopt;
  std::string text(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(fd, text.data() + have, size - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    have += static_cast<std::size_t>(got);
  }
  return text;
}

}  // namespace bottle
