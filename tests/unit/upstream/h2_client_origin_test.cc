#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/h2_frames.h"
#include "tests/unit/upstream/h2_client_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// At the other end of the pipe is an origin made of frames, which may do what it likes.
class H2ClientOrigins : public H2ClientBench {
 protected:
  H2ClientOrigins() : asks(io.get_executor()) {}

  // A GET that the origin has heard; what becomes of it will be in `got`.
  awaitable<void> begin_get() {
    start_client();
    co_await say(settings());
    asks.spawn(ask("GET", "/", {}, got));
    co_await hear();
  }
  // A request, and the frames that answer it; what the client makes of them is in `answer`.
  awaitable<void> ask_and_answer(std::string method, Bytes frames) {
    start_client();
    co_await say(settings());
    x = exchange();
    Request r = request(std::move(method), "/");
    asks.spawn(say_later(std::move(frames)));
    answer = co_await client->send(std::move(r), *x);
    co_await asks.join();
  }
  awaitable<void> say(Bytes bytes) {
    const IoResult put = co_await pipe.b().write_all(bytes);
    static_cast<void>(put);
  }
  awaitable<void> say_later(Bytes bytes) {
    co_await settle();
    co_await say(std::move(bytes));
  }
  // Until the origin has seen so many requests.
  awaitable<void> hear(int requests = 1) {
    std::vector<char> buffer(64 * 1024);
    Deadline patience(wheel, pipe.b(), 5s);
    while (requests > requests_seen) {
      const IoResult read = co_await pipe.b().read_some(ByteSpan(buffer));
      if (!read.ok()) break;
      heard.append(buffer.data(), read.n);
      if (!greeted && heard.size() >= kClientPreface.size()) {
        heard.erase(0, kClientPreface.size());
        greeted = true;
      }
      if (!greeted) continue;
      for (const auto& f : parse_frames(heard)) requests_seen += f.type == kHeadersFrame ? 1 : 0;
    }
    EXPECT_GE(requests_seen, requests);
  }

  TaskGroup asks;
  Result<Bytes> got = Bytes();
  std::unique_ptr<Exchange> x;
  H2Answer answer;
  Bytes heard;
  bool greeted = false;
  int requests_seen = 0;

  awaitable<void> origin_dies();
  awaitable<void> origin_dies_in_body();
  awaitable<void> refused();
  awaitable<void> went_away();
  awaitable<void> full();
  awaitable<void> hostile();
  awaitable<void> body_without_bytes();
  awaitable<void> trailers_without_bytes();
  awaitable<void> head_without_end();
};

awaitable<void> H2ClientOrigins::origin_dies() {
  co_await begin_get();
  pipe.b().close();
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::UpstreamBroken);
  co_await tasks.join();
  EXPECT_TRUE(client_over);
  EXPECT_FALSE(client->has_capacity());
}
TEST_F(H2ClientOrigins, AnOriginThatDiesBreaksEveryExchange) { play(origin_dies()); }

awaitable<void> H2ClientOrigins::origin_dies_in_body() {
  co_await begin_get();
  const FieldList ok{{":status", "200"}};
  co_await say(headers(1, ok, false) + data(1, "some"));
  co_await settle();
  pipe.b().close();
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::UpstreamTruncated);
  co_await tasks.join();
}
TEST_F(H2ClientOrigins, AnEndWithinABodyIsATruncation) { play(origin_dies_in_body()); }

awaitable<void> H2ClientOrigins::refused() {
  co_await ask_and_answer("GET", rst(1, 7));
  EXPECT_FALSE(answer.response);
  EXPECT_TRUE(answer.untouched);
  EXPECT_TRUE(answer.unprocessed);
  EXPECT_TRUE(answer.body_untouched);
  pipe.b().close();
  co_await tasks.join();
}
TEST_F(H2ClientOrigins, ARefusedStreamMayBeTriedElsewhere) { play(refused()); }

awaitable<void> H2ClientOrigins::went_away() {
  start_client();
  co_await say(settings());
  Result<Bytes> first = Bytes();
  Result<Bytes> second = Bytes();
  asks.spawn(ask("GET", "/", {}, first));
  asks.spawn(ask("GET", "/", {}, second));
  co_await hear(2);
  co_await say(goaway(1));
  co_await settle();
  EXPECT_EQ(second.error().code, Code::UpstreamBroken);
  EXPECT_FALSE(client->has_capacity());
  const FieldList ok{{":status", "200"}};
  co_await say(headers(1, ok, false) + data(1, "ok", true));
  co_await asks.join();
  EXPECT_EQ(first.value(), "ok");
  co_await tasks.join();
  EXPECT_TRUE(client_over) << "nothing is left to wait for";
}
TEST_F(H2ClientOrigins, GoawayLetsTheRestFinishThenEnds) { play(went_away()); }

awaitable<void> H2ClientOrigins::full() {
  start_client();
  const Bytes one_stream = settings({{3, 1}});
  co_await say(one_stream);
  co_await settle();
  asks.spawn(ask("GET", "/", {}, got));
  EXPECT_FALSE(client->has_capacity());
  x = exchange();
  Request r = request("GET", "/");
  answer = co_await client->send(std::move(r), *x);
  EXPECT_EQ(answer.response.error().code, Code::Overloaded);
  EXPECT_TRUE(answer.unprocessed);
  client->close();
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::Cancelled);
  co_await tasks.join();
}
TEST_F(H2ClientOrigins, ThePeersLimitOfStreamsHolds) { play(full()); }

awaitable<void> H2ClientOrigins::hostile() {
  co_await begin_get();
  Bytes flood;
  for (int i = 0; i < 500; ++i) flood += ping();
  co_await say(flood);
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::UpstreamBroken);
  pipe.b().close();
  co_await tasks.join();
}
// [T54]
TEST_F(H2ClientOrigins, AnOriginThatFloodsIsLeft) { play(hostile()); }

// The writer of an answer for an h1 client goes by has_body: with it but without a source, the last
// chunk would never be written.
awaitable<void> H2ClientOrigins::body_without_bytes() {
  const FieldList ok{{":status", "200"}};
  co_await ask_and_answer("GET", headers(1, ok, false) + data(1, "", true));
  EXPECT_TRUE(answer.response);
  if (answer.response) {
    EXPECT_FALSE(answer.response->head.has_body);
    EXPECT_EQ(answer.response->body, nullptr);
  }
  co_await end();
}
TEST_F(H2ClientOrigins, ABodyWithoutAByteIsNone) { play(body_without_bytes()); }

awaitable<void> H2ClientOrigins::trailers_without_bytes() {
  const FieldList ok{{":status", "200"}};
  const FieldList status{{"grpc-status", "5"}};
  co_await ask_and_answer("GET", headers(1, ok, false) + headers(1, status, true));
  const bool has_source = answer.response && answer.response->body != nullptr;
  EXPECT_TRUE(has_source) << "the trailers need somebody to bring them";
  if (has_source) {
    auto chunk = co_await answer.response->body->read(100);
    EXPECT_TRUE(chunk && chunk->end && chunk->trailers.has_value());
  }
  answer.response = Failure{Code::Cancelled, "done"};
  co_await end();
}
TEST_F(H2ClientOrigins, TrailersArriveWithoutABodyToo) { play(trailers_without_bytes()); }

awaitable<void> H2ClientOrigins::head_without_end() {
  const FieldList ok{{":status", "200"}, {"content-length", "50"}};
  co_await ask_and_answer("HEAD", headers(1, ok, false));
  EXPECT_TRUE(answer.response);
  if (answer.response) {
    EXPECT_EQ(answer.response->head.content_length, 50U);
    EXPECT_FALSE(answer.response->head.has_body);
    EXPECT_EQ(answer.response->body, nullptr);
  }
  co_await end();
}
TEST_F(H2ClientOrigins, TheAnswerToHeadHasNoBodyWhateverTheOriginSays) { play(head_without_end()); }

}  // namespace
}  // namespace bottle
