#include "proxy/base/descriptor_states.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>
#include <new>
#include <vector>

namespace bottle {

void DescriptorStates::expect(std::size_t connections) noexcept {
  if (connections <= made_) return;
  made_ += kRow;
  try {
    // All at once: a state that is free would be taken again.
    std::vector<asio::posix::stream_descriptor> row;
    row.reserve(kRow);
    for (std::size_t i = 0; i < kRow; ++i) {
      const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
      if (fd < 0) return;
      boost::system::error_code failed;
      row.emplace_back(executor_).assign(fd, failed);
      if (failed) ::close(fd);
    }
  } catch (const std::bad_alloc&) {
    return;
  }
}

}  // namespace bottle
