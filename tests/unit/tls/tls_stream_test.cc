#include "proxy/tls/tls_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>

#include "proxy/tls/tls_client.h"
#include "tests/unit/tls/peer.h"

namespace bottle {
namespace {

using namespace test;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 131 + i / 251) & 0xffU);
  return text;
}

class Stream : public ::testing::Test {
 public:
  awaitable<void> accept(asio::ip::tcp::socket socket) {
    Result<Secured> result =
        co_await acceptor_.accept(std::move(socket), Bytes(), name_of("api.test"));
    if (result) {
      stream_ = std::move(result->stream);
    } else {
      ADD_FAILURE() << result.error().detail;
    }
  }

  // Handshake done on both sides; the client's code runs in a thread after it.
  void connect(std::function<void()> client_body) {
    pair_.emplace(connected_pair(worker_.io));
    client_.use(pair_->theirs, "api.test");
    thread_.emplace([this, body = std::move(client_body)] {
      ASSERT_EQ(client_.connect(), 0);
      body();
    });
    run(worker_, accept(std::move(pair_->ours)));
    ASSERT_TRUE(stream_);
  }

  static awaitable<void> read_exactly(ByteStream& stream, std::size_t size, std::string& out) {
    std::string block(20'000, '\0');
    while (out.size() < size) {
      const ByteSpan room(block.data(), std::min(block.size(), size - out.size()));
      const IoResult got = co_await stream.read_some(room);
      if (!got.ok()) co_return;
      out.append(block, 0, got.n);
    }
  }

  Worker worker_;
  TlsAcceptor acceptor_{*worker_.ca, worker_.leaves, worker_.tickets, worker_.wheel,
                        worker_.buffers};
  Client client_{worker_.ca->root_pem()};
  std::optional<Pair> pair_;
  std::unique_ptr<TlsStream> stream_;
  std::optional<Thread> thread_;
};

TEST_F(Stream, CloseNotifyIsAnEnd) {
  connect([this] {
    client_.write("hello");
    SSL_shutdown(client_.ssl.get());
  });
  std::string got;
  IoStatus end = IoStatus::Ok;
  run(worker_, read_all(*stream_, 1000, got, end));
  EXPECT_EQ(got, "hello");
  EXPECT_EQ(end, IoStatus::Eof);
}

TEST_F(Stream, FinWithoutCloseNotifyIsTruncation) {
  connect([this] {
    client_.write("hello");
    ::shutdown(pair_->theirs.get(), SHUT_WR);
  });
  std::string got;
  IoStatus end = IoStatus::Ok;
  run(worker_, read_all(*stream_, 1000, got, end));
  EXPECT_EQ(got, "hello");
  EXPECT_EQ(end, IoStatus::Truncated);
}

TEST_F(Stream, BrokenRecordIsProtocol) {
  connect([this] {
    const std::string junk("\x17\x03\x03\x00\x20", 5);
    ::send(pair_->theirs.get(), junk.data(), junk.size(), 0);
    const std::string body(32, 'j');
    ::send(pair_->theirs.get(), body.data(), body.size(), 0);
  });
  std::string got;
  IoStatus end = IoStatus::Ok;
  run(worker_, read_all(*stream_, 1000, got, end));
  EXPECT_EQ(end, IoStatus::Protocol);
  IoResult wrote;
  run(worker_, write_all(*stream_, "x", wrote));
  EXPECT_FALSE(wrote.ok());
}

TEST_F(Stream, ShutdownSendsCloseNotifyOnceAndDoesNotWait) {
  connect([this] {
    EXPECT_EQ(client_.read(100), "bye");
    EXPECT_EQ(SSL_get_shutdown(client_.ssl.get()), SSL_RECEIVED_SHUTDOWN);
    char byte = 0;
    EXPECT_EQ(::recv(pair_->theirs.get(), &byte, 1, 0), 0);  // and FIN
  });
  IoResult wrote;
  run(worker_, write_all(*stream_, "bye", wrote));
  EXPECT_TRUE(wrote.ok());
  run(worker_, shut_down(*stream_));
  run(worker_, shut_down(*stream_));
  run(worker_, write_all(*stream_, "more", wrote));
  EXPECT_FALSE(wrote.ok());
}

TEST_F(Stream, SmallReadsOfLargeRecords) {
  const std::string sent = pattern(100'000);
  connect([this, &sent] {
    client_.write(sent);
    SSL_shutdown(client_.ssl.get());
  });
  std::string got;
  IoStatus end = IoStatus::Ok;
  run(worker_, read_all(*stream_, 7, got, end));
  EXPECT_EQ(end, IoStatus::Eof);
  EXPECT_TRUE(got == sent);
}

TEST_F(Stream, SegmentsOfOneByte) {
  // The client's records pass a buffer that is sent byte by byte.
  connect([this] {
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set0_wbio(client_.ssl.get(), out);
    client_.write(pattern(300));
    SSL_shutdown(client_.ssl.get());
    char byte = 0;
    while (BIO_read(out, &byte, 1) == 1) ::send(pair_->theirs.get(), &byte, 1, 0);
  });
  std::string got;
  IoStatus end = IoStatus::Ok;
  run(worker_, read_all(*stream_, 1000, got, end));
  EXPECT_EQ(got, pattern(300));
  EXPECT_EQ(end, IoStatus::Eof);
}

TEST_F(Stream, OneWriteGathersAllItsRecords) {
  const std::string sent = pattern(60'000);
  connect([this, &sent] { EXPECT_TRUE(client_.read(sent.size()) == sent); });
  IoResult wrote;
  run(worker_, write_all(*stream_, sent, wrote));
  EXPECT_TRUE(wrote.ok());
  EXPECT_EQ(wrote.n, sent.size());
  EXPECT_GE(worker_.buffers.to_send.capacity(), sent.size()) << "all four were sent as one";
  thread_->join();
}

TEST_F(Stream, WriteWaitsForASlowReader) {
  constexpr std::size_t kSize = 32 * 1024 * 1024;
  const std::string sent = pattern(kSize);
  std::atomic<bool> may_read = false;
  connect([&] {
    while (!may_read) std::this_thread::yield();
    EXPECT_TRUE(client_.read(kSize) == sent);
  });
  IoResult wrote;
  bool done = false;
  struct Job {
    static awaitable<void> run(ByteStream& stream, std::string_view data, IoResult& out,
                               bool& finished) {
      out = co_await stream.write_all(data);
      finished = true;
    }
  };
  TaskGroup tasks(worker_.io.get_executor());
  tasks.spawn(Job::run(*stream_, sent, wrote, done));
  worker_.io.restart();
  worker_.io.run_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(done) << "nobody reads";
  may_read = true;
  while (!done) worker_.io.run_one_for(std::chrono::seconds(5));
  EXPECT_TRUE(wrote.ok());
  thread_->join();
}

TEST_F(Stream, CancelEndsReaderAndWriter) {
  connect([] {});
  thread_->join();
  const std::string much = pattern(32 * 1024 * 1024);
  end_reader_and_writer(worker_.io, *stream_, much, [&](TaskGroup&) { stream_->cancel(); });
}

TEST_F(Stream, TaskCancellationEndsReaderAndWriter) {
  connect([] {});
  thread_->join();
  const std::string much = pattern(32 * 1024 * 1024);
  end_reader_and_writer(worker_.io, *stream_, much, [](TaskGroup& tasks) { tasks.cancel(); });
}

TEST_F(Stream, CloseEndsReader) {
  connect([] {});
  thread_->join();
  IoStatus read_end = IoStatus::Ok;
  std::string got;
  TaskGroup tasks(worker_.io.get_executor());
  tasks.spawn(read_all(*stream_, 1000, got, read_end));
  stream_->close();
  worker_.io.restart();
  worker_.io.run_for(std::chrono::milliseconds(20));
  EXPECT_EQ(read_end, IoStatus::Cancelled);
}

TEST_F(Stream, ReadableNowSeesWhatMatters) {
  std::atomic<int> step = 0;
  connect([&] {
    while (step < 1) std::this_thread::yield();
    client_.write("x");
    step = 2;
  });
  EXPECT_FALSE(stream_->readable_now());
  EXPECT_FALSE(stream_->readable_now());
  step = 1;
  while (step < 2) std::this_thread::yield();
  EXPECT_TRUE(stream_->readable_now());
  EXPECT_TRUE(stream_->readable_now()) << "looking takes nothing away";
  std::string got;
  run(worker_, read_exactly(*stream_, 1, got));
  EXPECT_EQ(got, "x");
  EXPECT_FALSE(stream_->readable_now());
  thread_->join();
  pair_->theirs.reset();
  EXPECT_TRUE(stream_->readable_now());
}

TEST_F(Stream, AHundredKeyUpdatesAreFineOneMoreIsNot) {
  for (const int updates : {TlsStream::kMaxPostHandshake, TlsStream::kMaxPostHandshake + 1}) {
    connect([this, updates] {
      for (int i = 0; i < updates; ++i) {
        SSL_key_update(client_.ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
        client_.write("x");
      }
      SSL_shutdown(client_.ssl.get());
    });
    std::string got;
    IoStatus end = IoStatus::Ok;
    run(worker_, read_all(*stream_, 1000, got, end));
    thread_.reset();
    if (updates <= TlsStream::kMaxPostHandshake) {
      EXPECT_EQ(end, IoStatus::Eof);
      EXPECT_EQ(got.size(), static_cast<std::size_t>(updates));
    } else {
      EXPECT_EQ(end, IoStatus::Protocol);
    }
  }
}

TEST_F(Stream, AnswersAKeyUpdateRequest) {
  connect([this] {
    SSL_key_update(client_.ssl.get(), SSL_KEY_UPDATE_REQUESTED);
    client_.write("ping");
    EXPECT_EQ(client_.read(4), "pong");
  });
  std::string got;
  run(worker_, read_exactly(*stream_, 4, got));
  EXPECT_EQ(got, "ping");
  IoResult wrote;
  run(worker_, write_all(*stream_, "pong", wrote));
  EXPECT_TRUE(wrote.ok());
}

TEST_F(Stream, AnIdleConnectionHoldsNoRecordBuffer) {
  connect([this] {
    client_.write(pattern(5000));
    EXPECT_EQ(client_.read(3), "ok!");
  });
  std::string got;
  run(worker_, read_exactly(*stream_, 5000, got));
  IoResult wrote;
  run(worker_, write_all(*stream_, "ok!", wrote));
  EXPECT_TRUE(worker_.buffers.to_send.empty());
  EXPECT_NE(SSL_get_mode(stream_->ssl()) & SSL_MODE_RELEASE_BUFFERS, 0);
}

// Both ends are ours, on one loop: big bodies cross.
TEST_F(Stream, BothDirectionsAtOnce) {
  constexpr std::size_t kSize = 16 * 1024 * 1024;
  const std::string sent = pattern(kSize);
  const auto trust = OriginTrust::from_pem(worker_.ca->root_pem());
  ASSERT_TRUE(trust.has_value());
  TlsClient client(*trust, worker_.wheel, worker_.buffers);

  using asio::ip::tcp;
  tcp::acceptor listener(worker_.io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket near(worker_.io);
  near.connect(listener.local_endpoint());
  tcp::socket far = listener.accept();

  struct Job {
    static awaitable<void> connect(TlsClient& tls, tcp::socket socket,
                                   std::unique_ptr<TlsStream>& out) {
      TlsClient::Offer offer;
      offer.alpn = {Alpn::Http2, Alpn::Http1};
      Result<Secured> result =
          co_await tls.connect(std::move(socket), name_of("api.test"), std::move(offer));
      if (result) {
        EXPECT_EQ(result->alpn, Alpn::Http2);
        out = std::move(result->stream);
      } else {
        ADD_FAILURE() << result.error().detail;
      }
    }
    static awaitable<void> all(Stream& self, ByteStream& a, ByteStream& b, std::string_view data,
                               std::array<std::string, 2>& got) {
      TaskGroup tasks(self.worker_.io.get_executor());
      std::array<IoResult, 2> wrote;
      tasks.spawn(read_exactly(a, data.size(), got[0]));
      tasks.spawn(read_exactly(b, data.size(), got[1]));
      tasks.spawn(write_all(a, data, wrote[0]));
      tasks.spawn(write_all(b, data, wrote[1]));
      co_await tasks.join();
      EXPECT_TRUE(wrote[0].ok());
      EXPECT_TRUE(wrote[1].ok());
    }
    static awaitable<void> both(Stream& self, TlsClient& tls, tcp::socket a, tcp::socket b,
                                std::unique_ptr<TlsStream>& out) {
      TaskGroup tasks(self.worker_.io.get_executor());
      tasks.spawn(connect(tls, std::move(a), out));
      tasks.spawn(self.accept(std::move(b)));
      co_await tasks.join();
    }
  };
  std::unique_ptr<TlsStream> client_stream;
  run(worker_, Job::both(*this, client, std::move(near), std::move(far), client_stream));
  ASSERT_TRUE(client_stream);
  ASSERT_TRUE(stream_);
  std::array<std::string, 2> got;
  run(worker_, Job::all(*this, *client_stream, *stream_, sent, got));
  EXPECT_TRUE(got[0] == sent);
  EXPECT_TRUE(got[1] == sent);
}

// Reads what is there already, and counts how much in one turn of the loop.
awaitable<void> read_in_turns(ByteStream& stream, std::size_t size, const std::size_t& turn,
                              std::size_t& most, bool& done) {
  std::string block(16 * 1024, '\0');
  std::size_t last = 0;
  std::size_t bytes = 0;
  for (std::size_t total = 0; total < size;) {
    const IoResult got = co_await stream.read_some(block);
    if (!got.ok()) break;
    total += got.n;
    bytes = turn == last ? bytes + got.n : got.n;
    last = turn;
    most = std::max(most, bytes);
  }
  done = true;
}

TEST_F(Stream, AReaderWhoseSocketIsReadyGivesWay) {
  constexpr std::size_t kSize = 300 * 1024;
  const std::string sent = pattern(kSize);
  const int buffer = 1024 * 1024;
  connect([&] {
    ::setsockopt(pair_->theirs.get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    client_.write(sent);
  });
  thread_->join();  // all of it is on its way
  std::size_t turns = 0;
  std::size_t most = 0;
  bool done = false;
  TaskGroup tasks(worker_.io.get_executor());
  worker_.io.restart();
  tasks.spawn(read_in_turns(*stream_, kSize, turns, most, done));
  while (!done && worker_.io.run_one_for(std::chrono::seconds(5)) > 0) ++turns;
  EXPECT_TRUE(done);
  EXPECT_GE(turns, 4U);
  EXPECT_LE(most, 64U * 1024 + 16U * 1024);
}

}  // namespace
}  // namespace bottle
