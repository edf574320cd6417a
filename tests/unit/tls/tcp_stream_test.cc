#include "proxy/tls/tcp_stream.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/tls/peer.h"

namespace bottle {
namespace {

using test::connected_pair;
using test::Pair;

class Tcp : public ::testing::Test {
 protected:
  static awaitable<void> read(ByteStream& stream, std::size_t room, std::string& out,
                              IoStatus& end) {
    std::string block(room, '\0');
    for (;;) {
      const IoResult got = co_await stream.read_some(block);
      if (!got.ok()) {
        end = got.status;
        co_return;
      }
      out.append(block, 0, got.n);
    }
  }
  static awaitable<void> write(ByteStream& stream, std::string_view data, IoResult& out) {
    out = co_await stream.write_all(data);
  }
  static awaitable<void> shut_down(ByteStream& stream) { co_await stream.shutdown(); }

  test::Worker worker_;
  Pair pair_ = connected_pair(worker_.io);
};

TEST_F(Tcp, BytesReadAheadComeFirstThenTheSocketThenTheEnd) {
  TcpStream stream(std::move(pair_.ours), "ahead ");
  ::send(pair_.theirs.get(), "bytes", 5, 0);
  ::shutdown(pair_.theirs.get(), SHUT_WR);
  std::string got;
  IoStatus end = IoStatus::Ok;
  EXPECT_TRUE(stream.readable_now());
  test::run(worker_, read(stream, 4, got, end));
  EXPECT_EQ(got, "ahead bytes");
  EXPECT_EQ(end, IoStatus::Eof);
  EXPECT_TRUE(stream.readable_now()) << "an end is something to read";
}

TEST_F(Tcp, WritesAllAndShutsDown) {
  TcpStream stream(std::move(pair_.ours));
  EXPECT_FALSE(stream.readable_now());
  const std::string sent(8 * 1024 * 1024, 'w');
  std::string got;
  test::Thread thread([&] {
    std::string block(65536, '\0');
    for (ssize_t n = 0; (n = ::recv(pair_.theirs.get(), block.data(), block.size(), 0)) > 0;) {
      got.append(block, 0, static_cast<std::size_t>(n));
    }
  });
  IoResult wrote;
  test::run(worker_, write(stream, sent, wrote));
  EXPECT_TRUE(wrote.ok());
  EXPECT_EQ(wrote.n, sent.size());
  test::run(worker_, shut_down(stream));
  thread.join();
  EXPECT_TRUE(got == sent);
}

TEST_F(Tcp, CancelEndsReaderAndWriter) {
  TcpStream stream(std::move(pair_.ours));
  const std::string sent(32 * 1024 * 1024, 'w');
  std::string got;
  IoStatus end = IoStatus::Ok;
  IoResult wrote;
  TaskGroup tasks(worker_.io.get_executor());
  tasks.spawn(read(stream, 100, got, end));
  tasks.spawn(write(stream, sent, wrote));
  worker_.io.restart();
  worker_.io.run_for(std::chrono::milliseconds(20));
  EXPECT_EQ(tasks.size(), 2U);
  stream.cancel();
  worker_.io.run_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(tasks.empty());
  EXPECT_EQ(end, IoStatus::Cancelled);
  EXPECT_EQ(wrote.status, IoStatus::Cancelled);
  EXPECT_LT(wrote.n, sent.size());
}

TEST_F(Tcp, AResetIsNoEnd) {
  TcpStream stream(std::move(pair_.ours));
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(pair_.theirs.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  pair_.theirs.close();
  std::string got;
  IoStatus end = IoStatus::Ok;
  test::run(worker_, read(stream, 100, got, end));
  EXPECT_EQ(end, IoStatus::Reset);
}

TEST_F(Tcp, ReleaseGivesTheSocketAndWhatWasNotHandedOut) {
  TcpStream stream(std::move(pair_.ours), "ahead");
  Bytes unread;
  asio::ip::tcp::socket socket = stream.release(unread);
  EXPECT_EQ(unread, "ahead");
  EXPECT_TRUE(socket.is_open());
  std::string got;
  IoStatus end = IoStatus::Ok;
  test::run(worker_, read(stream, 100, got, end));
  EXPECT_EQ(end, IoStatus::Cancelled);
}

}  // namespace
}  // namespace bottle
