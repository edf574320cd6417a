// The bounds that an engine sets a client: heads, streams, resets, and cheap frames in floods.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/http/h2_engine.h"
#include "tests/support/h2_frames.h"
#include "tests/unit/http/h2_engine_peer.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

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

// One 4 000-byte entry in the dynamic table, then one-byte references to it.
Bytes hpack_bomb(std::size_t references) {
  Bytes bomb = block(request_fields());
  bomb += '\x40';  // literal with incremental indexing, new name
  bomb += hpack_int(1, 7) + "x" + hpack_int(4000, 7) + Bytes(4000, 'v');
  bomb += Bytes(references, '\xbe');  // indexed: 62
  return bomb;
}

// [T53]
TEST(H2Engine, AnHpackBombIsDecodedButNotKept) {
  Server s;
  s.greet();
  const Bytes bomb = hpack_bomb(60);
  const std::string_view all(bomb);
  ASSERT_TRUE(s.send(frame(kHeadersFrame, kEndStream, 1, all.substr(0, 2000)) +
                     frame(kContinuationFrame, kEndHeaders, 1, all.substr(2000))));
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

// The library looks at each byte of each field: 40 ms for a block of 16 KiB, if it is let. [T53]
TEST(H2Engine, ALargeHpackBombIsResetAndNotLookedAt) {
  Server s;
  s.greet();
  const Bytes bomb = hpack_bomb(12'000);
  const std::string_view all(bomb);
  ASSERT_LT(bomb.size(), 16384U + 100);
  ASSERT_TRUE(s.exchange(frame(kHeadersFrame, kEndStream, 1, all.substr(0, 16000)) +
                         frame(kContinuationFrame, kEndHeaders, 1, all.substr(16000))));
  EXPECT_TRUE(s.all<H2Request>().empty());
  EXPECT_EQ(s.rst_code(1), 2);
  EXPECT_EQ(s.engine.open_streams(), 0U);
  // HPACK is in step: what was entered into the table last is there.
  Bytes next = block(request_fields());
  next += '\xbe';
  ASSERT_TRUE(s.exchange(frame(kHeadersFrame, kEndStream | kEndHeaders, 3, next)));
  const auto requests = s.all<H2Request>();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_FALSE(requests[0].refused);
  EXPECT_EQ(requests[0].head.fields.find("x"), Bytes(4000, 'v'));
  // More of them are a flood.
  int sent = 1;
  while (sent < 1000 && s.exchange(frame(kHeadersFrame, kEndStream | kEndHeaders, 2 * sent + 3,
                                         hpack_bomb(12'000).substr(0, 16'000)))) {
    ++sent;
  }
  EXPECT_LE(sent, 101);
  EXPECT_EQ(s.goaway_code(), 0xb);
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

// ---- resets and floods

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

// How far a call had come when its client cancelled it, and how many such calls may be cancelled at
// once.
struct Cancelled {
  const char* name;
  bool body;       // a message was sent
  bool taken;      // ... and read
  bool answering;  // the answer's head was sent
  std::chrono::milliseconds open;
  int allowed;
};
constexpr int kManyCalls = 3000;
class H2EngineCancelled : public testing::TestWithParam<Cancelled> {};
// [T50]
TEST_P(H2EngineCancelled, ACallThatHadBegunIsNoFlood) {
  const Cancelled& call = GetParam();
  for (const bool by_bytes : {false, true}) {
    Server s(by_bytes);
    s.greet();
    int cancelled = 0;
    while (cancelled < kManyCalls && !s.failure) {
      constexpr int kAtOnce = 50;
      const auto id = [&](int call_of_these) { return 2 * (cancelled + call_of_these) + 1; };
      for (int i = 0; i < kAtOnce && !s.failure; ++i) {
        s.exchange(headers(id(i), request_fields("POST"), false));
        if (call.body) s.exchange(data(id(i), "12345"));
        if (call.taken) s.engine.consumed(id(i), 5);
        if (call.answering) {
          ASSERT_TRUE(s.engine.respond(id(i), ok_head(), false));
        }
        s.flush();
      }
      s.now += call.open;
      for (int i = 0; i < kAtOnce && !s.failure; ++i) {
        if (!s.exchange(rst(id(i), 8))) {
          cancelled += i;
          break;
        }
      }
      if (s.failure) break;
      cancelled += kAtOnce;
    }
    EXPECT_EQ(cancelled, call.allowed);
    if (s.failure) {
      EXPECT_EQ(s.failure->detail, "too many streams were reset");
    }
  }
}
INSTANTIATE_TEST_SUITE_P(
    Calls, H2EngineCancelled,
    testing::Values(Cancelled{"HeadAlone", false, false, false, 0ms, 100},
                    Cancelled{"MessageThatWasNotRead", true, false, false, 0ms, 100},
                    Cancelled{"MessageThatWasRead", true, true, false, 0ms, 1100},
                    Cancelled{"AnswerThatHasBegun", false, false, true, 0ms, kManyCalls},
                    Cancelled{"AnswerAndMessage", true, true, true, 0ms, kManyCalls},
                    // Of 50 in each second, ten are given back.
                    Cancelled{"OpenForNearlyASecond", false, false, false, 999ms, 119},
                    Cancelled{"OpenForASecond", false, false, false, 1000ms, kManyCalls}),
    [](const auto& call) { return call.param.name; });

// [T50]
TEST(H2Engine, AnAnswerPaysForOneResetOfItsStream) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields("POST"), false)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.flush();
  int sent = 0;
  while (sent < 1000 && s.send(rst(1, 8))) ++sent;
  EXPECT_EQ(sent, 101);
}

// [T50]
TEST(H2Engine, AnInterimHeadPaysForNoReset) {
  Server s;
  s.greet();
  int sent = 0;
  for (; sent < 1000; ++sent) {
    const StreamId id = 2 * sent + 1;
    s.exchange(headers(id, request_fields("POST"), false));
    ResponseHead hints = ok_head();
    hints.status = 103;
    ASSERT_TRUE(s.engine.interim(id, hints));
    s.flush();
    if (!s.send(rst(id, 8))) break;
  }
  EXPECT_EQ(sent, 100);
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

}  // namespace
}  // namespace bottle
