#include "proxy/scanner/answer_judge.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/scanner/exit_play.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

std::string listed(const Fields& fields) {
  std::string out;
  for (const Field field : fields) {
    out += std::string(field.name) + ": " + std::string(field.value) + "|";
  }
  return out;
}

Acts honest(const HeadNews& head, const std::string& body) {
  return {take_head(), claim(), tell(head), tell(end_news(body)), says(relayed(head, body))};
}

// ---- what is admitted --------------------------------------------------------------------------

TEST(AnswerJudge, AdmitsTheClientsOwnHeadAndSendsTheScannerATicket) {
  ExitWorld world;
  PlayRecord& peer = world.dial.will_play(honest(head_news(200), "ok"));
  Request request = post("{}");
  request.head.target = "/x?agent=1&b=2";
  request.head.fields.add("x-lower", "1");
  request.head.fields.add("Accept-Encoding", "gzip, br");
  request.head.fields.add("X-Last", "2");
  const Outcome out = world.ask(std::move(request));
  EXPECT_EQ(out.body, "ok");
  ASSERT_TRUE(peer.admission);
  EXPECT_EQ(peer.admission->id, "e1");
  EXPECT_EQ(listed(peer.admission->sent.head.fields),
            "x-lower: 1|Accept-Encoding: identity|X-Last: 2|");
  EXPECT_EQ(peer.admission->sent.head.target, "/x?agent=1&b=2");
  EXPECT_EQ(peer.admission->sent.head.content_length, 2U);
  EXPECT_EQ(listed(peer.admission->scanned.head.fields),
            "x-lower: 1|X-Last: 2|Accept-Encoding: identity|User-Agent: |");
  EXPECT_EQ(peer.admission->scanned.body_digest, sha256("{}"));
  EXPECT_EQ(peer.admission->scanned.body_bytes, 2U);
  EXPECT_NE(peer.received.find("X-Pipelock-Agent: e1\r\nX-Bottle-Exchange: e1."),
            std::string::npos);
  // The ticket is void when the exchange is over.
  EXPECT_EQ(world.ledger.live(), 0U);
  EXPECT_EQ(world.ledger.claim(peer.tickets.at(0), world.io.get_executor()).error().reason,
            "stale_ticket");
}

TEST(AnswerJudge, ADecodedBodyIsAdmittedDecoded) {
  ExitWorld world;
  const char gzip[] =
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\xc0\x4e\x72\x01\x00"
      "\x68\x02\x31\x66\x1e\x00\x00\x00";
  Acts acts = honest(head_news(200), "ok");
  acts.insert(acts.begin() + 1, take_body(30));
  PlayRecord& peer = world.dial.will_play(acts);
  Request request = post(Bytes(gzip, sizeof gzip - 1));
  request.head.fields.add("Content-Encoding", "gzip");
  EXPECT_EQ(world.ask(std::move(request)).body, "ok");
  ASSERT_TRUE(peer.admission);
  EXPECT_FALSE(peer.admission->sent.head.fields.has("content-encoding"));
  EXPECT_EQ(peer.admission->sent.head.content_length, 30U);
  EXPECT_EQ(peer.admission->scanned.body_digest, sha256("hello hello hello hello hello\n"));
}

TEST(AnswerJudge, WithAPassingBodyTheClientsOwnCodingIsAskedFor) {
  ExitWorld world;
  const HeadNews head = head_news(204, {}, false);
  PlayRecord& peer =
      world.dial.will_play({take_head(), claim(), tell(head), tell(end_news("")),
                            says(relayed_head(shown_to_scanner(head.head, "e1", true), ""))});
  Request request = get();
  request.head.fields.add("Accept-Encoding", "gzip, br");
  Ask how;
  how.bypass_body = true;
  EXPECT_EQ(world.ask(std::move(request), how).head.status, 204);
  ASSERT_TRUE(peer.admission);
  EXPECT_EQ(peer.admission->sent.head.fields.find("accept-encoding"), "gzip, br");
  // It leaves, so the scanner sees it: a client may write anything there.
  EXPECT_EQ(peer.admission->scanned.head.fields.find("accept-encoding"), "gzip, br");
  EXPECT_NE(peer.received.find("Accept-Encoding: gzip, br\r\n"), std::string::npos);
  EXPECT_TRUE(peer.admission->bypass_body);
}

TEST(AnswerJudge, AGrpcCallSaysThatItTakesTrailers) {
  ExitWorld world;
  HeadNews head = head_news(200, {{"content-type", "application/grpc"}});
  head.h2 = true;
  EndNews end = end_news("reply");
  end.trailers.emplace();
  end.trailers->add("grpc-status", "0");
  Acts acts = {take_head(), claim(), tell(head), tell(end), says(relayed(head, "reply"))};
  PlayRecord& peer = world.dial.will_play(acts);
  Request request = post("call");
  request.head.fields.add("content-type", "application/grpc+proto");
  request.head.takes_trailers = true;
  const Outcome out = world.ask(std::move(request));
  EXPECT_EQ(out.body, "reply");
  ASSERT_TRUE(out.trailers);
  EXPECT_EQ(out.trailers->find("grpc-status"), "0");
  EXPECT_EQ(out.protocol, "h2");
  ASSERT_TRUE(peer.admission);
  EXPECT_TRUE(peer.admission->sent.head.takes_trailers);
  EXPECT_FALSE(peer.admission->scanned.head.takes_trailers);
  EXPECT_EQ(to_lower(peer.received).find("trailers"), std::string::npos) << peer.received;
}

class EndlessSource final : public BodySource {
 public:
  awaitable<Result<Chunk>> read(std::size_t) override {
    const bool slept = co_await sleep_for(5ms);
    if (!slept) co_return Failure{Code::Cancelled, "cancelled"};
    Chunk chunk;
    chunk.data = "x";
    co_return chunk;
  }
  void stop(Failure) noexcept override {}
};

TEST(AnswerJudge, AGrpcCallInWhichTheClientStreamsIsRefusedInWords) {
  PipelockOptions options;
  options.exit.grpc_request = 60ms;
  ExitWorld world(options);
  Request request = get();
  request.head.method = "POST";
  request.head.has_body = true;
  request.head.fields.add("content-type", "application/grpc");
  request.body = std::make_unique<EndlessSource>();
  const Outcome out = world.ask(std::move(request));
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Code::NotSupported);
  EXPECT_EQ(out.failure->reason, "grpc_streaming");
  EXPECT_NE(out.failure->hint.find("route relay"), std::string::npos);
  EXPECT_EQ(world.dial.dials, 0);
  EXPECT_EQ(world.spool.held(), 0U);
}

// ---- passed ------------------------------------------------------------------------------------

TEST(AnswerJudge, TheClientGetsTheOriginsOwnHead) {
  ExitWorld world;
  const HeadNews head = head_news(
      200, {{"x-Odd-CASE", "1"}, {"Set-Cookie", "a=1"}, {"ETag", "\"e\""}, {"Set-Cookie", "b=2"}});
  world.dial.will_play(honest(head, "body"));
  const Outcome out = world.ask(get());
  EXPECT_EQ(listed(out.head.fields), "x-Odd-CASE: 1|Set-Cookie: a=1|ETag: \"e\"|Set-Cookie: b=2|");
  EXPECT_EQ(out.body, "body");
  EXPECT_TRUE(out.ended);
  EXPECT_FALSE(out.traced);
  EXPECT_TRUE(out.scanned_response_body);
}

TEST(AnswerJudge, RedirectsAreRedirects) {
  for (const int status : {301, 302, 303, 307, 308}) {
    ExitWorld world;
    world.dial.will_play(honest(head_news(status, {{"Location", "/x"}, {"Set-Cookie", "a"}}), ""));
    const Outcome out = world.ask(get());
    EXPECT_EQ(out.head.status, status);
    EXPECT_EQ(listed(out.head.fields), "Location: /x|Set-Cookie: a|");
    EXPECT_TRUE(out.ended);
  }
}

TEST(AnswerJudge, AHeadKeepsItsLength) {
  ExitWorld world;
  HeadNews head = head_news(200, {{"Content-Type", "a/b"}}, false);
  head.head.content_length = 1234;
  world.dial.will_play({take_head(), claim(), tell(head), tell(end_news("")),
                        says(relayed_head(shown_to_scanner(head.head, "e1", false), ""))});
  Request request = get();
  request.head.method = "HEAD";
  const Outcome out = world.ask(std::move(request));
  EXPECT_EQ(out.head.content_length, 1234U);
  EXPECT_FALSE(out.has_body);
}

TEST(AnswerJudge, InterimHeadsComeAtOnce) {
  ExitWorld world;
  InterimNews hints;
  hints.head.status = 103;
  const HeadNews head = head_news(200);
  world.dial.will_play({take_head(), claim(), tell(hints), waits(20ms), tell(hints), tell(head),
                        tell(end_news("ok")), says(relayed(head, "ok"))});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.interims, (std::vector<int>{103, 103}));
  EXPECT_EQ(out.body, "ok");
}

TEST(AnswerJudge, AnOriginsRefusalInTheScannersFormIsTheOrigins) {
  ExitWorld world;
  const std::string text = "blocked: by the origin\n";
  const HeadNews head = head_news(
      403, {{"Content-Type", "text/plain; charset=utf-8"}, {"X-Content-Type-Options", "nosniff"}});
  world.dial.will_play(honest(head, text));
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.head.status, 403);
  EXPECT_EQ(out.body, text);
  EXPECT_FALSE(out.head.fields.has("X-Bottle-Deny"));
  EXPECT_FALSE(out.traced);
}

TEST(AnswerJudge, ALargeBodyIsComparedOnTheWay) {
  ExitWorld world;
  const std::string body(1'000'000, 'b');
  Acts acts = honest(head_news(200), body);
  world.dial.will_play(acts);
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.body, body);
  EXPECT_TRUE(out.ended);
}

TEST(AnswerJudge, TheEndMayBeToldAfterTheScannersOwn) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  world.dial.will_play({take_head(), claim(), tell(head), says(relayed(head, "ok")), waits(30ms),
                        tell(end_news("ok"))});
  EXPECT_EQ(world.ask(get()).body, "ok");
}

// ---- blocked, changed, cut
// -----------------------------------------------------------------------

TEST(AnswerJudge, ABlockedResponseIsTheScannersAnswer) {
  ExitWorld world;
  const std::string text = "blocked: response contains injection";
  Acts acts = {
      take_head(), claim(),    tell(head_news(200)), tell(end_news("ok")), says(block(403, text)),
      let_go(),    once_more()};
  world.dial.will_play(acts);
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.head.status, 403);
  EXPECT_EQ(out.body, text + "\n");
  EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), "injection_in_response");
  ASSERT_TRUE(out.traced);
  EXPECT_EQ(out.traced->code, Code::UpstreamDenied);
  EXPECT_EQ(out.by, DecidedBy::Pipelock);
  EXPECT_EQ(world.pool.idle(), 1U);
}

TEST(AnswerJudge, ABlockedRequestNeverCameToTheExit) {
  ExitWorld world;
  world.dial.will_play({take_head(), says(block(403, "blocked: DLP match: X (high)"))});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.head.status, 403);
  EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), "secret_in_url");
  EXPECT_EQ(out.by, DecidedBy::Pipelock);
}

// It says so in fields that no origin's answer has behind an exit, so neither its form nor the
// exchange's id in it make it the origin's.
TEST(AnswerJudge, AMarkedAnswerIsTheScannersWhateverItsForm) {
  const HeadNews head = head_news(200);
  std::string odd = relayed(head, "sorry");
  odd.replace(odd.find("200 "), 4, "451 ");
  odd.insert(odd.find("\r\n") + 2,
             "X-Pipelock-Block-Reason: brand_new\r\nX-Pipelock-Block-Reason-Version: 1\r\n"
             "X-Pipelock-Block-Reason-Retry: transient\r\n");
  ExitWorld world;
  world.dial.will_play({take_head(), claim(), tell(head), tell(end_news("ok")), says(odd)});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.head.status, 451);
  EXPECT_EQ(out.body, "sorry");
  EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), "scanner_denied");
  EXPECT_EQ(out.head.fields.find("Retry-After"), "5");
  EXPECT_FALSE(out.head.fields.has("X-Pipelock-Block-Reason"));
  EXPECT_FALSE(out.head.fields.has("X-Pipelock-Block-Reason-Retry"));
  EXPECT_FALSE(out.head.fields.has("X-Bottle-Exchange"));
  ASSERT_TRUE(out.traced);
  EXPECT_NE(out.traced->detail.find("(brand_new)"), std::string::npos);
  EXPECT_EQ(out.by, DecidedBy::Pipelock);
}

// A mark on what looks like a success: no origin's answer is passed on under it.
TEST(AnswerJudge, AMarkedSuccessIsNeitherOnesAnswer) {
  const HeadNews head = head_news(200);
  std::string odd = relayed(head, "ok");
  odd.insert(odd.find("\r\n") + 2, "X-Pipelock-Block-Reason: dlp_match\r\n");
  ExitWorld world;
  world.dial.will_play({take_head(), claim(), tell(head), tell(end_news("ok")), says(odd)});
  const Outcome out = world.ask(get());
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(word(*out.failure), "scanner_mixed_up");
}

TEST(AnswerJudge, BothContractsGiveTheClientTheSame) {
  const auto outcome = [](const std::string& says_what) {
    ExitWorld world;
    world.dial.will_play({take_head(), says(says_what)});
    const Outcome out = world.ask(get());
    return std::to_string(out.head.status) + " " + listed(out.head.fields) + out.body;
  };
  const struct {
    int status;
    const char* text;
    const char* code;
    const char* retry;
  } cases[] = {
      {403, "blocked: DLP match: X (high)", "dlp_match", "none"},
      {403, "blocked: domain not in allowlist: x", "domain_blocklist", "policy"},
      {429, "blocked: rate limit exceeded for x", "rate_limit", "transient"},
      {403, "blocked: response contains injection", "prompt_injection", "none"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(outcome(block(c.status, c.text)),
              outcome(marked_block(c.status, c.text, c.code, c.retry)))
        << c.text;
  }
}

TEST(AnswerJudge, TheLogKnowsWithWhatTheOriginWasSpokenTo) {
  for (const char* protocol : {"", "h2", "http/1.1"}) {
    FailureNews news = failure_news(Code::UpstreamBroken, "reset", DecidedBy::Origin);
    news.upstream_protocol = protocol;
    ExitWorld world;
    world.dial.will_play({take_head(), claim(), tell(news), dies()});
    const Outcome out = world.ask(get());
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.protocol, protocol);
  }
  ExitWorld answered;
  answered.dial.will_play({take_head(), claim(), tell(head_news(200)), tell(end_news("ok")),
                           says(relayed(head_news(200), "ok"))});
  EXPECT_EQ(answered.ask(get()).protocol, "http/1.1");
  ExitWorld blocked;
  blocked.dial.will_play({take_head(), says(block(403, "blocked: DLP match: X (high)"))});
  EXPECT_EQ(blocked.ask(get()).protocol, "") << "no origin was asked";
}

TEST(AnswerJudge, AChangedHeadOrSmallBodyIsMarked) {
  const HeadNews head = head_news(200, {{"ETag", "e"}});
  HeadNews stripped = head;
  stripped.head.fields.remove("etag");
  const std::pair<std::string, std::string> rows[] = {
      {relayed(stripped, "ok"), "ok"},      // a field is gone
      {relayed(head, "no"), "no"},          // another body
      {relayed(head, "longer"), "longer"},  // … and a longer one
  };
  for (const auto& [answer, body] : rows) {
    ExitWorld world;
    world.dial.will_play({take_head(), claim(), tell(head), tell(end_news("ok")), says(answer)});
    const Outcome out = world.ask(get());
    EXPECT_EQ(out.head.status, 200);
    EXPECT_EQ(out.body, body);
    EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), "changed_by_scanner");
    EXPECT_FALSE(out.head.fields.has("x-bottle-exchange"));
    ASSERT_TRUE(out.traced);
    EXPECT_EQ(out.by, DecidedBy::Pipelock);
  }
}

TEST(AnswerJudge, AChangedRedirectIsStillOne) {
  ExitWorld world;
  const HeadNews head = head_news(302, {{"Location", "/x"}, {"ETag", "e"}});
  HeadNews stripped = head;
  stripped.head.fields.remove("etag");
  world.dial.will_play(
      {take_head(), claim(), tell(head), tell(end_news("")), says(relayed(stripped, ""))});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.head.status, 302);
  EXPECT_FALSE(out.head.fields.has("x-bottle-origin-status"));
  EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), "changed_by_scanner");
}

TEST(AnswerJudge, AShorterBodyIsNeverAWholeOne) {
  // Small: before the head. Large: the last bytes never come.
  for (const std::size_t size : {std::size_t{2'000}, std::size_t{600'000}}) {
    PipelockOptions options;
    options.max_response_bytes = size;
    ExitWorld world(options);
    HeadNews head = head_news(200);
    head.head.content_length = size;  // the client counts so many
    world.dial.will_play({take_head(), claim(), tell(head),
                          tell(end_news(std::string(size + 1, 'x'))),
                          says(relayed(head, std::string(size, 'x')))});
    const Outcome out = world.ask(get());
    const auto& failure = out.failure ? out.failure : out.body_failure;
    ASSERT_TRUE(failure) << size;
    EXPECT_EQ(failure->code, Code::UpstreamTruncated);
    EXPECT_EQ(failure->reason, "scanner_size_cut");
    EXPECT_FALSE(out.ended);
    EXPECT_LT(out.body.size(), size);
    EXPECT_EQ(out.failure.has_value(), size == 2'000);
    EXPECT_EQ(out.failure ? out.by : out.cut_by, DecidedBy::Pipelock);
  }
}

TEST(AnswerJudge, ALargeChangedBodyIsCut) {
  ExitWorld world;
  const std::string body(600'000, 'x');
  std::string other = body;
  other[300'000] = 'y';
  HeadNews head = head_news(200);
  head.head.content_length = body.size();
  world.dial.will_play(
      {take_head(), claim(), tell(head), tell(end_news(body)), says(relayed(head, other))});
  const Outcome out = world.ask(get());
  ASSERT_TRUE(out.body_failure);
  EXPECT_EQ(out.body_failure->reason, "changed_by_scanner");
  EXPECT_LT(out.body.size(), body.size());
  EXPECT_EQ(out.cut_by, DecidedBy::Pipelock);
}

// ---- failures by cause
// ---------------------------------------------------------------------------

struct Fault {
  const char* name;
  Acts acts;
  Code code;
  const char* word;
  DecidedBy by;
};
void PrintTo(const Fault& row, std::ostream* out) { *out << row.name; }

class ExitFault : public testing::TestWithParam<Fault> {};

TEST_P(ExitFault, HasItsCause) {
  PipelockOptions options;
  options.h1.head = 150ms;
  options.exit.end = 50ms;
  ExitWorld world(options);
  world.dial.will_play(GetParam().acts);
  const Outcome out = world.ask(get());
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, GetParam().code) << out.failure->detail;
  EXPECT_EQ(word(*out.failure), GetParam().word);
  EXPECT_EQ(out.by, GetParam().by);
  EXPECT_EQ(world.pool.in_flight(), 0U);
  EXPECT_EQ(world.ledger.live(), 0U);
}

const std::string kOther =
    "HTTP/1.1 502 X\r\nContent-Type: application/problem+json\r\nDate: Mon, "
    "01 Jan 2024 00:00:00 GMT\r\nContent-Length: 2\r\n\r\n{}";

INSTANTIATE_TEST_SUITE_P(
    Causes, ExitFault,
    testing::Values(
        Fault{
            "Expired",
            {take_head(), claim(),
             tell(failure_news(Code::UpstreamTlsFailed, "certificate_expired", DecidedBy::Origin)),
             says(kOther)},
            Code::UpstreamTlsFailed,
            "certificate_expired",
            DecidedBy::Origin},
        Fault{"RefusedAtTheExit",
              {take_head(), claims(),
               tell(failure_news(Code::Denied, "exit_mismatch", DecidedBy::Exit)), says(kOther)},
              Code::Denied,
              "exit_mismatch",
              DecidedBy::Exit},
        Fault{"ScannerDiedThen",
              {take_head(), claim(),
               tell(failure_news(Code::ConnectFailed, "connection_refused", DecidedBy::Origin)),
               dies()},
              Code::ConnectFailed,
              "connection_refused",
              DecidedBy::Origin},
        Fault{"ScannerLeftTheExit",
              {take_head(), claim(),
               tell(failure_news(Code::Cancelled, "scanner_left", DecidedBy::Pipelock)), dies()},
              Code::UpstreamBroken,
              "upstream_broken",
              DecidedBy::None},
        Fault{"OriginDiesInABodyThatIsBuffered",
              {take_head(), claim(), tell(head_news(200)),
               tell(failure_news(Code::UpstreamTruncated, "origin_reset", DecidedBy::Origin)),
               says(block(403, "blocked: response read error"))},
              Code::UpstreamTruncated,
              "origin_reset",
              DecidedBy::Origin},
        Fault{"ScannersTimeInABody",
              {take_head(), claim(), tell(head_news(200)),
               tell(failure_news(Code::Cancelled, "scanner_left", DecidedBy::Pipelock)),
               says(block(403, "blocked: response read error"))},
              Code::UpstreamBroken,
              "upstream_broken",
              DecidedBy::Pipelock},
        Fault{"OriginDiesInABodyThatIsBufferedBy3",
              {take_head(), claim(), tell(head_news(200)),
               tell(failure_news(Code::UpstreamTruncated, "origin_reset", DecidedBy::Origin)),
               says(marked_block(403, "blocked: short", "parse_error", "transient",
                                 "X-Pipelock-Block-Reason-Layer: response_scan\r\n"))},
              Code::UpstreamTruncated,
              "origin_reset",
              DecidedBy::Origin},
        Fault{"OriginSlowerThanTheScanner",
              {take_head(), claim(), says(block(502, "forward proxy fetch failed"))},
              Code::UpstreamTimeout,
              "scanner_time_cut",
              DecidedBy::Pipelock},
        Fault{"NoWayToTheExit",
              {take_head(), says(block(502, "forward proxy fetch failed"))},
              Code::ScannerUnavailable,
              "exit_unreachable",
              DecidedBy::Pipelock},
        Fault{"NoNameForTheExit",
              {take_head(),
               says(block(403, "blocked: SSRF check failed: DNS resolution error for x: y"))},
              Code::ScannerUnavailable,
              "exit_unreachable",
              DecidedBy::Pipelock},
        Fault{"Silent",
              {take_head(), claims()},
              Code::UpstreamTimeout,
              "no_response",
              DecidedBy::None},
        Fault{"AnotherExchange",
              {take_head(), claim(), tell(head_news(200)), tell(end_news("ok")),
               says(relayed(head_news(200), "ok", "e2"))},
              Code::UpstreamBroken,
              "scanner_mixed_up",
              DecidedBy::Pipelock},
        Fault{"AnExchangeNobodyHad",
              {take_head(), says(relayed(head_news(200), "ok", "e1"))},
              Code::UpstreamBroken,
              "scanner_mixed_up",
              DecidedBy::Pipelock},
        Fault{"ByItself",
              {take_head(), says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")},
              Code::UpstreamBroken,
              "scanner_mixed_up",
              DecidedBy::Pipelock},
        Fault{"NoWordOnTheEnd",
              {take_head(), claim(), tell(head_news(200)), says(relayed(head_news(200), "ok"))},
              Code::UpstreamBroken,
              "exit_silent",
              DecidedBy::Exit},
        Fault{"TheExitGivesUp",
              {take_head(), claim(), tell(head_news(200)), let_go(),
               says(relayed(head_news(200), "ok"))},
              Code::UpstreamTruncated,
              "exit_ended",
              DecidedBy::Exit}),
    [](const auto& row) { return std::string(row.param.name); });

// ---- sending again
// -------------------------------------------------------------------------------

TEST(AnswerJudge, SendsAnythingAgainThatTheExitHasNotHad) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  world.dial.will_play({take_head(), claim(), tell(head), tell(end_news("ok")),
                        says(relayed(head, "ok")), let_go(), take_head(), dies()});
  PlayRecord& second =
      world.dial.will_play({take_head(), take_body(4), claim(), tell(head), tell(end_news("ok")),
                            says(relayed(head, "ok", "e2"))});
  EXPECT_EQ(world.ask(get()).body, "ok");
  Ask how;
  how.id = "e2";
  EXPECT_EQ(world.ask(post("once"), how).body, "ok");
  EXPECT_EQ(world.dial.dials, 2);
  EXPECT_TRUE(second.began);
}

TEST(AnswerJudge, SendsNothingAgainThatTheExitHas) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  PlayRecord& peer =
      world.dial.will_play({take_head(), claim(), tell(head), tell(end_news("ok")),
                            says(relayed(head, "ok")), let_go(), take_head(), claim(), dies()});
  world.dial.will_play(honest(head, "ok"));
  EXPECT_EQ(world.ask(get()).body, "ok");
  Ask how;
  how.id = "e2";
  const Outcome out = world.ask(get(), how);
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->reason, "exit_ended");  // the exit of this test ends then
  EXPECT_EQ(world.dial.dials, 1);
  EXPECT_EQ(peer.tickets.size(), 2U);
}

TEST(AnswerJudge, AClientThatLeavesEndsTheExitsWork) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  PlayRecord& peer = world.dial.will_play(
      {take_head(), claim(), tell(head),
       says(relayed_head(shown_to_scanner(head.head, "e1", false), "Content-Length: 900000\r\n") +
            std::string(500'000, 'x'))});
  Ask how;
  how.leave_after = 1000;
  const Outcome out = world.ask(get(), how);
  EXPECT_FALSE(out.ended);
  EXPECT_EQ(world.ledger.live(), 0U);
  world.settle();
  EXPECT_TRUE(peer.front_gone);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

}  // namespace
}  // namespace bottle
