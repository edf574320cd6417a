#pragma once

#include <string>

#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"

namespace bottle {

// Where a proxy takes commands: a Unix stream socket that listens. Its file, if it made one (mode
// 0600), goes with it.
class ControlSocket {
 public:
  // The file's own name has at most 80 bytes. A file that is there already is replaced if it is a
  // socket of this user at which nothing listens. The Error (kListen) says why not.
  [[nodiscard]] static Expected<ControlSocket> at(const std::string& path);
  // An inherited descriptor, which it takes over.
  [[nodiscard]] static Expected<ControlSocket> inherited(int fd);
  ControlSocket(ControlSocket&& other) noexcept = default;
  ControlSocket& operator=(ControlSocket&&) = delete;
  ~ControlSocket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  ControlSocket(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;  // empty: not its own
};

}  // namespace bottle
