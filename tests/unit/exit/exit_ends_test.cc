// How exchanges end otherwise than well: the origin fails, the scanner or the front leaves, the
// exit stops; and what goes past the scanner.
#include <string>
#include <vector>

#include "tests/unit/exit/exit_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

class ExitEnds : public ExitBench {
 public:
  awaitable<void> origin_fails(Failure failure, DecidedBy by, std::string status);
  awaitable<void> body_breaks();
  awaitable<void> gzipped(Bytes coded, bool broken);
  awaitable<void> events();
  awaitable<void> events_without_room();
  awaitable<void> scanner_leaves_early(bool side);
  awaitable<void> scanner_leaves_in_body();
  awaitable<void> scanner_leaves_before_begin();
  awaitable<void> second_use();
  awaitable<void> front_leaves();
  awaitable<void> bypass_body();
  awaitable<void> head_only();
  awaitable<void> side_front_leaves();
  awaitable<void> side_failure();
  awaitable<void> stopped_in(bool side, bool head);
  awaitable<void> too_many();

  awaitable<bool> until_asked() {
    const auto is_asked = [this] { return origins.asked == 1; };
    const bool asked = co_await until(is_asked);
    co_return asked;
  }
  awaitable<void> until_claimed(const FrontEnd& front) {
    const auto is_claimed = [&] { return front.claimed(); };
    const bool claimed = co_await until(is_claimed);
    EXPECT_TRUE(claimed);
  }
  // The origin answers with the feed, as events.
  void stream_events() {
    origins.live = true;
    origins.head.fields = Fields();
    origins.head.fields.add("Content-Type", "text/event-stream");
  }
  Admission side_admission() const {
    Admission made = admission("a-1");
    made.bypass_body = true;
    return made;
  }
  void expect_left(const FailureNews& failed) {
    EXPECT_EQ(failed.failure.code, Code::Cancelled);
    EXPECT_EQ(failed.failure.reason, "scanner_left");
    EXPECT_EQ(failed.by, DecidedBy::Pipelock);
  }
};

// ---- the origin --------------------------------------------------------------------------------

awaitable<void> ExitEnds::origin_fails(Failure failure, DecidedBy by, std::string status) {
  origins.failure = failure;
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("\r\n\r\n");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 " + status)) << heard;
  const auto told = co_await news(*front);
  const auto failed = expect<FailureNews>(told);
  EXPECT_EQ(failed.failure.code, failure.code);
  EXPECT_EQ(failed.failure.reason, failure.reason);
  EXPECT_EQ(failed.by, by);
  EXPECT_TRUE(lines().empty()) << "the front's line says it";
}
TEST_F(ExitEnds, TheOriginsCertificateHasExpired) {
  play(origin_fails({Code::UpstreamTlsFailed, "", "certificate_expired"}, DecidedBy::Origin,
                    "502 "));
}
TEST_F(ExitEnds, TheOriginDoesNotAnswerInTime) {
  play(origin_fails({Code::UpstreamTimeout, ""}, DecidedBy::Origin, "504 "));
}
TEST_F(ExitEnds, TheNameLedToAnAddressThatMayNotBeDialled) {
  Failure failure{Code::Denied, "", "address_not_allowed"};
  failure.by = DecidedBy::Policy;
  play(origin_fails(std::move(failure), DecidedBy::Policy, "403 "));
}
TEST_F(ExitEnds, TheExitHasNoRoom) {
  play(origin_fails({Code::Overloaded, "", "origin_busy"}, DecidedBy::Exit, "503 "));
}

awaitable<void> ExitEnds::body_breaks() {
  origins.live = true;
  origins.feed.push("half");
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  co_await scanner.hear("half");
  origins.feed.fail({Code::UpstreamTruncated, "the origin died"});
  const Bytes heard = co_await scanner.hear_to_end();
  EXPECT_FALSE(heard.ends_with("0\r\n\r\n")) << "no clean end for a body that broke";
  const auto first = co_await news(*front);
  expect<HeadNews>(first);
  const auto second = co_await news(*front);
  const auto failed = expect<FailureNews>(second);
  EXPECT_EQ(failed.failure.code, Code::UpstreamTruncated);
  EXPECT_EQ(failed.by, DecidedBy::Origin);
}
TEST_F(ExitEnds, ABodyThatBreaksLooksBroken) { play(body_breaks()); }

// ---- codings -----------------------------------------------------------------------------------

// printf hello | gzip -n
const std::string kGzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6"
    "\x10\x36\x05\x00\x00\x00",
    25);

awaitable<void> ExitEnds::gzipped(Bytes coded, bool broken) {
  origins.head.fields.add("Content-Encoding", "gzip");
  origins.answer = coded;
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  Bytes heard = co_await scanner.hear("\r\n\r\n");
  EXPECT_EQ(heard.find("Content-Encoding"), Bytes::npos) << heard;
  if (!broken) heard = co_await scanner.hear("hello");
  const auto first = co_await news(*front);
  const auto head = expect<HeadNews>(first);
  EXPECT_TRUE(head.decoded);
  EXPECT_FALSE(head.head.fields.has("content-encoding"));
  EXPECT_FALSE(head.head.content_length.has_value());
  const auto second = co_await news(*front);
  if (broken) {
    const auto failed = expect<FailureNews>(second);
    EXPECT_EQ(failed.failure.code, Code::UpstreamBroken);
    EXPECT_EQ(failed.by, DecidedBy::Origin);
  } else {
    EXPECT_EQ(expect<EndNews>(second).digest, sha256("hello"));
  }
}
TEST_F(ExitEnds, ACodingThatWasNotAskedForIsTakenOff) { play(gzipped(kGzip, false)); }
TEST_F(ExitEnds, ACodingThatEndsEarlyIsBroken) { play(gzipped(kGzip.substr(0, 20), true)); }
TEST_F(ExitEnds, ACodingWithBytesBehindItIsBroken) { play(gzipped(kGzip + "x", true)); }

// ---- event streams -----------------------------------------------------------------------------

awaitable<void> ExitEnds::events() {
  stream_events();
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  co_await scanner.hear("\r\n\r\n");
  const auto head = co_await news(*front);
  expect<HeadNews>(head);
  for (const std::string event : {": ping\n\n", "data: 1\n\n"}) {
    origins.feed.push(event);
    co_await scanner.hear(event);
    // The front has had it before.
    EXPECT_EQ(expect<BodyNews>(front->next()).data, event);
  }
  origins.feed.finish();
  co_await scanner.hear("0\r\n\r\n");
  EXPECT_EQ(expect<EndNews>(front->next()).bytes, 17U);
}
TEST_F(ExitEnds, EventsAreToldBeforeTheScannerGetsThem) { play(events()); }

awaitable<void> ExitEnds::events_without_room() {
  stream_events();
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  co_await scanner.hear("\r\n\r\n");
  origins.feed.push(Bytes(kBypassWindow, 'a') + "b");
  co_await settle();
  co_await settle();
  const auto head = co_await news(*front);
  expect<HeadNews>(head);
  std::size_t told = 0;
  while (auto next = front->next()) told += expect<BodyNews>(std::move(next)).data.size();
  EXPECT_EQ(told, kBypassWindow) << "no more than there is room for";
  front->credit(1);
  const auto last = co_await news(*front);
  EXPECT_EQ(expect<BodyNews>(last).data, "b");
}
TEST_F(ExitEnds, EventsWaitForRoom) { play(events_without_room()); }

// ---- the scanner leaves ------------------------------------------------------------------------

awaitable<void> ExitEnds::scanner_leaves_early(bool side) {
  origins.never = true;
  auto front = admit(side ? side_admission() : admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const bool asked = co_await until_asked();
  EXPECT_TRUE(asked);
  scanner.leave();
  const auto told = co_await news(*front);
  expect_left(expect<FailureNews>(told));
  EXPECT_EQ(origins.cancelled, 1);
  ScannersEnd again = connect();
  co_await again.say(relayed());
  co_await again.hear("used_ticket");
}
TEST_F(ExitEnds, AScannerThatLeavesCancelsTheOrigin) { play(scanner_leaves_early(false)); }

awaitable<void> ExitEnds::scanner_leaves_in_body() {
  origins.live = true;
  origins.feed.push("half");
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  co_await scanner.hear("half");
  scanner.leave();
  const auto first = co_await news(*front);
  expect<HeadNews>(first);
  const auto second = co_await news(*front);
  expect_left(expect<FailureNews>(second));
}
TEST_F(ExitEnds, AScannerThatLeavesInTheBodyIsTold) { play(scanner_leaves_in_body()); }

// Its transport sends the request again.
awaitable<void> ExitEnds::scanner_leaves_before_begin() {
  auto front = admit(admission("a-1", "POST", "body"));
  ScannersEnd scanner = connect();
  const Bytes whole = relayed_post("body");
  co_await scanner.say(whole.substr(0, whole.size() - 2));
  co_await until_claimed(*front);
  scanner.leave();
  const auto is_free = [&] { return !front->claimed(); };
  const bool free = co_await until(is_free);
  EXPECT_TRUE(free);
  ScannersEnd again = connect();
  co_await again.say(whole);
  co_await again.hear("HTTP/1.1 200 ");
  EXPECT_EQ(origins.asked, 1);
  EXPECT_TRUE(lines().empty());
}
TEST_F(ExitEnds, ARequestThatDidNotBeginMayComeAgain) { play(scanner_leaves_before_begin()); }

awaitable<void> ExitEnds::second_use() {
  auto front = admit(admission("a-1", "POST", "body"));
  ScannersEnd first = connect();
  const Bytes whole = relayed_post("body");
  co_await first.say(whole.substr(0, whole.size() - 2));
  co_await until_claimed(*front);
  ScannersEnd second = connect();
  co_await second.say(whole);
  co_await second.hear("HTTP/1.1 200 ");
  co_await first.say(whole.substr(whole.size() - 2));
  co_await first.hear_to_end();
  EXPECT_EQ(origins.asked, 1);
  EXPECT_TRUE(lines().empty());
}
TEST_F(ExitEnds, OfTwoUsesOneGoesOut) { play(second_use()); }

// ---- the front leaves --------------------------------------------------------------------------

awaitable<void> ExitEnds::front_leaves() {
  origins.never = true;
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const bool asked = co_await until_asked();
  EXPECT_TRUE(asked);
  front.reset();
  // Though the scanner stays.
  co_await scanner.hear_to_end();
  EXPECT_EQ(origins.cancelled, 1);
}
TEST_F(ExitEnds, AFrontThatLeavesCancelsTheOrigin) { play(front_leaves()); }

// ---- past the scanner --------------------------------------------------------------------------

awaitable<void> ExitEnds::bypass_body() {
  const Bytes body(3 * kSidePiece, 's');
  origins.answer = body;
  origins.head.fields.add("Content-Encoding", "gzip");
  auto front = admit(side_admission());
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("\r\n\r\n");
  EXPECT_TRUE(heard.ends_with("\r\n\r\n")) << heard;
  EXPECT_NE(heard.find("Content-Length: 0\r\n"), Bytes::npos) << heard;
  EXPECT_EQ(heard.find("Content-Encoding"), Bytes::npos) << heard;
  // The scanner's connection is free again, or may go.
  scanner.leave();
  const auto first = co_await news(*front);
  const auto head = expect<HeadNews>(first);
  EXPECT_EQ(head.head.fields.find("content-encoding"), "gzip");
  EXPECT_EQ(head.head.content_length, body.size());
  co_await settle();
  EXPECT_FALSE(front->next().has_value()) << "no body before there is room for it";
  front->credit(10);
  Bytes got;
  for (;;) {
    auto next = co_await news(*front);
    if (!next || !std::holds_alternative<BodyNews>(*next)) {
      EXPECT_EQ(expect<EndNews>(std::move(next)).bytes, body.size());
      break;
    }
    const Bytes& piece = std::get<BodyNews>(*next).data;
    EXPECT_LE(piece.size(), kSidePiece);
    front->credit(got.empty() ? kBypassWindow : piece.size());
    got += piece;
  }
  EXPECT_EQ(got.size(), body.size());
}
TEST_F(ExitEnds, ABypassBodyGoesPastTheScanner) { play(bypass_body()); }

// The front asks what the scanner says of a handshake; the origin gets that from the front itself.
awaitable<void> ExitEnds::head_only() {
  Admission made = admission("a-1");
  made.head_only = true;
  auto front = admit(made);
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("\r\n\r\n");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 200")) << heard;
  EXPECT_NE(heard.find("Content-Length: 0\r\n"), Bytes::npos) << heard;
  const auto first = co_await news(*front);
  EXPECT_EQ(expect<HeadNews>(first).head.status, 200);
  const auto last = co_await news(*front);
  EXPECT_EQ(expect<EndNews>(last).digest, sha256({}));
  EXPECT_EQ(origins.asked, 0);
}
TEST_F(ExitEnds, AHeadThatIsAskedAboutLetsNothingOut) { play(head_only()); }

awaitable<void> ExitEnds::side_front_leaves() {
  origins.live = true;
  origins.feed.push("piece");
  auto front = admit(side_admission());
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  co_await scanner.hear("\r\n\r\n");
  front->credit(100);
  co_await settle();
  front.reset();
  const auto is_ended = [&] { return origins.feed.cancelled || origins.feed.stopped; };
  const bool ended = co_await until(is_ended);
  EXPECT_TRUE(ended);
}
TEST_F(ExitEnds, ABypassBodyEndsWithItsFront) { play(side_front_leaves()); }

TEST_F(ExitEnds, ABypassBodyNeedsTheScannerUntilItsHead) { play(scanner_leaves_early(true)); }

awaitable<void> ExitEnds::side_failure() {
  origins.live = true;
  origins.feed.fail({Code::UpstreamTruncated, "the origin died"});
  auto front = admit(side_admission());
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  co_await scanner.hear("\r\n\r\n");
  front->credit(1);
  const auto head = co_await news(*front);
  expect<HeadNews>(head);
  const auto told = co_await news(*front);
  EXPECT_EQ(expect<FailureNews>(told).by, DecidedBy::Origin);
}
TEST_F(ExitEnds, ABypassBodyThatBreaksIsTold) { play(side_failure()); }

// ---- the exit stops ----------------------------------------------------------------------------

awaitable<void> ExitEnds::stopped_in(bool side, bool head) {
  origins.never = !head;
  origins.live = head;
  auto front = admit(side ? side_admission() : admission("a-1"));
  ScannersEnd idle = connect();
  ScannersEnd slow = connect();
  co_await slow.say("GET /v1");
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const bool asked = co_await until_asked();
  EXPECT_TRUE(asked);
  if (head) {
    co_await scanner.hear("\r\n\r\n");
    const auto told = co_await news(*front);
    expect<HeadNews>(told);
  }
  server().stop();
  const auto told = co_await news(*front);
  const auto failed = expect<FailureNews>(told);
  EXPECT_EQ(failed.failure.code, Code::ShuttingDown);
  EXPECT_EQ(failed.by, DecidedBy::Exit);
  co_await scanner.hear_to_end();
}
TEST_F(ExitEnds, StopsWhileTheOriginIsAwaited) { play(stopped_in(false, false)); }
TEST_F(ExitEnds, StopsWhileABodyIsOnItsWay) { play(stopped_in(false, true)); }
TEST_F(ExitEnds, StopsWhileTheOriginsSideBodyIsAwaited) { play(stopped_in(true, false)); }
TEST_F(ExitEnds, StopsWhileABypassBodyWaitsForRoom) { play(stopped_in(true, true)); }

awaitable<void> ExitEnds::too_many() {
  ScannersEnd first = connect();
  ScannersEnd second = connect();
  co_await settle();
  auto front = admit(admission("a-1"));
  ScannersEnd third = connect();
  co_await third.say(relayed());
  co_await settle();
  EXPECT_EQ(origins.asked, 0) << "it waits for a place";
  first.leave();
  co_await third.hear("HTTP/1.1 200 ");
}
TEST_F(ExitEnds, ConnectionsAboveTheLimitWait) {
  limits.connections = 2;
  play(too_many());
}

}  // namespace
}  // namespace bottle
