#include "proxy/contract/fd.h"

#include <unistd.h>

namespace bottle {

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace bottle
