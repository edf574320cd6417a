#include "proxy/http/h2_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/http/h2_client_engine.h"
#include "support/h2_frames.h"
#include "unit/http/h2_engine_peer.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// Whole, and byte by byte: the same events.
class H2EngineFed : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Feed, H2EngineFed, testing::Values(false, true),
                         [](const auto& shape) { return shape.param ? "ByteByByte" : "Whole"; });

TEST_P(H2EngineFed, SettingsSayWhatIsAllowed) {
  Server s(GetParam());
  ASSERT_TRUE(s.exchange(kClientPreface + settings()));
  const SeenFrame* ours = s.first(kSettingsFrame);
  ASSERT_NE(ours, nullptr);
  std::vector<std::pair<unsigned, unsigned>> seen;
  for (std::size_t i = 0; i + 6 <= ours->payload.size(); i += 6) {
    seen.emplace_back(ours->word(i) >> 16U, ours->word(i + 2));
  }
  const std::vector<std::pair<unsigned, unsigned>> want{
      {4, 262144}, {6, 65536}, {1, 4096}, {3, 100}, {9, 1}};
  EXPECT_EQ(seen, want);  // and no ENABLE_CONNECT_PROTOCOL (8)
  const SeenFrame* window = s.first(kWindowFrame, 0);
  ASSERT_NE(window, nullptr);
  EXPECT_EQ(window->word(), 1024U * 1024U - 65535U);
  EXPECT_FALSE(s.engine.settings_acked());
  ASSERT_TRUE(s.send(settings_ack()));
  EXPECT_TRUE(s.engine.settings_acked());
}

TEST_P(H2EngineFed, ARequestIsOneHead) {
  Server s(GetParam());
  s.greet();
  FieldList fields = request_fields("GET", "/x?y");
  fields.insert(fields.end(), {{"accept", "a"}, {"cookie", "a=1"}, {"cookie", "b=2"}});
  ASSERT_TRUE(s.send(headers(1, fields, true)));
  const auto requests = s.all<H2Request>();
  ASSERT_EQ(requests.size(), 1U);
  const H2Request& r = requests[0];
  EXPECT_EQ(r.stream, 1);
  EXPECT_TRUE(r.end);
  EXPECT_FALSE(r.refused);
  EXPECT_EQ(r.head.version, Version::Http2);
  EXPECT_EQ(r.head.method, "GET");
  EXPECT_EQ(r.head.scheme, Scheme::Https);
  EXPECT_EQ(r.head.authority, "a.test");
  EXPECT_EQ(r.head.target, "/x?y");
  EXPECT_FALSE(r.head.has_body);
  ASSERT_EQ(r.head.fields.size(), 3U);
  EXPECT_EQ(r.head.fields[1].value, "a=1");
  EXPECT_EQ(r.head.fields[2].value, "b=2");
}

TEST_P(H2EngineFed, ABodyComesInOrderAndEnds) {
  Server s(GetParam());
  s.greet();
  ASSERT_TRUE(
      s.send(headers(1, request_fields("POST"), false) + data(1, "abc") + data(1, "def", true)));
  const auto requests = s.all<H2Request>();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_TRUE(requests[0].head.has_body);
  EXPECT_FALSE(requests[0].end);
  Bytes body;
  bool ended = false;
  for (const auto& d : s.all<H2Data>()) {
    EXPECT_FALSE(ended);
    body += d.data;
    ended = d.end;
  }
  EXPECT_EQ(body, "abcdef");
  EXPECT_TRUE(ended);
}

TEST_P(H2EngineFed, TrailersOfARequestAreTold) {
  Server s(GetParam());
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields("POST"), false) + data(1, "abc") +
                     headers(1, {{"x-sum", "1"}}, true)));
  const auto trailers = s.all<H2Trailers>();
  ASSERT_EQ(trailers.size(), 1U);
  EXPECT_EQ(trailers[0].fields.find("x-sum"), "1");
}

// The library resets these; nothing of them is told.
struct Malformed {
  const char* name;
  FieldList fields;
};
FieldList with(FieldList more) {
  FieldList fields = request_fields();
  for (auto& f : more) fields.push_back(std::move(f));
  return fields;
}
class H2EngineMalformed : public testing::TestWithParam<Malformed> {};
// [T31, T33]
TEST_P(H2EngineMalformed, ResetsTheStreamAndTellsNobody) {
  for (const bool by_bytes : {false, true}) {
    Server s(by_bytes);
    s.greet();
    ASSERT_TRUE(s.exchange(headers(1, GetParam().fields, true)));
    EXPECT_TRUE(s.events.empty());
    EXPECT_EQ(s.rst_code(1), 1) << "PROTOCOL_ERROR";
    EXPECT_EQ(s.engine.open_streams(), 0U);
    // The connection goes on.
    ASSERT_TRUE(s.exchange(headers(3, request_fields(), true)));
    EXPECT_EQ(s.all<H2Request>().size(), 1U);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Shapes, H2EngineMalformed,
    testing::Values(
        Malformed{"CrLfInValue", with({{"x", "a\r\nb: c"}})},
        Malformed{"LfInValue", with({{"x", "a\nb"}})},
        Malformed{"CrInValue", with({{"x", "a\rb"}})},
        Malformed{"NulInValue", with({{"x", std::string("a\0b", 3)}})},
        Malformed{"LfInName", with({{"x\ny", "a"}})},
        Malformed{"SpaceInName", with({{"x y", "a"}})},
        Malformed{"SpaceAfterName", with({{"x ", "a"}})},
        Malformed{"ColonInName", with({{"x:y", "a"}})}, Malformed{"EmptyName", with({{"", "a"}})},
        Malformed{"UpperCaseName", with({{"X-Y", "a"}})},
        Malformed{"HighByteInName", with({{"x\x80", "a"}})},
        Malformed{"Connection", with({{"connection", "close"}})},
        Malformed{"TransferEncoding", with({{"transfer-encoding", "chunked"}})},
        Malformed{"Upgrade", with({{"upgrade", "h2c"}})},
        Malformed{"TeGzip", with({{"te", "gzip"}})},
        Malformed{"UnknownPseudo", with({{":x", "a"}})},
        Malformed{"PseudoAfterField",
                  [] {
                    FieldList f = request_fields();
                    f.insert(f.begin(), {"x", "y"});
                    return f;
                  }()},
        Malformed{"TwoPaths", with({{":path", "/b"}})},
        Malformed{"NoMethod", {{":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}}},
        Malformed{"NoPath", {{":scheme", "https"}, {":authority", "a.test"}, {":method", "GET"}}},
        Malformed{"EmptyPath", request_fields("GET", "")},
        Malformed{"SpaceInPath", request_fields("GET", "/a b")},
        Malformed{"TwoContentLengths", with({{"content-length", "0"}, {"content-length", "0"}})},
        Malformed{"EndWithContentLength", with({{"content-length", "3"}})},
        Malformed{"ExtendedConnectWithoutSetting",
                  {{":method", "CONNECT"},
                   {":protocol", "websocket"},
                   {":scheme", "https"},
                   {":authority", "a.test"},
                   {":path", "/"}}}),
    [](const auto& shape) { return shape.param.name; });

// [T33]
TEST_P(H2EngineFed, ContentLengthThatDataBreaksIsAReset) {
  for (const char* length : {"2", "4"}) {
    Server s(GetParam());
    s.greet();
    FieldList fields = request_fields("POST");
    fields.emplace_back("content-length", length);
    ASSERT_TRUE(s.exchange(headers(1, fields, false) + data(1, "abc", true)));
    const auto resets = s.all<H2Reset>();
    if (!GetParam()) {
      // All in one go: the request is not announced, or its reset is.
      EXPECT_EQ(s.all<H2Request>().size(), resets.size());
    } else {
      ASSERT_EQ(resets.size(), 1U);
      EXPECT_FALSE(resets[0].by_peer);
    }
    EXPECT_EQ(s.rst_code(1), 1);
    for (const auto& d : s.all<H2Data>()) EXPECT_FALSE(d.end);
  }
}

// A head that the library lets through is handed up as it is, for framing_rules to refuse.
// [T32]
TEST_P(H2EngineFed, WhatTheLibraryDeliversIsHandedUpUnchanged) {
  Server s(GetParam());
  s.greet();
  FieldList fields = {
      {":method", "get"},          {":scheme", "https"}, {":authority", "user@a.test:x"},
      {":path", "/a#b\\"},         {"host", "b.test"},   {"content-length", "003"},
      {"proxy-authorization", "x"}};
  ASSERT_TRUE(s.send(headers(1, fields, false)));
  const auto requests = s.all<H2Request>();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].head.method, "get");
  EXPECT_EQ(requests[0].head.authority, "user@a.test:x");
  EXPECT_EQ(requests[0].head.target, "/a#b\\");
  EXPECT_EQ(requests[0].head.fields.find("host"), "b.test");
  EXPECT_EQ(requests[0].head.fields.find("content-length"), "003");
}

// [T32]
TEST_P(H2EngineFed, ASchemeOfAnotherKindIsRefused) {
  Server s(GetParam());
  s.greet();
  FieldList fields = request_fields();
  fields[1].second = "ftp";
  ASSERT_TRUE(s.send(headers(1, fields, true)));
  const auto requests = s.all<H2Request>();
  ASSERT_EQ(requests.size(), 1U);
  ASSERT_TRUE(requests[0].refused);
  EXPECT_EQ(requests[0].refused->code, Code::ClientBad);
}

TEST_P(H2EngineFed, ConnectIsHandedUpWithoutATarget) {
  Server s(GetParam());
  s.greet();
  ASSERT_TRUE(s.send(headers(1, {{":method", "CONNECT"}, {":authority", "a.test:443"}}, false)));
  const auto requests = s.all<H2Request>();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].head.method, "CONNECT");
  EXPECT_EQ(requests[0].head.target, "");
}

TEST_P(H2EngineFed, SpaceAroundAValueIsTakenOff) {
  Server s(GetParam());
  s.greet();
  ASSERT_TRUE(s.send(headers(1, with({{"x", " \ta b \t"}}), true)));
  const auto requests = s.all<H2Request>();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].head.fields.find("x"), "a b");
}

TEST(H2Engine, NotHttp2IsAFailure) {
  Server s;
  EXPECT_FALSE(s.exchange("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  EXPECT_EQ(s.failure->code, Code::ClientBad);
  EXPECT_FALSE(s.engine.receive(kClientPreface, s.now));
  EXPECT_TRUE(s.engine.done());
}

// ---- limits

TEST(H2Engine, FieldLimitMinusOneAtAndPlusOne) {
  for (const int fields : {99, 100, 101}) {
    Server s;
    s.greet();
    FieldList list = request_fields();
    while (static_cast<int>(list.size()) < fields) list.emplace_back("cookie", "a=1");
    ASSERT_TRUE(s.send(headers(1, list, true)));
    const auto requests = s.all<H2Request>();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].refused.has_value(), fields > 100) << fields;
    if (requests[0].refused) {
      EXPECT_EQ(requests[0].refused->code, Code::HeadTooLarge);
    }
  }
}

TEST(H2Engine, HeaderBytesLimitMinusOneAtAndPlusOne) {
  std::size_t used = 32 + 1;  // the field "x" itself
  for (const auto& [name, value] : request_fields()) used += 32 + name.size() + value.size();
  for (const int off : {-1, 0, 1}) {
    Server s;
    s.greet();
    const std::size_t size = 65536 - used + static_cast<std::size_t>(off + 1) - 1;
    ASSERT_TRUE(s.send(headers(1, with({{"x", std::string(size, 'v')}}), true)));
    const auto requests = s.all<H2Request>();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].refused.has_value(), off > 0) << off;
  }
}

// [T53]
TEST(H2Engine, AnHpackBombIsDecodedButNotKept) {
  // One 4 000-byte entry in the dynamic table, then thousands of one-byte references to it.
  Server s;
  s.greet();
  Bytes bomb = block(request_fields());
  bomb += '\x40';  // literal with incremental indexing, new name
  bomb += hpack_int(1, 7) + "x" + hpack_int(4000, 7) + Bytes(4000, 'v');
  bomb += Bytes(12'000, '\xbe');  // indexed: 62
  ASSERT_LT(bomb.size(), 16384U + 100);
  const std::string_view all(bomb);
  ASSERT_TRUE(s.send(frame(kHeadersFrame, kEndStream, 1, all.substr(0, 16000)) +
                     frame(kContinuationFrame, kEndHeaders, 1, all.substr(16000))));
  const auto requests = s.all<H2Request>();
  ASSERT_EQ(requests.size(), 1U);
  ASSERT_TRUE(requests[0].refused);
  EXPECT_LE(requests[0].head.fields.list_size(), 65536U);
  // It can be answered, and HPACK is in step.
  ResponseHead head = ok_head();
  head.status = 431;
  EXPECT_TRUE(s.engine.respond(1, head, true));
  ASSERT_TRUE(s.exchange(headers(3, request_fields(), true)));
  EXPECT_EQ(s.all<H2Request>().size(), 2U);
}

// [T53]
TEST(H2Engine, OversizedHeadsAreAFlood) {
  Server s;
  s.greet();
  const FieldList list = with(FieldList(200, {"a", "b"}));
  int sent = 0;
  for (; sent < 1000; ++sent) {
    const StreamId id = 2 * sent + 1;
    if (!s.send(headers(id, list, true))) break;
    ResponseHead head = ok_head();
    head.status = 431;
    ASSERT_TRUE(s.engine.respond(id, head, true));
    s.flush();
  }
  EXPECT_EQ(sent, 100);
  s.flush();
  EXPECT_EQ(s.goaway_code(), 0xb);
}

TEST(H2Engine, TrailersOverTheLimitResetTheStream) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields("POST"), false)));
  ASSERT_TRUE(s.exchange(headers(1, FieldList(101, {"a", "b"}), true)));
  EXPECT_TRUE(s.all<H2Trailers>().empty());
  EXPECT_EQ(s.all<H2Reset>().size(), 1U);
  EXPECT_EQ(s.rst_code(1), 0xb);
}

TEST(H2Engine, AHundredStreamsAndNoMore) {
  Server s;
  s.greet();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(s.exchange(headers(2 * i + 1, request_fields(), true))) << i;
  }
  EXPECT_EQ(s.engine.open_streams(), 100U);
  EXPECT_EQ(s.goaway_code(), -1);
  s.exchange(headers(201, request_fields(), true));
  EXPECT_EQ(s.all<H2Request>().size(), 100U);
  EXPECT_NE(s.goaway_code(), -1);
  EXPECT_TRUE(s.engine.done());
}

TEST(H2Engine, BeforeItKnowsTheLimitAClientIsRefusedAStreamNotTheConnection) {
  Server s;
  ASSERT_TRUE(s.exchange(kClientPreface + settings()));
  Bytes many;
  for (int i = 0; i < 101; ++i) many += headers(2 * i + 1, request_fields(), true);
  ASSERT_TRUE(s.exchange(many));
  EXPECT_EQ(s.all<H2Request>().size(), 100U);
  EXPECT_EQ(s.rst_code(201), 7);
  EXPECT_EQ(s.goaway_code(), -1);
}

// ---- answers

TEST(H2Engine, AnAnswerIsHeadAndBodyAndEnd) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("hello"));
  s.engine.offer(1, piece("", true));
  s.flush();
  ASSERT_EQ(s.count(kHeadersFrame, 1), 1U);
  EXPECT_EQ(s.body_bytes(1), 5U);
  EXPECT_TRUE(s.frames.back().ends());
  EXPECT_EQ(s.all<H2Closed>().size(), 1U);
  EXPECT_EQ(s.engine.open_streams(), 0U);
}

TEST(H2Engine, TheEndMayComeWithoutBytes) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.flush();
  EXPECT_EQ(s.engine.open_streams(), 1U);
  s.engine.offer(1, piece("", true));
  s.flush();
  EXPECT_TRUE(s.frames.back().ends());
}

TEST(H2Engine, ManyFramesAreOneWrite) {
  Server s;
  s.greet();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(s.send(headers(2 * i + 1, request_fields(), true)));
    ASSERT_TRUE(s.engine.respond(2 * i + 1, ok_head(), false));
    s.engine.offer(2 * i + 1, piece("hello", true));
  }
  std::vector<char> out(64 * 1024);
  const std::size_t n = s.engine.fill(ByteSpan(out), s.now);
  EXPECT_GT(n, 20U * (9 + 5));
  EXPECT_EQ(s.engine.fill(ByteSpan(out), s.now), 0U);
}

TEST(H2Engine, FramesSurviveASmallOutputBuffer) {
  for (const std::size_t buffer : {600U, 1000U, 5000U, 20000U}) {
    Server s;
    s.greet();
    ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
    ResponseHead head = ok_head();
    head.fields.add("x-long", std::string(30'000, 'v'));
    ASSERT_TRUE(s.engine.respond(1, head, false));
    s.engine.offer(1, piece(Bytes(30'000, 'b'), true));
    s.flush(buffer);
    EXPECT_EQ(s.body_bytes(1), 30'000U) << buffer;
    EXPECT_TRUE(s.frames.back().ends());
    EXPECT_EQ(s.all<H2Closed>().size(), 1U);
  }
}

TEST(H2Engine, AHeadThatCannotBeSentIsAFailureAndQueuesNothing) {
  for (const auto& [name, value] :
       FieldList{{"x", "a\r\nb"}, {"x y", "a"}, {"", "a"}, {":x", "a"}}) {
    Server s;
    s.greet();
    ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
    ResponseHead head = ok_head();
    head.fields.add(name, value);
    const auto result = s.engine.respond(1, head, true);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::Internal);
    // Another answer may take its place.
    ASSERT_TRUE(s.engine.respond(1, ok_head(), true));
    s.flush();
    EXPECT_EQ(s.count(kHeadersFrame, 1), 1U);
  }
}

TEST(H2Engine, ResetDropsWhatIsQueued) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("hello"));
  s.engine.reset(1, H2Error::Cancel);
  EXPECT_EQ(s.engine.queued(), 0U);
  s.flush();
  EXPECT_EQ(s.rst_code(1), 8);
  EXPECT_EQ(s.body_bytes(1), 0U);
}

TEST(H2Engine, ACutBodySendsWhatItHasAndNeverEnds) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("hello"));
  s.engine.cut(1, H2Error::InternalError);
  s.flush();
  ASSERT_EQ(s.frames.size(), 3U);
  EXPECT_EQ(s.frames[0].type, kHeadersFrame);
  EXPECT_EQ(s.frames[1].payload, "hello");
  EXPECT_FALSE(s.frames[1].ends());
  EXPECT_EQ(s.rst_code(1), 2);
  EXPECT_EQ(s.engine.open_streams(), 0U);
}

TEST(H2Engine, ACutBodyDoesNotWaitForAClosedWindow) {
  Server s;
  s.greet({{4, 0}});
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("hello"));
  s.engine.cut(1, H2Error::InternalError);
  s.flush();
  EXPECT_EQ(s.count(kHeadersFrame, 1), 1U);
  EXPECT_EQ(s.rst_code(1), 2);
  EXPECT_EQ(s.engine.queued(), 0U);
}

// ---- flow control

TEST(H2Engine, RoomIsTheSmallestOfQueueAndWindows) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  EXPECT_EQ(s.engine.room(1), 65535U);  // the default window
  s.engine.offer(1, piece(Bytes(10'000, 'x')));
  EXPECT_EQ(s.engine.room(1), 55'535U);
  ASSERT_TRUE(s.send(window_update(1, 1'000'000) + window_update(0, 1'000'000)));
  EXPECT_EQ(s.engine.room(1), 55'536U);  // 64 KiB queue
  EXPECT_EQ(s.engine.room(99), 0U);
}

TEST(H2Engine, AnExhaustedWindowStopsAndResumes) {
  Server s;
  s.greet({{4, 1000}});
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece(Bytes(5000, 'x'), true));
  s.flush();
  EXPECT_EQ(s.body_bytes(1), 1000U);
  EXPECT_FALSE(s.engine.wants_write());
  ASSERT_TRUE(s.exchange(window_update(1, 500)));
  EXPECT_EQ(s.body_bytes(1), 1500U);
  ASSERT_TRUE(s.exchange(settings({{4, 100'000}})));
  EXPECT_EQ(s.body_bytes(1), 5000U);
  EXPECT_TRUE(
      std::any_of(s.frames.begin(), s.frames.end(), [](const SeenFrame& f) { return f.ends(); }));
}

TEST(H2Engine, TheConnectionWindowHoldsAllStreams) {
  Server s;
  s.greet({{4, 1'000'000}});
  for (const StreamId id : {1, 3}) {
    ASSERT_TRUE(s.send(headers(id, request_fields(), true)));
    ASSERT_TRUE(s.engine.respond(id, ok_head(), false));
    s.engine.offer(id, piece(Bytes(60'000, 'x')));
  }
  s.flush();
  EXPECT_EQ(s.body_bytes(1) + s.body_bytes(3), 65535U);
  ASSERT_TRUE(s.exchange(window_update(0, 100'000)));
  EXPECT_EQ(s.body_bytes(1) + s.body_bytes(3), 120'000U);
}

TEST(H2Engine, StreamsTakeTurns) {
  Server s;
  s.greet({{4, 1'000'000}});
  ASSERT_TRUE(s.send(window_update(0, 10'000'000)));
  for (const StreamId id : {1, 3}) {
    ASSERT_TRUE(s.send(headers(id, request_fields(), true)));
    ASSERT_TRUE(s.engine.respond(id, ok_head(), false));
    s.engine.offer(id, piece(Bytes(100'000, 'x')));
  }
  s.flush();
  std::vector<StreamId> order;
  for (const auto& f : s.frames) {
    if (f.type == kDataFrame) order.push_back(f.stream);
  }
  ASSERT_GE(order.size(), 8U);
  EXPECT_NE(order[0], order[1]);
  EXPECT_NE(order[2], order[3]);
}

TEST(H2Engine, ASlowReaderHoldsNoMoreThanTheCap) {
  Server s;
  s.greet({{4, 0x7fffffff}});
  ASSERT_TRUE(s.send(window_update(0, 0x7fffffff - 65535)));
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    const StreamId id = 2 * i + 1;
    ASSERT_TRUE(s.send(headers(id, request_fields(), true)));
    ASSERT_TRUE(s.engine.respond(id, ok_head(), false));
    // The peer takes nothing (fill is never called); the session reads as long as there is room.
    std::size_t held = 0;
    while (const std::size_t room = s.engine.room(id)) {
      s.engine.offer(id, piece(Bytes(room, 'x')));
      held += room;
    }
    most = std::max(most, held);
  }
  EXPECT_EQ(most, 64U * 1024);
  EXPECT_EQ(s.engine.queued(), 256U * 1024);
}

TEST(H2Engine, AClosedWindowStillLetsALittleBeReadAhead) {
  Server s;
  s.greet({{4, 0}});
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  EXPECT_EQ(s.engine.room(1), 2048U);
  s.engine.offer(1, piece(Bytes(2048, 'x')));
  EXPECT_EQ(s.engine.room(1), 0U);
  s.flush();
  EXPECT_EQ(s.body_bytes(1), 0U);
  EXPECT_TRUE(s.all<H2Writable>().empty());
  ASSERT_TRUE(s.exchange(window_update(1, 10'000)));
  EXPECT_EQ(s.body_bytes(1), 2048U);
  EXPECT_EQ(s.all<H2Writable>().size(), 1U);
  EXPECT_GT(s.engine.room(1), 0U);
}

TEST(H2Engine, WritableIsToldOnceWhenTheQueueDrains) {
  Server s;
  s.greet({{4, 1'000'000}});
  ASSERT_TRUE(s.send(window_update(0, 1'000'000) + headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece(Bytes(64 * 1024, 'x')));
  EXPECT_EQ(s.engine.room(1), 0U);
  EXPECT_EQ(s.engine.room(1), 0U);
  s.flush();
  EXPECT_EQ(s.all<H2Writable>().size(), 1U);
}

TEST(H2Engine, CreditIsGivenWhenReadInLargeSteps) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields("POST"), false)));
  const Bytes frame16(16384, 'x');
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(s.exchange(data(1, frame16)));
  EXPECT_EQ(s.count(kWindowFrame), 0U);  // nothing was read
  for (int i = 0; i < 16; ++i) {
    s.engine.consumed(1, 16384);
    s.flush();
  }
  EXPECT_EQ(s.count(kWindowFrame, 1), 2U);  // half a window each
  EXPECT_EQ(s.first(kWindowFrame, 1)->word(), 128U * 1024);
  // One byte more than the window is the client's error.
  Server full;
  full.greet();
  ASSERT_TRUE(full.send(headers(1, request_fields("POST"), false)));
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(full.exchange(data(1, frame16)));
  full.exchange(data(1, "x"));
  EXPECT_TRUE(full.rst_code(1) == 3 || full.goaway_code() == 3);
}

TEST(H2Engine, LostStreamsGiveTheirWindowBack) {
  Server s;
  s.greet();
  const Bytes frame16(16384, 'x');
  std::size_t credit = 1024 * 1024;
  std::size_t sent = 0;
  // 40 × 64 KiB is more than the connection's window; none of it is ever read.
  for (int i = 0; i < 40; ++i) {
    const StreamId id = 2 * i + 1;
    ASSERT_TRUE(s.exchange(headers(id, request_fields("POST"), false)));
    for (int k = 0; k < 4; ++k) {
      ASSERT_LE(sent + 16384, credit) << i;
      ASSERT_TRUE(s.exchange(data(id, frame16)));
      sent += 16384;
    }
    if (i % 2 == 0) {
      ASSERT_TRUE(s.exchange(rst(id)));
    } else {
      s.engine.reset(id, H2Error::Cancel);
      s.flush();
    }
    credit = 1024 * 1024;
    for (const auto& f : s.frames) {
      if (f.type == kWindowFrame && f.stream == 0) credit += f.word();
    }
  }
  EXPECT_EQ(s.engine.open_streams(), 0U);
}

TEST(H2Engine, UnreadBytesOfAFinishedStreamKeepTheWindowDown) {
  Server s;
  s.greet();
  ASSERT_TRUE(
      s.exchange(headers(1, request_fields("POST"), false) + data(1, Bytes(16384, 'x'), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), true));
  s.flush();
  EXPECT_EQ(s.all<H2Closed>().size(), 1U);
  EXPECT_EQ(s.engine.open_streams(), 1U);
  s.engine.reset(1, H2Error::Cancel);  // they will not be read
  s.flush();
  EXPECT_EQ(s.engine.open_streams(), 0U);
  EXPECT_EQ(s.rst_code(1), -1);
}

// ---- resets, GOAWAY

TEST(H2Engine, AResetByTheClientIsTold) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.exchange(rst(1, 8)));
  const auto resets = s.all<H2Reset>();
  ASSERT_EQ(resets.size(), 1U);
  EXPECT_TRUE(resets[0].by_peer);
  EXPECT_EQ(resets[0].code, 8U);
  EXPECT_EQ(s.engine.room(1), 0U);
  EXPECT_TRUE(s.engine.respond(1, ok_head(), true));  // too late, and no error
  s.flush();
  EXPECT_EQ(s.count(kHeadersFrame), 0U);
}

// [T50]
TEST(H2Engine, ARequestThatIsResetAtOnceNeverWas) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields("POST"), false) + data(1, "abc") + rst(1)));
  EXPECT_TRUE(s.events.empty());
  EXPECT_EQ(s.engine.open_streams(), 0U);
}

// [T50]
TEST(H2Engine, RapidResetIsStoppedAtAHundred) {
  for (const bool deaf : {false, true}) {
    Server s;
    s.greet();
    int sent = 0;
    for (; sent < 10'000; ++sent) {
      const StreamId id = 2 * sent + 1;
      if (!s.send(headers(id, request_fields(), true) + rst(id))) break;
      if (!deaf) s.flush();
    }
    EXPECT_EQ(sent, 100);
    EXPECT_EQ(s.failure->code, Code::ClientFlood);
    s.flush();
    EXPECT_EQ(s.goaway_code(), 0xb) << "ENHANCE_YOUR_CALM";
    EXPECT_TRUE(s.engine.done());
  }
}

struct YouReset {
  const char* name;
  // Frames that make the server reset stream `id`.
  Bytes (*make)(StreamId id);
};
class H2EngineMadeYouReset : public testing::TestWithParam<YouReset> {};
// [T51]
TEST_P(H2EngineMadeYouReset, IsStoppedWithinTheNumbers) {
  for (const bool deaf : {false, true}) {
    Server s;
    s.greet();
    int sent = 0;
    for (; sent < 10'000; ++sent) {
      if (!s.send(GetParam().make(2 * sent + 1))) break;
      if (s.engine.done()) break;
      if (!deaf) s.flush();
    }
    if (deaf) {
      // No more events come for streams whose answers are not read.
      EXPECT_LE(s.all<H2Request>().size(), 110U);
      s.flush();
    } else {
      EXPECT_LE(sent, 110);
    }
    EXPECT_NE(s.goaway_code(), -1);
    EXPECT_TRUE(s.engine.done());
  }
}
INSTANTIATE_TEST_SUITE_P(
    Shapes, H2EngineMadeYouReset,
    testing::Values(YouReset{"WindowOverflow",
                             [](StreamId id) {
                               return headers(id, request_fields(), true) +
                                      window_update(id, 0x7fffffff);
                             }},
                    YouReset{"ContentLengthMismatch",
                             [](StreamId id) {
                               FieldList fields = request_fields("POST");
                               fields.emplace_back("content-length", "1");
                               return headers(id, fields, false) + data(id, "abc", true);
                             }},
                    YouReset{"MalformedField",
                             [](StreamId id) { return headers(id, with({{"X", "y"}}), true); }},
                    YouReset{"DataAfterEnd",
                             [](StreamId id) {
                               return headers(id, request_fields(), true) + data(id, "x");
                             }},
                    YouReset{"ZeroWindowUpdate",
                             [](StreamId id) {
                               return headers(id, request_fields(), true) + window_update(id, 0);
                             }}),
    [](const auto& shape) { return shape.param.name; });

// [T52]
TEST(H2Engine, ContinuationsAreBounded) {
  Server s;
  s.greet();
  Bytes flood = frame(kHeadersFrame, kEndStream, 1, block(request_fields()));
  for (int i = 0; i < 20; ++i) flood += frame(kContinuationFrame, 0, 1, "");
  EXPECT_FALSE(s.exchange(flood));
  EXPECT_TRUE(s.events.empty());
  EXPECT_EQ(s.goaway_code(), 0xb);
}

// [T52]
TEST(H2Engine, EightContinuationsAreFine) {
  Server s;
  s.greet();
  Bytes all = frame(kHeadersFrame, kEndStream, 1, block(request_fields()));
  for (int i = 0; i < 7; ++i) all += frame(kContinuationFrame, 0, 1, literal("x", "y"));
  all += frame(kContinuationFrame, kEndHeaders, 1, literal("x", "y"));
  ASSERT_TRUE(s.exchange(all));
  ASSERT_EQ(s.all<H2Request>().size(), 1U);
  EXPECT_EQ(s.all<H2Request>()[0].head.fields.count("x"), 8U);
}

struct Flood {
  const char* name;
  Bytes bytes;
  int most;
};
class H2EngineFlood : public testing::TestWithParam<Flood> {};
// [T54]
TEST_P(H2EngineFlood, IsStoppedDrainedAndDeaf) {
  for (const bool deaf : {false, true}) {
    Server s;
    s.greet();
    ASSERT_TRUE(s.exchange(headers(1, request_fields("POST"), false)));
    int sent = 0;
    for (; sent < 20'000; ++sent) {
      if (!s.send(GetParam().bytes)) break;
      if (!deaf) s.flush();
      if (s.engine.done()) break;
    }
    EXPECT_LE(sent, GetParam().most);
    s.flush();
    EXPECT_NE(s.goaway_code(), -1);
    EXPECT_TRUE(s.engine.done());
  }
}
INSTANTIATE_TEST_SUITE_P(
    Shapes, H2EngineFlood,
    testing::Values(Flood{"Ping", ping(), 101}, Flood{"Settings", settings(), 101},
                    Flood{"Priority", frame(kPriorityFrame, 0, 5, be32(0) + Bytes(1, '\1')), 1001},
                    Flood{"WindowUpdate", window_update(0, 1), 1001},
                    Flood{"Unknown", frame(0xbb, 0, 0, ""), 1001},
                    Flood{"EmptyData", data(1, ""), 11},
                    Flood{"PaddedEmptyData",
                          frame(kDataFrame, kPadded, 1, Bytes(1, '\3') + Bytes(3, '\0')), 11}),
    [](const auto& shape) { return shape.param.name; });

TEST(H2Engine, SettingsWithManyEntriesEndTheConnection) {
  Server s;
  s.greet();
  Bytes payload;
  for (int i = 0; i < 64; ++i) payload += be32(4).substr(2) + be32(65535);
  s.exchange(frame(kSettingsFrame, 0, 0, payload));
  EXPECT_NE(s.goaway_code(), -1);
  EXPECT_TRUE(s.engine.done());
}

TEST(H2Engine, CongestedWhenThePeerDoesNotRead) {
  Server s;
  s.greet();
  EXPECT_FALSE(s.engine.congested());
  H2Limits limits;
  limits.flood.ping_settings = {100'000, 1};
  limits.flood.control_frames = {100'000, 1};
  Server deaf(false, limits);
  deaf.greet();
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(deaf.send(ping()));
  EXPECT_TRUE(deaf.engine.congested());
  bool ok = true;
  for (int i = 0; i < 600 && ok; ++i) ok = deaf.send(ping());
  EXPECT_FALSE(ok);
}

TEST(H2Engine, AFloodAmidstGoodFramesKeepsTheGoodOnes) {
  Server s;
  s.greet();
  Bytes all = headers(1, request_fields(), true);
  for (int i = 0; i < 200; ++i) all += ping();
  EXPECT_FALSE(s.send(all));
  EXPECT_EQ(s.all<H2Request>().size(), 1U);
}

TEST(H2Engine, DrainIsTwoGoawaysThenDone) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields(), true)));
  s.engine.shutdown_notice();
  s.flush();
  ASSERT_EQ(s.count(kGoAwayFrame), 1U);
  EXPECT_EQ(s.first(kGoAwayFrame)->word() & 0x7fffffffU, 0x7fffffffU);
  ASSERT_TRUE(s.exchange(headers(3, request_fields(), true)));  // was on its way
  EXPECT_EQ(s.all<H2Request>().size(), 2U);
  s.engine.goaway(H2Error::NoError);
  s.flush();
  ASSERT_EQ(s.count(kGoAwayFrame), 2U);
  EXPECT_EQ(s.frames.back().word(), 3U);
  ASSERT_TRUE(s.exchange(headers(5, request_fields(), true)));  // too late: ignored
  EXPECT_EQ(s.all<H2Request>().size(), 2U);
  EXPECT_FALSE(s.engine.done());
  for (const StreamId id : {1, 3}) ASSERT_TRUE(s.engine.respond(id, ok_head(), true));
  s.flush();
  EXPECT_TRUE(s.engine.done());
}

TEST(H2Engine, TerminateSendsNothingAfterTheGoaway) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece(Bytes(1000, 'x')));
  s.engine.terminate(H2Error::InternalError);
  s.flush();
  EXPECT_EQ(s.frames.back().type, kGoAwayFrame);
  EXPECT_EQ(s.goaway_code(), 2);
  EXPECT_TRUE(s.engine.done());
}

TEST(H2Engine, PushAndBadFramesFromAClientEndTheConnection) {
  for (const Bytes& bad :
       {frame(kPushFrame, kEndHeaders, 1, be32(2) + block(request_fields())),
        frame(kDataFrame, 0, 0, "x"), frame(kHeadersFrame, kEndHeaders, 2, block(request_fields())),
        frame(kSettingsFrame, 0, 0, "12345"), frame(kPingFrame, 0, 0, "short"),
        frame(kContinuationFrame, kEndHeaders, 1, ""),
        frame(kDataFrame, 0, 1, Bytes(16385, 'x'))}) {
    for (const bool by_bytes : {false, true}) {
      Server s(by_bytes);
      s.greet();
      s.exchange(bad);
      EXPECT_NE(s.goaway_code(), -1);
      EXPECT_TRUE(s.engine.done());
      EXPECT_TRUE(s.all<H2Request>().empty());
    }
  }
}

}  // namespace
}  // namespace bottle
