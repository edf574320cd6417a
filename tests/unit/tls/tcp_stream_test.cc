#include "proxy/tls/tcp_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <string>

#include "tests/unit/tls/peer.h"

namespace bottle {
namespace {

using namespace test;

class Tcp : public ::testing::Test {
 protected:
  Worker worker_;
  Pair pair_ = connected_pair(worker_.io);
};

TEST_F(Tcp, BytesReadAheadComeFirstThenTheSocketThenTheEnd) {
  TcpStream stream(std::move(pair_.ours), "ahead ");
  ::send(pair_.theirs.get(), "bytes", 5, 0);
  ::shutdown(pair_.theirs.get(), SHUT_WR);
  std::string got;
  IoStatus end = IoStatus::Ok;
  EXPECT_TRUE(stream.readable_now());
  run(worker_, read_all(stream, 4, got, end));
  EXPECT_EQ(got, "ahead bytes");
  EXPECT_EQ(end, IoStatus::Eof);
  EXPECT_TRUE(stream.readable_now()) << "an end is something to read";
}

TEST_F(Tcp, WritesAllAndShutsDown) {
  TcpStream stream(std::move(pair_.ours));
  EXPECT_FALSE(stream.readable_now());
  const std::string sent(8 * 1024 * 1024, 'w');
  std::string got;
  Thread thread([&] {
    std::string block(65536, '\0');
    for (ssize_t n = 0; (n = ::recv(pair_.theirs.get(), block.data(), block.size(), 0)) > 0;) {
      got.append(block, 0, static_cast<std::size_t>(n));
    }
  });
  IoResult wrote;
  run(worker_, write_all(stream, sent, wrote));
  EXPECT_TRUE(wrote.ok());
  EXPECT_EQ(wrote.n, sent.size());
  run(worker_, shut_down(stream));
  thread.join();
  EXPECT_TRUE(got == sent);
}

TEST_F(Tcp, CancelEndsReaderAndWriter) {
  TcpStream stream(std::move(pair_.ours));
  const std::string much(32 * 1024 * 1024, 'w');
  const std::size_t wrote =
      end_reader_and_writer(worker_.io, stream, much, [&](TaskGroup&) { stream.cancel(); });
  EXPECT_LT(wrote, much.size());
}

TEST_F(Tcp, AResetIsNoEnd) {
  TcpStream stream(std::move(pair_.ours));
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(pair_.theirs.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  pair_.theirs.reset();
  std::string got;
  IoStatus end = IoStatus::Ok;
  run(worker_, read_all(stream, 100, got, end));
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
  run(worker_, read_all(stream, 100, got, end));
  EXPECT_EQ(end, IoStatus::Cancelled);
}

// ---- a socket that is always ready

// Counts the turns of the loop that the others get.
awaitable<void> count_turns(const bool& done, std::size_t& turns) {
  const Executor executor = co_await asio::this_coro::executor;
  while (!done) {
    ++turns;
    co_await asio::post(executor, asio::use_awaitable_t<Executor>());
  }
}

// The most bytes that moved between two turns of the others.
struct Pace {
  std::size_t last_turn = 0;
  std::size_t bytes = 0;
  std::size_t most = 0;
  void moved(std::size_t n, std::size_t turn) {
    bytes = turn == last_turn ? bytes + n : n;
    last_turn = turn;
    most = std::max(most, bytes);
  }
};

awaitable<void> read_with_pace(ByteStream& stream, std::size_t size, const std::size_t& turns,
                               Pace& pace, bool& done) {
  std::string block(16 * 1024, '\0');
  for (std::size_t total = 0; total < size;) {
    const IoResult got = co_await stream.read_some(block);
    if (!got.ok()) break;
    total += got.n;
    pace.moved(got.n, turns);
  }
  done = true;
}
awaitable<void> write_with_pace(ByteStream& stream, std::size_t size, const std::size_t& turns,
                                Pace& pace, bool& done) {
  const std::string block(16 * 1024, 'w');
  for (std::size_t total = 0; total < size; total += block.size()) {
    const IoResult put = co_await stream.write_all(block);
    if (!put.ok()) break;
    pace.moved(put.n, turns);
  }
  done = true;
}
awaitable<void> both(awaitable<void> one, awaitable<void> other) {
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup tasks(executor);
  tasks.spawn(std::move(one));
  tasks.spawn(std::move(other));
  co_await tasks.join();
}

constexpr std::size_t kFits = 300 * 1024;  // into the buffers of a socket with this option
void enlarge(int fd) {
  const int size = 1024 * 1024;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

void send_what_fits(int fd) {
  enlarge(fd);
  const std::string sent(kFits, 's');
  ASSERT_EQ(::send(fd, sent.data(), sent.size(), 0), static_cast<ssize_t>(sent.size()));
}

void expect_to_give_way(Worker& worker, ByteStream& stream, decltype(&read_with_pace) move) {
  Pace pace;
  std::size_t turns = 0;
  bool done = false;
  run(worker, both(move(stream, kFits, turns, pace, done), count_turns(done, turns)));
  EXPECT_GE(turns, 4U);
  EXPECT_LE(pace.most, 64U * 1024 + 16U * 1024);
}

TEST_F(Tcp, AReaderWhoseSocketIsReadyGivesWay) {
  send_what_fits(pair_.theirs.get());
  TcpStream stream(std::move(pair_.ours));
  expect_to_give_way(worker_, stream, read_with_pace);
}

TEST_F(Tcp, AWriterWhoseSocketTakesEverythingGivesWay) {
  enlarge(pair_.ours.native_handle());
  TcpStream stream(std::move(pair_.ours));
  expect_to_give_way(worker_, stream, write_with_pace);
}

TEST_F(Tcp, ACancelMeetsAReaderThatGaveWay) {
  send_what_fits(pair_.theirs.get());
  TcpStream stream(std::move(pair_.ours));
  Pace pace;
  std::size_t turns = 0;
  bool done = false;
  TaskGroup tasks(worker_.io.get_executor());
  // From inside the loop, where a task begins at once.
  auto cancelled_when_it_gave_way = [&] {
    tasks.spawn(read_with_pace(stream, kFits, turns, pace, done));
    EXPECT_FALSE(done) << "it gave way";
    stream.cancel();
  };
  asio::post(worker_.io, cancelled_when_it_gave_way);
  worker_.io.restart();
  worker_.io.poll();
  EXPECT_TRUE(done);
  EXPECT_LT(pace.most, kFits);
}

}  // namespace
}  // namespace bottle
