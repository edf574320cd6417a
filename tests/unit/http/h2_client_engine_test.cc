#include "proxy/http/h2_client_engine.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/http/h2_engine.h"
#include "tests/support/h2_frames.h"
#include "tests/unit/http/h2_engine_peer.h"

namespace bottle {
namespace {

using namespace test;

RequestHead get(std::string target = "/", std::string method = "GET") {
  RequestHead head;
  head.version = Version::Http2;
  head.method = std::move(method);
  head.authority = "a.test";
  head.target = std::move(target);
  return head;
}

FieldList status(const char* code, FieldList more = {}) {
  more.insert(more.begin(), {":status", code});
  return more;
}

class H2ClientEngineFed : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Feed, H2ClientEngineFed, testing::Values(false, true),
                         [](const auto& shape) { return shape.param ? "ByteByByte" : "Whole"; });

TEST_P(H2ClientEngineFed, SaysThatItTakesNoPushes) {
  Client c(GetParam());
  c.flush();
  const SeenFrame* ours = c.first(kSettingsFrame);
  ASSERT_NE(ours, nullptr);
  bool no_push = false;
  for (std::size_t i = 0; i + 6 <= ours->payload.size(); i += 6) {
    if (ours->word(i) >> 16U == 2) no_push = ours->word(i + 2) == 0;
  }
  EXPECT_TRUE(no_push);
}

TEST_P(H2ClientEngineFed, AResponseIsHeadBodyAndEnd) {
  Client c(GetParam());
  c.greet();
  const auto id = c.engine.request(get("/x"), true);
  ASSERT_TRUE(id);
  c.flush();
  ASSERT_NE(c.first(kHeadersFrame, 1), nullptr);
  EXPECT_TRUE(c.first(kHeadersFrame, 1)->ends());
  ASSERT_TRUE(c.send(headers(1, status("200", {{"server", "s"}}), false) + data(1, "abc") +
                     data(1, "def", true)));
  const auto responses = c.all<H2Response>();
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses[0].head.status, 200);
  EXPECT_EQ(responses[0].head.version, Version::Http2);
  EXPECT_TRUE(responses[0].head.has_body);
  EXPECT_EQ(responses[0].head.fields.find("server"), "s");
  Bytes body;
  for (const auto& d : c.all<H2Data>()) body += d.data;
  EXPECT_EQ(body, "abcdef");
  EXPECT_TRUE(c.all<H2Data>().back().end);
  EXPECT_EQ(c.all<H2Closed>().size(), 1U);
  c.engine.consumed(1, 6);
  EXPECT_EQ(c.engine.open_streams(), 0U);
}

TEST_P(H2ClientEngineFed, InterimHeadsComeFirstAndTrailersLast) {
  Client c(GetParam());
  c.greet();
  ASSERT_TRUE(c.engine.request(get(), true));
  c.flush();
  ASSERT_TRUE(c.send(headers(1, status("103", {{"link", "x"}}), false) +
                     headers(1, status("100"), false) + headers(1, status("200"), false) +
                     data(1, "x") + headers(1, {{"grpc-status", "0"}}, true)));
  ASSERT_EQ(c.all<H2Interim>().size(), 2U);
  EXPECT_EQ(c.all<H2Interim>()[0].head.status, 103);
  EXPECT_EQ(c.all<H2Response>().size(), 1U);
  ASSERT_EQ(c.all<H2Trailers>().size(), 1U);
  EXPECT_EQ(c.all<H2Trailers>()[0].fields.find("grpc-status"), "0");
}

TEST(H2ClientEngine, FiveInterimHeadsAndNoMore) {
  for (const int interims : {5, 6}) {
    Client c;
    c.greet();
    ASSERT_TRUE(c.engine.request(get(), true));
    c.flush();
    Bytes all;
    for (int i = 0; i < interims; ++i) all += headers(1, status("103"), false);
    ASSERT_TRUE(c.send(all + headers(1, status("200"), true)));
    c.flush();
    EXPECT_EQ(c.all<H2Response>().size(), interims == 5 ? 1U : 0U);
    EXPECT_EQ(c.all<H2Reset>().size(), interims == 5 ? 0U : 1U);
    EXPECT_EQ(c.first(kRstFrame, 1) != nullptr, interims == 6);
  }
}

TEST(H2ClientEngine, HeadLimitsHoldForOrigins) {
  H2Limits limits;
  limits.header_fields = 128;
  for (const std::size_t fields : {127U, 128U, 129U}) {
    Client c(false, limits);
    c.greet();
    ASSERT_TRUE(c.engine.request(get(), true));
    c.flush();
    ASSERT_TRUE(c.send(headers(1, status("200", FieldList(fields - 1, {"a", "b"})), true)));
    EXPECT_EQ(c.all<H2Response>().size(), fields <= 128 ? 1U : 0U) << fields;
    EXPECT_EQ(c.all<H2Reset>().size(), fields <= 128 ? 0U : 1U) << fields;
  }
}

TEST(H2ClientEngine, WritesTheRequestInHttp2Form) {
  // Read back by the other engine.
  Client c;
  H2Engine server(H2Limits{}, c.now);
  RequestHead head = get("/p?q", "POST");
  head.content_length = 4;
  head.fields.add("X-Upper", "  v ");
  head.fields.add("TE", "gzip");  // the head's own field counts
  head.takes_trailers = true;
  head.fields.add("Connection", "x");
  head.fields.add("Host", "b.test");
  const auto id = c.engine.request(head, false);
  ASSERT_TRUE(id);
  c.engine.offer(*id, piece("body", true));
  std::vector<char> out(64 * 1024);
  const std::size_t n = c.engine.fill(ByteSpan(out), c.now);
  ASSERT_TRUE(server.receive(ByteView(out.data(), n), c.now));
  auto event = server.next_event();
  ASSERT_TRUE(event);
  const auto* request = std::get_if<H2Request>(&*event);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->head.method, "POST");
  EXPECT_EQ(request->head.authority, "a.test");
  EXPECT_EQ(request->head.target, "/p?q");
  EXPECT_EQ(request->head.fields.find("x-upper"), "v");
  EXPECT_EQ(request->head.fields[0].name, "x-upper");
  EXPECT_EQ(request->head.fields.find("te"), "trailers");
  EXPECT_EQ(request->head.fields.find("content-length"), "4");
  EXPECT_EQ(request->head.fields.size(), 3U);
}

TEST(H2ClientEngine, ARequestThatCannotBeSentIsAFailure) {
  Client c;
  c.greet();
  RequestHead head = get();
  head.fields.add("x", "a\r\nb");
  const auto id = c.engine.request(head, true);
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, Code::Internal);
  EXPECT_EQ(c.engine.open_streams(), 0U);
}

TEST(H2ClientEngine, CapacityIsTheSmallerLimit) {
  Client c;
  c.greet({{3, 2}});
  ASSERT_TRUE(c.engine.request(get(), true));
  ASSERT_TRUE(c.engine.request(get(), true));
  EXPECT_FALSE(c.engine.has_capacity());
  const auto third = c.engine.request(get(), true);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::Overloaded);
  c.flush();
  ASSERT_TRUE(c.send(headers(1, status("200"), true)));
  EXPECT_TRUE(c.engine.has_capacity());

  Client many;
  many.greet({{3, 1000}});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(many.engine.request(get(), true)) << i;
  EXPECT_FALSE(many.engine.has_capacity());
}

TEST(H2ClientEngine, ABodyStopsAtTheWindowAndGoesOn) {
  Client c;
  c.greet({{4, 10}});
  const auto id = c.engine.request(get("/", "POST"), false);
  ASSERT_TRUE(id);
  EXPECT_EQ(c.engine.room(1), 2048U);  // read ahead, as with servers
  c.engine.offer(1, piece("0123456789abcdef", true));
  c.flush();
  EXPECT_EQ(c.first(kDataFrame, 1)->payload, "0123456789");
  ASSERT_TRUE(c.send(window_update(1, 100)));
  c.flush();
  EXPECT_EQ(c.frames.back().payload, "abcdef");
  EXPECT_TRUE(c.frames.back().ends());
}

TEST(H2ClientEngine, GoawaySaysWhichRequestsWereNotProcessed) {
  Client c;
  c.greet();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(c.engine.request(get(), true));
  c.flush();
  ASSERT_TRUE(c.send(goaway(1)));
  EXPECT_FALSE(c.engine.has_capacity());
  ASSERT_EQ(c.all<H2GoAway>().size(), 1U);
  const auto resets = c.all<H2Reset>();
  ASSERT_EQ(resets.size(), 2U);
  for (const auto& r : resets) {
    EXPECT_GT(r.stream, 1);
    EXPECT_TRUE(r.unprocessed);
  }
  ASSERT_TRUE(c.send(headers(1, status("200"), true)));
  EXPECT_EQ(c.all<H2Response>().size(), 1U);
  c.flush();
  EXPECT_TRUE(c.engine.done());
}

TEST(H2ClientEngine, ResetsSayWhetherARetryIsSafe) {
  struct Case {
    std::uint32_t code;
    bool head_first;
    bool unprocessed;
  };
  for (const Case& one : {Case{7, false, true}, Case{2, false, false}, Case{7, true, false}}) {
    Client c;
    c.greet();
    ASSERT_TRUE(c.engine.request(get(), true));
    c.flush();
    if (one.head_first) {
      ASSERT_TRUE(c.send(headers(1, status("200"), false)));
    }
    ASSERT_TRUE(c.send(rst(1, one.code)));
    const auto resets = c.all<H2Reset>();
    ASSERT_EQ(resets.size(), 1U);
    EXPECT_TRUE(resets[0].by_peer);
    EXPECT_EQ(resets[0].code, one.code);
    EXPECT_EQ(resets[0].unprocessed, one.unprocessed);
  }
}

TEST(H2ClientEngine, AResetBeforeTheHeadWasSentLeavesNoTrace) {
  Client c;
  c.greet();
  ASSERT_TRUE(c.engine.request(get(), true));
  c.engine.reset(1, H2Error::Cancel);
  EXPECT_EQ(c.engine.open_streams(), 0U);
  c.flush();
  EXPECT_EQ(c.first(kHeadersFrame), nullptr);
  EXPECT_EQ(c.first(kRstFrame), nullptr);
}

TEST(H2ClientEngine, AnAnswerThenNoErrorWhileTheBodyStillGoes) {
  Client c;
  c.greet();
  ASSERT_TRUE(c.engine.request(get("/", "POST"), false));
  c.flush();
  ASSERT_TRUE(c.send(headers(1, status("413"), true) + rst(1, 0)));
  ASSERT_EQ(c.all<H2Response>().size(), 1U);
  EXPECT_TRUE(c.all<H2Response>()[0].end);
  ASSERT_EQ(c.all<H2Reset>().size(), 1U);
  EXPECT_EQ(c.all<H2Reset>()[0].code, 0U);
}

// An origin must not do any of these: each ends the stream or the connection.
struct Bad {
  const char* name;
  Bytes bytes;
};
class H2ClientEngineBad : public testing::TestWithParam<Bad> {};
// [T36, T37]
TEST_P(H2ClientEngineBad, NeverLooksLikeAWholeAnswer) {
  for (const bool by_bytes : {false, true}) {
    Client c(by_bytes);
    c.greet();
    ASSERT_TRUE(c.engine.request(get(), true));
    c.flush();
    const bool ok = c.send(GetParam().bytes);
    c.flush();
    bool complete = false;
    for (const auto& r : c.all<H2Response>()) complete = complete || r.end;
    for (const auto& d : c.all<H2Data>()) complete = complete || d.end;
    EXPECT_FALSE(complete);
    EXPECT_TRUE(!ok || !c.all<H2Reset>().empty() || c.first(kGoAwayFrame) != nullptr);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Shapes, H2ClientEngineBad,
    testing::Values(
        Bad{"CrLfInValue", headers(1, status("200", {{"x", "a\r\nb"}}), true)},
        Bad{"NulInValue", headers(1, status("200", {{"x", std::string("a\0b", 3)}}), true)},
        Bad{"UpperCaseName", headers(1, status("200", {{"X", "a"}}), true)},
        Bad{"NoStatus", headers(1, {{"x", "a"}}, true)},
        Bad{"StatusOfFourDigits", headers(1, status("2000"), true)},
        Bad{"StatusBelowAHundred", headers(1, status("001"), false) + data(1, "x", true)},
        Bad{"StatusNotANumber", headers(1, status("2x0"), true)},
        Bad{"SwitchingProtocols", headers(1, status("101"), false)},
        Bad{"InterimWithEnd", headers(1, status("103"), true)},
        Bad{"TransferEncoding",
            headers(1, status("200", {{"transfer-encoding", "chunked"}}), true)},
        Bad{"ConnectionField", headers(1, status("200", {{"connection", "close"}}), true)},
        Bad{"ContentLengthTooLong",
            headers(1, status("200", {{"content-length", "5"}}), false) + data(1, "abc", true)},
        Bad{"ContentLengthTooShort",
            headers(1, status("200", {{"content-length", "2"}}), false) + data(1, "abc", true)},
        Bad{"DataBeforeHead", data(1, "abc", true)},
        Bad{"Push", frame(kPushFrame, kEndHeaders, 1, be32(2) + block(request_fields()))},
        Bad{"StreamOfItsOwn", headers(2, status("200"), true)},
        Bad{"PseudoInTrailers",
            headers(1, status("200"), false) + headers(1, {{":status", "200"}}, true)}),
    [](const auto& shape) { return shape.param.name; });

struct Flood {
  const char* name;
  Bytes bytes;
  int most;
};
class H2ClientEngineFlood : public testing::TestWithParam<Flood> {};
// [T54]
TEST_P(H2ClientEngineFlood, AHostileOriginIsStopped) {
  for (const bool deaf : {false, true}) {
    Client c;
    c.greet();
    ASSERT_TRUE(c.engine.request(get(), true));
    c.flush();
    ASSERT_TRUE(c.send(headers(1, status("200"), false)));
    int sent = 0;
    for (; sent < 20'000; ++sent) {
      if (!c.send(GetParam().bytes)) break;
      if (!deaf) c.flush();
    }
    EXPECT_LE(sent, GetParam().most);
    ASSERT_TRUE(c.failure);
    EXPECT_EQ(c.failure->code, Code::UpstreamBroken);
    c.flush();
    EXPECT_TRUE(c.engine.done());
    EXPECT_FALSE(c.engine.has_capacity());
  }
}
INSTANTIATE_TEST_SUITE_P(Shapes, H2ClientEngineFlood,
                         testing::Values(Flood{"Ping", ping(), 101},
                                         Flood{"Settings", settings(), 101},
                                         Flood{"WindowUpdate", window_update(0, 1), 1001},
                                         Flood{"Unknown", frame(0xbb, 0, 0, ""), 1001},
                                         Flood{"GoAway", goaway(1), 1001},
                                         Flood{"EmptyData", data(1, ""), 11}),
                         [](const auto& shape) { return shape.param.name; });

TEST(H2ClientEngine, ResponseBytesAreCreditedWhenRead) {
  Client c;
  c.greet();
  ASSERT_TRUE(c.engine.request(get(), true));
  c.flush();
  ASSERT_TRUE(c.send(headers(1, status("200"), false)));
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(c.send(data(1, Bytes(16384, 'x'))));
  c.flush();
  EXPECT_EQ(c.first(kWindowFrame), nullptr);
  c.engine.consumed(1, 128 * 1024);
  c.flush();
  ASSERT_NE(c.first(kWindowFrame, 1), nullptr);
  EXPECT_EQ(c.first(kWindowFrame, 1)->word(), 128U * 1024);
}

}  // namespace
}  // namespace bottle
