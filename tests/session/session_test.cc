// The duties of both client-side sessions to client and handler: one body a behaviour, run over
// HTTP/1.1 and HTTP/2.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/session/session_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

class Session : public SessionBench, public testing::WithParamInterface<Protocol> {
 protected:
  Session() : SessionBench(GetParam()) {}

  awaitable<void> hello();
  awaitable<void> echo();
  awaitable<void> client_gone();
  awaitable<void> client_gone_in_answer();
  awaitable<void> slow_reader();
  awaitable<void> broken_body();
  awaitable<void> early_answer();
  awaitable<void> go_on();
  awaitable<void> no_body(std::string method, std::string path);
  awaitable<void> upload_waits();
  awaitable<void> live();
  awaitable<void> drain_busy();
  awaitable<void> drain_idle();
  awaitable<void> drain_unused();
  awaitable<void> idles();
  awaitable<void> silent();
  awaitable<void> body_stalls();
  awaitable<void> write_stalls();
  awaitable<void> trailers();
  awaitable<void> interim();
  awaitable<void> nobody();
  awaitable<void> refused_and_left();
  awaitable<void> many();
  awaitable<void> head_at_limit(std::size_t extra, int status);
};

#define SESSION_TEST(name, coroutine) \
  TEST_P(Session, name) { play(coroutine); }

awaitable<void> Session::hello() {
  start();
  co_await greet();
  for (int i = 0; i < 3; ++i) {
    co_await ask("GET", "/hello");
    const Answer answer = co_await next_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_TRUE(answer.whole);
  }
  co_await leave();
  EXPECT_EQ(handler.log.size(), 3U);
  for (const Finished& line : handler.log) {
    EXPECT_EQ(line.target, "/hello");
    EXPECT_EQ(line.status, 200);
    EXPECT_EQ(line.bytes_out, 5U);
    EXPECT_FALSE(line.failure);
  }
}
SESSION_TEST(AnswersOneAfterAnother, hello())

awaitable<void> Session::echo() {
  start();
  co_await greet();
  Bytes sent(200'000, 'e');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  co_await begin_upload("/echo", sent.size());
  for (std::size_t at = 0; at < sent.size(); at += 7'000) {
    const std::string_view piece = std::string_view(sent).substr(at, 7'000);
    co_await send_piece(piece, at + piece.size() == sent.size());
  }
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == sent);
  co_await leave();
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_EQ(handler.log[0].bytes_in, sent.size());
  EXPECT_EQ(handler.log[0].bytes_out, sent.size());
}
SESSION_TEST(BodiesGoBothWays, echo())

awaitable<void> Session::client_gone() {
  start();
  co_await greet();
  co_await ask("GET", "/never");
  co_await settle();
  EXPECT_EQ(handler.handled, 1);
  EXPECT_TRUE(handler.log.empty());
  co_await leave();
  EXPECT_EQ(handler.cancelled, 1);
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_EQ(handler.log[0].status, 0);
  EXPECT_EQ(handler.log[0].failure, Code::ClientGone);
}
SESSION_TEST(ClientGoneCancelsUpstream, client_gone())

awaitable<void> Session::client_gone_in_answer() {
  start();
  co_await greet();
  co_await ask("GET", "/live");
  handler.feed.push("first");
  co_await read_until_body("first");
  co_await leave();
  EXPECT_TRUE(handler.feed.cancelled || handler.feed.stopped);
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_EQ(handler.log[0].status, 200);
  EXPECT_EQ(handler.log[0].failure, Code::ClientGone);
}
SESSION_TEST(ClientGoneInTheAnswerStopsItsBody, client_gone_in_answer())

awaitable<void> Session::slow_reader() {
  handler.big = 8 * 1024 * 1024;
  start();
  co_await greet();
  co_await ask("GET", "/big");
  co_await settle();
  const std::size_t ahead = handler.big_read;
  EXPECT_GT(ahead, 0U);
  EXPECT_LE(ahead, kPipe + 2 * limits.write_buffer) << "more than the client has room for";
  co_await settle();
  EXPECT_EQ(handler.big_read, ahead) << "upstream is read although the client reads nothing";
  const Answer answer = co_await next_answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body.size(), handler.big);
  co_await leave();
}
SESSION_TEST(SlowReaderStopsUpstream, slow_reader())

awaitable<void> Session::broken_body() {
  start();
  co_await greet();
  co_await ask("GET", "/live");
  handler.feed.push("part");
  co_await read_until_body("part");
  handler.feed.fail(Failure{Code::UpstreamTruncated, "it ended early"});
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "part");
  EXPECT_FALSE(answer.whole) << "a broken body looks like a whole one";
  EXPECT_TRUE(answer.broken);
  co_await leave();
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_EQ(handler.log[0].failure, Code::UpstreamTruncated);
}
SESSION_TEST(BrokenBodyIsNeverACleanEnd, broken_body())

awaitable<void> Session::early_answer() {
  start();
  co_await greet();
  // The body is announced and only begun.
  co_await begin_upload("/early", 1000);
  co_await send_piece("abc", false);
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "no");
  EXPECT_TRUE(answer.whole);
  co_await leave();
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_FALSE(handler.log[0].failure);
}
SESSION_TEST(AnswersWhileTheUploadGoesOn, early_answer())

awaitable<void> Session::go_on() {
  start();
  co_await greet();
  const FieldList expects{{"expect", "100-continue"}};
  co_await begin_upload_with("/echo", 5, expects);
  co_await read_until_interim(100);
  co_await send_piece("12345", true);
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "12345");
  // Refused without the body: no 100 before it.
  interims.clear();
  co_await begin_upload_with("/early", 5, expects);
  const Answer early = co_await next_answer();
  EXPECT_EQ(early.body, "no");
  EXPECT_TRUE(interims.empty());
  co_await leave();
}
SESSION_TEST(ContinueIsSaidWhenTheBodyIsWanted, go_on())

awaitable<void> Session::no_body(std::string method, std::string path) {
  start();
  co_await greet();
  co_await ask(method, path);
  const Answer answer = co_await next_answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_TRUE(answer.body.empty());
  EXPECT_EQ(handler.log.size(), 1U);
  // The connection is still in step.
  co_await ask("GET", "/hello");
  const Answer after = co_await next_answer();
  EXPECT_EQ(after.body, "hello");
  co_await leave();
}
SESSION_TEST(HeadHasNoBody, no_body("HEAD", "/hello"))
SESSION_TEST(NoContentHasNoBody, no_body("GET", "/status/204"))
SESSION_TEST(NotModifiedHasNoBody, no_body("GET", "/status/304"))

awaitable<void> Session::upload_waits() {
  start();
  co_await greet();
  co_await begin_upload("/hold", 8 * 1024 * 1024);
  const std::size_t taken = co_await send_as_much_as_goes(8 * 1024 * 1024);
  EXPECT_GT(taken, 0U);
  EXPECT_LE(taken, 1024U * 1024) << "the session takes a body that nobody reads";
  // Its owner stops it: the end of an h1 connection is behind the bytes that are not taken.
  tasks.cancel();
  co_await tasks.join();
  EXPECT_EQ(handler.cancelled, 1);
}
SESSION_TEST(UploadWaitsForItsReader, upload_waits())

awaitable<void> Session::live() {
  start();
  co_await greet();
  co_await ask("GET", "/live");
  for (const char* piece : {"data: 1\n\n", "data: 2\n\n", "data: 3\n\n"}) {
    handler.feed.push(piece);
    co_await read_until_body(piece);
  }
  handler.feed.finish();
  const Answer answer = co_await next_answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
  co_await leave();
}
SESSION_TEST(EventsLeaveAtOnce, live())

awaitable<void> Session::drain_busy() {
  start();
  co_await greet();
  co_await ask("GET", "/live");
  handler.feed.push("begun");
  co_await read_until_body("begun");
  drain.begin();
  co_await settle();
  EXPECT_FALSE(over);
  handler.feed.push(" and done");
  handler.feed.finish();
  const Answer answer = co_await next_answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "begun and done");
  co_await until_over();
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_FALSE(handler.log[0].failure);
}
SESSION_TEST(DrainLetsFinishWhatWasBegun, drain_busy())

awaitable<void> Session::drain_idle() {
  start();
  co_await greet();
  co_await ask("GET", "/hello");
  const Answer answer = co_await next_answer();
  EXPECT_TRUE(answer.whole);
  drain.begin();
  co_await until_over();
  EXPECT_EQ(handler.log.size(), 1U);
}
SESSION_TEST(DrainEndsAnIdleSession, drain_idle())

awaitable<void> Session::drain_unused() {
  start();
  co_await settle();
  drain.begin();
  co_await until_over();
  EXPECT_TRUE(handler.log.empty());
}
SESSION_TEST(DrainEndsASessionThatSaidNothing, drain_unused())

awaitable<void> Session::idles() {
  limits.idle = 30ms;
  start();
  co_await greet();
  co_await ask("GET", "/hello");
  const Answer answer = co_await next_answer();
  EXPECT_TRUE(answer.whole);
  co_await until_over();
  EXPECT_EQ(handler.log.size(), 1U);
}
SESSION_TEST(IdleSessionIsClosed, idles())

awaitable<void> Session::silent() {
  limits.first_byte = 30ms;
  start();
  co_await until_over();
  EXPECT_TRUE(handler.log.empty());
}
SESSION_TEST(SilentSessionIsClosed, silent())

awaitable<void> Session::body_stalls() {
  limits.body_stall = 30ms;
  start();
  co_await greet();
  co_await begin_upload("/echo", 100);
  co_await send_piece("abc", false);
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(handler.body_failure, Code::ClientSlow);
  co_await leave();
  EXPECT_EQ(handler.log.size(), 1U);
}
SESSION_TEST(BodyThatStallsIsRefused, body_stalls())

awaitable<void> Session::write_stalls() {
  limits.write_stall = 30ms;
  handler.big = 8 * 1024 * 1024;
  start();
  co_await greet();
  co_await ask("GET", "/big");
  co_await until_logged(1);
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  // A whole h2 connection that takes nothing is closed, and its streams are lost with it.
  const Code expected = protocol == Protocol::H1 ? Code::ClientSlow : Code::ClientGone;
  EXPECT_EQ(handler.log[0].failure, expected);
  EXPECT_LT(handler.log[0].bytes_out, handler.big);
  co_await leave();
}
SESSION_TEST(ClientThatStopsReadingIsLeft, write_stalls())

awaitable<void> Session::trailers() {
  start();
  co_await greet();
  for (const bool wanted : {false, true}) {
    Fields sums;
    sums.add("X-Sum", "1");
    handler.feed.trailers = sums;
    handler.feed.end = true;
    FieldList fields;
    if (wanted) fields = {{"te", "trailers"}};
    co_await ask_with("GET", "/live", fields);
    const Answer answer = co_await next_answer();
    EXPECT_TRUE(answer.whole);
    EXPECT_TRUE(answer.trailers) << wanted;
  }
  co_await leave();
}
SESSION_TEST(TrailersGoToWhoeverAsksOrNot, trailers())

awaitable<void> Session::interim() {
  start();
  co_await greet();
  co_await ask("GET", "/hints");
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, 200);
  const std::vector<int> hints{103};
  EXPECT_EQ(interims, protocol == Protocol::H2 ? hints : std::vector<int>{});
  co_await leave();
}
SESSION_TEST(InterimHeadsGoToHttp2Alone, interim())

awaitable<void> Session::nobody() {
  start();
  co_await greet();
  co_await ask("GET", "/gone");
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(answer.broken);
  co_await leave();
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_EQ(handler.log[0].status, 0);
}
SESSION_TEST(NobodyToAnswerGetsNothing, nobody())

// A probe that does not wait for its refusal counts as a refused one.
awaitable<void> Session::refused_and_left() {
  start();
  co_await greet();
  co_await ask("GET", "/denied-later");
  co_await settle();
  co_await leave();
  EXPECT_EQ(handler.log.size(), 1U);
  if (handler.log.empty()) co_return;
  EXPECT_EQ(handler.log[0].failure, Code::Denied);
}
SESSION_TEST(LeavingDoesNotHideARefusal, refused_and_left())

awaitable<void> Session::many() {
  start();
  co_await greet();
  constexpr std::size_t kMany = 50;
  for (std::size_t i = 0; i < kMany; ++i) {
    const std::string path = "/n/" + std::to_string(i);
    co_await ask("GET", path);
  }
  for (std::size_t i = 0; i < kMany; ++i) {
    const Answer answer = co_await next_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.path, "/n/" + std::to_string(i));
  }
  co_await leave();
  EXPECT_EQ(handler.log.size(), kMany);
}
SESSION_TEST(AllThatWasAskedIsAnsweredOnce, many())

awaitable<void> Session::head_at_limit(std::size_t extra, int status) {
  rules.limits.fields = 20;
  h2.header_fields = 20 + 4;  // the pseudo-header fields
  start();
  co_await greet();
  // Host is a field of h1 and a pseudo-header field of h2.
  const std::size_t most = protocol == Protocol::H1 ? 19 : 20;
  FieldList fields;
  for (std::size_t i = 0; i < most + extra; ++i)
    fields.emplace_back("x-n" + std::to_string(i), "1");
  co_await ask_with("GET", "/hello", fields);
  const Answer answer = co_await next_answer();
  EXPECT_EQ(answer.status, status);
  co_await leave();
  EXPECT_EQ(handler.log.size(), 1U);
}
SESSION_TEST(FieldsUpToTheLimit, head_at_limit(0, 200))
SESSION_TEST(OneFieldMoreThanTheLimit, head_at_limit(1, 431))

INSTANTIATE_TEST_SUITE_P(Protocols, Session, testing::Values(Protocol::H1, Protocol::H2),
                         [](const testing::TestParamInfo<Protocol>& which) {
                           return which.param == Protocol::H1 ? "Http1" : "Http2";
                         });

}  // namespace
}  // namespace bottle
