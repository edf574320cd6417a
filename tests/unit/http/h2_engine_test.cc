#include "proxy/http/h2_engine.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/h2_frames.h"
#include "tests/unit/http/h2_engine_peer.h"

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
