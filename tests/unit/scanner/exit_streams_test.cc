#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "proxy/http/h1_writer.h"
#include "tests/unit/scanner/exit_play.h"

// The bodies that the front takes from the exit: event streams beside the scanner's, and bodies
// that go past it.
namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

HeadNews events_head() { return head_news(200, {{"Content-Type", "text/event-stream"}}); }
Act says_head() {
  return says(relayed_head(shown_to_scanner(events_head().head, "e1", false),
                           "Transfer-Encoding: chunked\r\n"));
}
Act passes(const std::string& events) {
  std::string out;
  write_chunk(out, events);
  return says(out);
}
Act ends() { return says("0\r\n\r\n"); }
EndNews end_of(const std::string& stream) {
  EndNews news;
  news.bytes = stream.size();
  return news;
}

TEST(ExitEvents, TheOriginsBytesWithTheirComments) {
  ExitWorld world;
  const std::string one = ": hi\n\nevent:a\r\ndata:1\r\n\r\n";
  const std::string two = ": ping\n\n";
  const std::string three = "id: 7\ndata: 2\n\n: bye\n\n";
  EndNews end = end_of(one + two + three);
  end.trailers.emplace();
  end.trailers->add("x-sum", "3");
  world.dial.will_play({take_head(), claim(), tell(events_head()), tell_body(one), says_head(),
                        passes("event: a\ndata: 1\n\n"), waits(20ms), tell_body(two), waits(20ms),
                        tell_body(three), passes("id: 7\ndata: 2\n\n"), tell(end), ends()});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.body, one + two + three);
  EXPECT_TRUE(out.ended);
  ASSERT_TRUE(out.trailers);
  EXPECT_TRUE(out.scanned_response_body);
  // The ping did not wait for the event behind it.
  EXPECT_GE(out.pieces.size(), 3U);
}

struct StreamFault {
  const char* name;
  Acts acts;
  std::string body;
  const char* word;
  DecidedBy by;
};
void PrintTo(const StreamFault& row, std::ostream* out) { *out << row.name; }
class ExitStreamFault : public testing::TestWithParam<StreamFault> {};

TEST_P(ExitStreamFault, BreaksTheStreamAfterWhatWasPassed) {
  PipelockOptions options;
  options.exit.end = 60ms;
  options.exit.event = 1000;
  ExitWorld world(options);
  world.dial.will_play(GetParam().acts);
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.body, GetParam().body);
  EXPECT_FALSE(out.ended);
  ASSERT_TRUE(out.body_failure);
  EXPECT_EQ(word(*out.body_failure), GetParam().word);
  EXPECT_EQ(out.cut_by, GetParam().by);
  world.settle();
  EXPECT_EQ(world.ledger.live(), 0U);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

const std::string kOne = "data: 1\n\n";
const std::string kTwo = "data: 2\n\n";
// The exit outlives the scanner: it would say that it gave up itself.
Acts scanner_dies() { return {dies(), waits(20ms)}; }
Acts begun(Acts rest) {
  Acts acts = {take_head(),     claim(),     tell(events_head()),
               tell_body(kOne), says_head(), passes(kOne)};
  acts.insert(acts.end(), rest.begin(), rest.end());
  return acts;
}

INSTANTIATE_TEST_SUITE_P(
    Causes, ExitStreamFault,
    testing::Values(
        StreamFault{"ScannerCuts", begun({tell_body(kTwo), ends()}), kOne, "scanner_cut_stream",
                    DecidedBy::Pipelock},
        StreamFault{"ScannerCutsAndOriginEnds",
                    begun({tell_body(kTwo), tell(end_of(kOne + kTwo)), ends()}), kOne,
                    "scanner_cut_stream", DecidedBy::Pipelock},
        StreamFault{"ScannerLeft",
                    begun({tell(failure_news(Code::Cancelled, "scanner_left", DecidedBy::Pipelock)),
                           ends()}),
                    kOne, "scanner_cut_stream", DecidedBy::Pipelock},
        StreamFault{
            "OriginReset",
            begun({tell(failure_news(Code::UpstreamTruncated, "origin_reset", DecidedBy::Origin)),
                   ends()}),
            kOne, "origin_reset", DecidedBy::Origin},
        StreamFault{"Forged", begun({passes(kTwo)}), kOne, "changed_by_scanner",
                    DecidedBy::Pipelock},
        StreamFault{"TooLarge", begun({tell_body("data: " + std::string(1000, 'x'))}), kOne,
                    "event_too_large", DecidedBy::Proxy},
        StreamFault{"ScannerDies", begun(scanner_dies()), kOne, "upstream_truncated",
                    DecidedBy::Pipelock}),
    [](const auto& row) { return std::string(row.param.name); });

// The scanner sends its head with the first event that it passes.
TEST(ExitEvents, HeadAndCommentsDoNotWaitForTheScanner) {
  ExitWorld world;
  const std::string comments = ": hi\n\n: thinking\n\n";
  PlayRecord& peer = world.dial.will_play(
      {take_head(), claim(), tell(events_head()), tell_body(comments), tell_body(kOne), waits(5s)});
  Ask how;
  how.leave_after = comments.size();
  const Outcome out = world.ask(get(), how);
  EXPECT_EQ(out.head.status, 200);
  EXPECT_EQ(out.body, comments);  // and nothing of the event
  EXPECT_TRUE(out.scanned_response_body);
  world.settle();
  EXPECT_FALSE(peer.finished);
  EXPECT_EQ(world.ledger.live(), 0U);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

TEST(ExitEvents, EventsComeAsTheScannerPassesThemAfterTheHead) {
  ExitWorld world;
  const std::string comment = ": hi\n\n";
  world.dial.will_play({take_head(), claim(), tell(events_head()), tell_body(comment), waits(20ms),
                        tell_body(kOne), waits(20ms), says_head(), passes(kOne), tell_body(kTwo),
                        passes(kTwo), tell(end_of(comment + kOne + kTwo)), ends()});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.body, comment + kOne + kTwo);
  EXPECT_TRUE(out.ended);
  EXPECT_GE(out.pieces.size(), 2U);
}

Acts ahead(Acts rest) {
  Acts acts = {take_head(), claim(), tell(events_head()), tell_body(": hi\n\n" + kOne),
               waits(20ms)};
  acts.insert(acts.end(), rest.begin(), rest.end());
  return acts;
}
HeadNews events_with_cookie() {
  HeadNews news = events_head();
  news.head.fields.add("Set-Cookie", "a=b");
  return news;
}

INSTANTIATE_TEST_SUITE_P(
    AfterTheHead, ExitStreamFault,
    testing::Values(
        StreamFault{"ScannerRefuses",
                    ahead({says(block(403, "blocked: response contains injection: x"))}),
                    ": hi\n\n", "injection_in_response", DecidedBy::Pipelock},
        StreamFault{"ScannerEndsWithoutAnEvent",
                    ahead({says_head(), ends(), tell(end_of(": hi\n\n" + kOne))}), ": hi\n\n",
                    "scanner_cut_stream", DecidedBy::Pipelock},
        StreamFault{
            "ScannerFailsForTheOrigin",
            ahead({tell(failure_news(Code::UpstreamTruncated, "origin_reset", DecidedBy::Origin)),
                   says(block(502, "forward proxy fetch failed"))}),
            ": hi\n\n", "origin_reset", DecidedBy::Origin},
        StreamFault{
            "ScannerChangesTheHead",
            ahead({says(relayed_head(shown_to_scanner(events_with_cookie().head, "e1", false),
                                     "Transfer-Encoding: chunked\r\n"))}),
            ": hi\n\n", "changed_by_scanner", DecidedBy::Pipelock},
        StreamFault{"AnotherExchangesAnswer",
                    ahead({says(relayed_head(shown_to_scanner(events_head().head, "e2", false),
                                             "Transfer-Encoding: chunked\r\n"))}),
                    ": hi\n\n", "scanner_mixed_up", DecidedBy::Pipelock},
        StreamFault{"ScannerDies", ahead(scanner_dies()), ": hi\n\n", "upstream_broken",
                    DecidedBy::Pipelock}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ExitEvents, AHeadThatTheScannerMayRefuseInWordsWaitsForIt) {
  for (const HeadNews& news :
       {head_news(429, {{"Content-Type", "text/event-stream"}}),
        head_news(200, {{"Content-Type", "text/event-stream"}, {"Content-Encoding", "x-odd"}}),
        head_news(200, {{"Content-Type", "application/x-ndjson"}})}) {
    ExitWorld world;
    world.dial.will_play({take_head(), claim(), tell(news), waits(20ms),
                          says(block(403, "blocked: compressed response cannot be scanned"))});
    const Outcome out = world.ask(get());
    EXPECT_EQ(out.head.status, 403);
    EXPECT_TRUE(out.head.fields.has("x-bottle-deny"));
  }
}

TEST(ExitEvents, AnEventThatWasNotPassedIsLeftOut) {
  ExitWorld world;
  const std::string three = "data: 3\n\n";
  world.dial.will_play({take_head(), claim(), tell(events_head()), tell_body(kOne + kTwo + three),
                        says_head(), passes(kOne + three), tell(end_of(kOne + kTwo + three)),
                        ends()});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.body, kOne + three);
  EXPECT_TRUE(out.ended);
}

TEST(ExitEvents, AnIdleStreamGetsCommentsOfOurOwn) {
  PipelockOptions options;
  options.sse_comment = 40ms;
  ExitWorld world(options);
  world.dial.will_play({take_head(), claim(), tell(events_head()), tell_body(kOne), says_head(),
                        passes(kOne), waits(150ms), tell(end_of(kOne)), ends()});
  const Outcome out = world.ask(get());
  EXPECT_TRUE(out.ended);
  EXPECT_TRUE(out.body.starts_with(kOne + ":")) << out.body;
}

TEST(ExitEvents, ASlowClientHoldsTheOriginBack) {
  PipelockOptions options;
  options.exit.passed = 1000;
  ExitWorld world(options);
  std::string many;
  while (many.size() < 2'000'000) many += "data: " + std::string(90, 'x') + "\n\n";
  PlayRecord& peer =
      world.dial.will_play({take_head(), claim(), tell(events_head()), tell_body(kOne), says_head(),
                            passes(kOne), tell_body(many)});
  Ask how;
  how.leave_after = 1;
  EXPECT_EQ(world.ask(get(), how).body, kOne);
  EXPECT_LE(peer.told, 9u << 20);
  world.settle();
  EXPECT_TRUE(peer.front_gone);
}

// ---- past the scanner
// ----------------------------------------------------------------------------

Act says_shown(const HeadNews& head, const std::string& body = {}) {
  return says(relayed(head, body, "e1", true));
}
Ask past() {
  Ask how;
  how.bypass_body = true;
  return how;
}

TEST(ExitPast, TheBodyComesFromTheExitInItsOwnCoding) {
  ExitWorld world;
  HeadNews head = head_news(200, {{"Content-Encoding", "gzip"}, {"ETag", "e"}});
  const std::string body(1'500'000, 'g');
  head.head.content_length = body.size();
  EndNews end = end_of(body);
  end.trailers.emplace();
  end.trailers->add("x-sum", "1");
  world.dial.will_play(
      {take_head(), claim(), tell(head), says_shown(head), tell_body(body), tell(end)});
  const Outcome out = world.ask(get(), past());
  EXPECT_EQ(out.body, body);
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(out.head.fields.find("content-encoding"), "gzip");
  EXPECT_EQ(out.head.content_length, body.size());
  EXPECT_TRUE(out.trailers);
  EXPECT_FALSE(out.scanned_response_body);
}

TEST(ExitPast, NothingComesBeforeTheScannerHasPassedTheHead) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  PlayRecord& peer =
      world.dial.will_play({take_head(), claim(), tell(head),
                            says(block(403, "blocked: media_policy: x")), tell_body("never")});
  const Outcome out = world.ask(get(), past());
  EXPECT_EQ(out.head.status, 403);
  EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), "media_refused");
  world.settle();
  EXPECT_EQ(peer.told, 0U);
  EXPECT_TRUE(peer.front_gone);
}

TEST(ExitPast, ASlowClientHoldsTheOriginBack) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  PlayRecord& peer = world.dial.will_play(
      {take_head(), claim(), tell(head), says_shown(head), tell_body(std::string(8 << 20, 'x'))});
  Ask how = past();
  how.leave_after = 100'000;
  EXPECT_FALSE(world.ask(get(), how).ended);
  EXPECT_LE(peer.told, 1u << 20);
  world.settle();
  EXPECT_TRUE(peer.front_gone);
  EXPECT_EQ(world.ledger.live(), 0U);
}

TEST(ExitPast, ABodyThatBreaksIsCutByWhoBrokeIt) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  world.dial.will_play(
      {take_head(), claim(), tell(head), says_shown(head), tell_body("part"),
       tell(failure_news(Code::UpstreamTruncated, "origin_reset", DecidedBy::Origin))});
  const Outcome out = world.ask(get(), past());
  EXPECT_EQ(out.body, "part");
  ASSERT_TRUE(out.body_failure);
  EXPECT_EQ(out.body_failure->reason, "origin_reset");
  EXPECT_EQ(out.cut_by, DecidedBy::Origin);
}

TEST(ExitPast, BytesThatWereLostOnTheWayAreNoEnd) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  world.dial.will_play({take_head(), claim(), tell(head), says_shown(head), tell_body("part"),
                        tell(end_of("parts"))});
  const Outcome out = world.ask(get(), past());
  EXPECT_FALSE(out.ended);
  ASSERT_TRUE(out.body_failure);
  EXPECT_EQ(out.body_failure->reason, "exit_lost_bytes");
}

TEST(ExitPast, ABodyOfTheScannersOwnIsNotTakenForTheOrigins) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  world.dial.will_play({take_head(), claim(), tell(head), says_shown(head, "forged")});
  const Outcome out = world.ask(get(), past());
  EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), "changed_by_scanner");
}

}  // namespace
}  // namespace bottle
