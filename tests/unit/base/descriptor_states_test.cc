#include "proxy/base/descriptor_states.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

namespace bottle {
namespace {

// The least that is free: all below it are open.
int next_descriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(fd);
  return fd;
}

TEST(DescriptorStates, AreMadeInRowsAndHoldNoDescriptor) {
  boost::asio::io_context io;
  DescriptorStates states(io.get_executor());
  const int before = next_descriptor();
  states.expect(1);
  EXPECT_EQ(states.made(), DescriptorStates::kRow);
  states.expect(DescriptorStates::kRow);
  EXPECT_EQ(states.made(), DescriptorStates::kRow);
  states.expect(DescriptorStates::kRow + 1);
  EXPECT_EQ(states.made(), 2 * DescriptorStates::kRow);
  EXPECT_EQ(next_descriptor(), before);
}

}  // namespace
}  // namespace bottle
