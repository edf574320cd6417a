#include "proxy/seen_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "certs/digest.h"
#include "proxy/contract/fd.h"

namespace bottle {
namespace {

// The first line of a file, which names its version.
constexpr std::string_view kTitle = "bottle seen 1\n";
constexpr std::size_t kMostBytes = std::size_t{8} << 20;

// Of a regular file of this user's that no other one can read.
std::optional<Bytes> read_own(const std::string& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  const bool ours = fd && ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode) &&
                    info.st_uid == ::geteuid() && (info.st_mode & 077) == 0 &&
                    static_cast<std::size_t>(info.st_size) <= kMostBytes;
  if (!ours) return std::nullopt;
  Bytes bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t n = ::read(fd.get(), bytes.data() + got, bytes.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    got += static_cast<std::size_t>(n);
  }
  return bytes;
}

bool write_whole(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

ByteView view_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

void load_seen(const std::string& file, KnownText& known, ScannerLife& life) {
  const auto bytes = read_own(file);
  if (!bytes || bytes->size() < kTitle.size() + sizeof(Digest)) return;
  // It ends with a digest, so half a file is none.
  const ByteView body = ByteView(*bytes).substr(0, bytes->size() - sizeof(Digest));
  if (!body.starts_with(kTitle)) return;
  const Digest digest = sha256(body);
  if (ByteView(*bytes).substr(body.size()) != view_of(digest)) return;
  const ByteView rest = body.substr(kTitle.size());
  const std::size_t line = rest.find('\n');
  if (line == ByteView::npos) return;
  if (known.restore(rest.substr(line + 1))) life.expect(std::string(rest.substr(0, line)));
}

bool save_seen(const std::string& file, KnownText& known, ScannerLife& life) {
  const std::string facts = life.facts();
  // No scanner was heard of: the file of an earlier one stays.
  if (facts.empty() || facts.find('\n') != std::string::npos) return true;
  Bytes bytes(kTitle);
  bytes += facts + "\n";
  bytes += known.save();
  const Digest digest = sha256(bytes);
  bytes += view_of(digest);
  std::string fresh = file + ".XXXXXX";
  const Fd fd(::mkostemp(fresh.data(), O_CLOEXEC));  // mode 0600
  if (!fd) return false;
  const bool written = write_whole(fd.get(), bytes) && ::rename(fresh.c_str(), file.c_str()) == 0;
  if (!written) ::unlink(fresh.c_str());
  return written;
}

}  // namespace bottle
