#include "proxy/control/control_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/contract/control_client.h"

namespace bottle {
namespace {

constexpr int kBacklog = 8;
constexpr mode_t kMode = S_IRUSR | S_IWUSR;

Error cannot(const std::string& path, const std::string& why, std::string hint = {}) {
  return Error{ExitCode::kListen, "cannot take commands at " + path + ": " + why, std::move(hint)};
}

bool binds(int fd, const UnixPath& where) {
  return ::bind(fd, where.address(), UnixPath::size()) == 0;
}

// Removes what a process left that was killed.
Expected<> remove_stale(const std::string& path, const UnixPath& where) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return cannot(path, std::strerror(errno));
  if (!S_ISSOCK(info.st_mode) || info.st_uid != ::geteuid()) {
    return cannot(path, "there is something that is no socket of this user", "name another path");
  }
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return cannot(path, std::strerror(errno));
  const int connected = ::connect(probe.get(), where.address(), UnixPath::size());
  if (connected == 0 || errno != ECONNREFUSED) {
    return cannot(path, "another process listens there", "name another path, or end that process");
  }
  if (::unlink(path.c_str()) != 0) return cannot(path, std::strerror(errno));
  return {};
}

}  // namespace

Expected<ControlSocket> ControlSocket::at(const std::string& path) {
  const auto where = UnixPath::of(path);
  if (!where) {
    return cannot(path, "its directory is not there, or the name is too long", "name another path");
  }
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return cannot(path, std::strerror(errno));
  // Before bind(): the file has the socket's mode from its first moment on.
  if (::fchmod(fd.get(), kMode) != 0) return cannot(path, std::strerror(errno));
  if (!binds(fd.get(), *where)) {
    if (errno != EADDRINUSE) return cannot(path, std::strerror(errno));
    if (auto removed = remove_stale(path, *where); !removed) return removed.error();
    if (!binds(fd.get(), *where)) return cannot(path, std::strerror(errno));
  }
  ControlSocket out(std::move(fd), path);
  if (::chmod(path.c_str(), kMode) != 0 || ::listen(out.fd(), kBacklog) != 0) {
    return cannot(path, std::strerror(errno));
  }
  return out;
}

Expected<ControlSocket> ControlSocket::inherited(int fd) {
  int listens = 0;
  int domain = 0;
  socklen_t size = sizeof listens;
  const bool known = ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
                     ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0;
  if (!known || listens == 0 || domain != AF_UNIX) {
    return cannot("fd:" + std::to_string(fd), "it is no Unix socket that listens");
  }
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return ControlSocket(Fd(fd), "");
}

ControlSocket::~ControlSocket() {
  if (fd_ && !path_.empty()) ::unlink(path_.c_str());
}

}  // namespace bottle
