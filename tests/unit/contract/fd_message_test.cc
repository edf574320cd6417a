#include "proxy/contract/fd_message.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

namespace bottle {
namespace {

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// Both ends of a channel, and a file to pass.
struct Channel {
  Channel() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    near = Fd(ends[0]);
    far = Fd(ends[1]);
  }
  [[nodiscard]] bool send(std::string_view text, std::size_t count) const {
    const std::vector<int> fds(count, file.get());
    return send_message(near.get(), text, fds);
  }
  [[nodiscard]] FdMessage receive(std::size_t most_text = 16) const {
    return receive_message(far.get(), most_text, MSG_DONTWAIT);
  }
  Fd near;
  Fd far;
  Fd file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
};

TEST(FdMessage, CarriesTextAndDescriptors) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, kMaxPassed}) {
    const Channel channel;
    ASSERT_TRUE(channel.send("word", count));
    const FdMessage message = channel.receive();
    EXPECT_EQ(message.text, "word");
    EXPECT_EQ(message.error, 0);
    EXPECT_EQ(message.sender, -1);
    ASSERT_EQ(message.fds.size(), count);
    for (const Fd& fd : message.fds) {
      EXPECT_NE(fd.get(), channel.file.get());
      EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
    }
  }
}

TEST(FdMessage, MoreDescriptorsThanOneMessageHoldsAreNotSent) {
  const Channel channel;
  EXPECT_FALSE(channel.send("word", kMaxPassed + 1));
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(channel.receive().error, EAGAIN);
}

TEST(FdMessage, DescriptorsThatTheReceiverDoesNotTakeAreClosed) {
  const Channel channel;
  const std::size_t before = open_descriptors();
  ASSERT_TRUE(channel.send("word", 3));
  EXPECT_EQ(channel.receive().fds.size(), 3U);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(FdMessage, NothingYetAndNobodyThereAreDifferent) {
  Channel channel;
  const FdMessage none = channel.receive();
  EXPECT_EQ(none.error, EAGAIN);
  EXPECT_TRUE(none.text.empty());
  channel.near.reset();
  const FdMessage gone = channel.receive();
  EXPECT_EQ(gone.error, 0);
  EXPECT_TRUE(gone.text.empty());
  EXPECT_TRUE(gone.fds.empty());
}

TEST(FdMessage, SendingToNobodyFailsAndRaisesNoSignal) {
  Channel channel;
  channel.far.reset();
  EXPECT_FALSE(channel.send("word", 1));
  EXPECT_EQ(errno, EPIPE);
}

TEST(FdMessage, ALongerTextIsCutAndTheNextMessageIsWhole) {
  const Channel channel;
  ASSERT_TRUE(channel.send("long", 0));
  ASSERT_TRUE(channel.send("b", 0));
  EXPECT_EQ(channel.receive(1).text, "l");
  EXPECT_EQ(channel.receive(1).text, "b");
}

TEST(FdMessage, TellsTheSenderWhereTheSocketAsksForIt) {
  const Channel channel;
  const int on = 1;
  ASSERT_EQ(::setsockopt(channel.far.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
  ASSERT_TRUE(channel.send("word", kMaxPassed));
  const FdMessage message = channel.receive();
  EXPECT_EQ(message.sender, ::getpid());
  EXPECT_EQ(message.fds.size(), kMaxPassed);
}

TEST(FdMessage, WithoutADescriptorLeftTheTextComesAlone) {
  const Channel channel;
  ASSERT_TRUE(channel.send("word", 1));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const FdMessage message = channel.receive();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(message.text, "word");
  EXPECT_TRUE(message.fds.empty());
}

TEST(Fd, HasOneOwnerAndClosesOnce) {
  Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(first);
  const int number = first.get();
  Fd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  second = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
  const int released = second.release();
  EXPECT_FALSE(second);
  EXPECT_EQ(::close(released), 0);
}

}  // namespace
}  // namespace bottle
