// Frames of HTTP/2 with a wrong length, in a wrong place or with a wrong value, and header blocks
// that cannot be decoded.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/http/hostile_frames.h"

namespace bottle {
namespace {

using namespace std::string_literals;
using namespace test;

struct Case {
  std::string name;
  Bytes bytes;
  std::string verdict;
};

void expect_each(const std::vector<Case>& cases) {
  for (const Case& c : cases) expect(c.name, c.bytes, c.verdict);
}

Bytes open_post() { return headers(1, request_fields("POST"), false); }
Bytes whole_get(std::int32_t stream = 1) { return headers(stream, request_fields(), true); }

const char* const kFrameSize = "goaway 6";
const char* const kProtocol = "goaway 1";

TEST(HostileFrameOrder, Lengths) {
  g_cases = 0;
  const auto of = [](std::uint8_t type, std::size_t length, std::int32_t stream,
                     std::uint8_t flags = 0) {
    return frame(type, flags, stream, Bytes(length, '\1'));
  };
  for (const std::size_t n : {0U, 1U, 7U, 9U, 16U}) {
    expect("PING of " + std::to_string(n), of(kPingFrame, n, 0), kFrameSize);
    expect("PING ack of " + std::to_string(n), of(kPingFrame, n, 0, kAck), kFrameSize);
  }
  for (const std::size_t n : {0U, 1U, 3U, 5U, 8U}) {
    expect("RST_STREAM of " + std::to_string(n), open_post() + of(kRstFrame, n, 1),
           "ok POST /; "s + kFrameSize);
    expect("WINDOW_UPDATE of " + std::to_string(n), of(kWindowFrame, n, 0), kFrameSize);
    expect("WINDOW_UPDATE of a stream, of " + std::to_string(n),
           open_post() + of(kWindowFrame, n, 1), "ok POST /; "s + kFrameSize);
  }
  for (const std::size_t n : {0U, 1U, 4U, 6U, 10U}) {
    expect("PRIORITY of " + std::to_string(n), of(kPriorityFrame, n, 1), kFrameSize);
  }
  for (const std::size_t n : {1U, 2U, 5U, 7U, 11U, 13U}) {
    expect("SETTINGS of " + std::to_string(n), of(kSettingsFrame, n, 0), kFrameSize);
  }
  for (const std::size_t n : {1U, 6U, 12U}) {
    expect("SETTINGS ack of " + std::to_string(n), of(kSettingsFrame, n, 0, kAck), kFrameSize);
  }
  for (const std::size_t n : {0U, 1U, 4U, 7U}) {
    expect("GOAWAY of " + std::to_string(n), of(kGoAwayFrame, n, 0), kFrameSize);
  }
  for (int type = 0; type <= 9; ++type) {
    // Beyond SETTINGS_MAX_FRAME_SIZE, which is 16384.
    expect("16385 bytes of type " + std::to_string(type),
           frame(static_cast<std::uint8_t>(type), 0, type == 4 || type >= 6 ? 0 : 1,
                 Bytes(16385, '\0')),
           kFrameSize);
  }
  std::printf("%d frames with a wrong length\n", g_cases);
}

// [T52]
TEST(HostileFrameOrder, Streams) {
  g_cases = 0;
  expect_each({
      {"DATA of no stream", data(0, "x"), kProtocol},
      {"HEADERS of no stream", headers(0, request_fields(), true), kProtocol},
      {"PRIORITY of no stream", frame(kPriorityFrame, 0, 0, Bytes(5, '\0')), kProtocol},
      {"RST_STREAM of no stream", rst(0), kProtocol},
      {"CONTINUATION of no stream", frame(kContinuationFrame, 4, 0, ""), kProtocol},
      {"SETTINGS of a stream", frame(kSettingsFrame, 0, 1, ""), kProtocol},
      {"PING of a stream", frame(kPingFrame, 0, 1, "12345678"), kProtocol},
      {"GOAWAY of a stream", frame(kGoAwayFrame, 0, 1, Bytes(8, '\0')), kProtocol},
      {"PUSH_PROMISE", open_post() + frame(kPushFrame, 4, 1, be32(2)), "ok POST /; goaway 1"},
      {"PUSH_PROMISE of no stream", frame(kPushFrame, 4, 0, be32(2)), kProtocol},
      {"HEADERS of an even stream", whole_get(2), kProtocol},
      {"HEADERS of a high even stream", whole_get(0x7ffffffe), kProtocol},
      {"the last stream there is", whole_get(0x7fffffff), "ok GET /"},
      {"DATA of an idle stream", data(1, "x"), kProtocol},
      {"DATA of an idle even stream", data(2, "x"), kProtocol},
      {"RST_STREAM of an idle stream", rst(1), kProtocol},
      {"RST_STREAM of an idle even stream", rst(2), kProtocol},
      {"WINDOW_UPDATE of an idle stream", window_update(1, 1), kProtocol},
      {"WINDOW_UPDATE of an idle even stream", window_update(2, 1), kProtocol},
      {"CONTINUATION without HEADERS", frame(kContinuationFrame, 4, 1, ""), kProtocol},
      {"CONTINUATION behind whole HEADERS", open_post() + frame(kContinuationFrame, 4, 1, ""),
       "ok POST /; goaway 1"},
      {"a stream that depends on itself",
       frame(kHeadersFrame, 0x25, 1, be32(1) + "\x10"s + block(request_fields())), kProtocol},
      {"PRIORITY of itself", frame(kPriorityFrame, 0, 1, be32(1) + "\x10"), kProtocol},
  });
  // A header block must not be interrupted (RFC 9113 section 6.10).
  for (int type = 0; type <= 12; ++type) {
    if (type == kContinuationFrame) continue;
    const bool settings_like = type == 4 || type == 6 || type == 7;
    const std::size_t size = type == 6 || type == 7   ? 8
                             : type == 2              ? 5
                             : type == 3 || type == 8 ? 4
                                                      : 0;
    expect("type " + std::to_string(type) + " in a header block",
           frame(kHeadersFrame, kEndStream, 1, block(request_fields())) +
               frame(static_cast<std::uint8_t>(type), 0, settings_like ? 0 : 1, Bytes(size, '\1')),
           kProtocol);
  }
  expect("CONTINUATION of another stream",
         frame(kHeadersFrame, kEndStream, 1, block(request_fields())) +
             frame(kContinuationFrame, kEndHeaders, 3, ""),
         kProtocol);
  for (std::size_t cut = 1; cut < block(request_fields()).size(); ++cut) {
    const Bytes all = block(request_fields());
    expect("a block cut at " + std::to_string(cut),
           frame(kHeadersFrame, kEndStream, 1, all.substr(0, cut)) +
               frame(kContinuationFrame, kEndHeaders, 1, all.substr(cut)),
           "ok GET /");
  }
  std::printf("%d frames at a wrong place, and header blocks in two frames\n", g_cases);
}

TEST(HostileFrameOrder, Values) {
  g_cases = 0;
  expect_each({
      {"ENABLE_PUSH 2", settings({{2, 2}}), kProtocol},
      {"ENABLE_PUSH beyond all", settings({{2, 0xffffffffU}}), kProtocol},
      {"INITIAL_WINDOW_SIZE 2^31", settings({{4, 0x80000000U}}), "goaway 3"},
      {"INITIAL_WINDOW_SIZE 2^32-1", settings({{4, 0xffffffffU}}), "goaway 3"},
      {"MAX_FRAME_SIZE 0", settings({{5, 0}}), kProtocol},
      {"MAX_FRAME_SIZE 16383", settings({{5, 16383}}), kProtocol},
      {"MAX_FRAME_SIZE 2^24", settings({{5, 1U << 24U}}), kProtocol},
      {"ENABLE_CONNECT_PROTOCOL 2", settings({{8, 2}}), kProtocol},
      {"WINDOW_UPDATE 0", window_update(0, 0), kProtocol},
      {"WINDOW_UPDATE beyond 2^31-1", window_update(0, 0x7fffffffU), "goaway 3"},
      {"WINDOW_UPDATE 0 of a stream", open_post() + window_update(1, 0), "ok POST /; goaway 1"},
      {"WINDOW_UPDATE of a stream beyond 2^31-1", open_post() + window_update(1, 0x7fffffffU),
       "ok POST /; rst 3"},
      {"MAX_FRAME_SIZE 16384", settings({{5, 16384}}) + whole_get(), "ok GET /"},
      {"MAX_FRAME_SIZE 2^24-1", settings({{5, (1U << 24U) - 1}}) + whole_get(), "ok GET /"},
      {"HEADER_TABLE_SIZE 0", settings({{1, 0}}) + whole_get(), "ok GET /"},
      {"HEADER_TABLE_SIZE 2^32-1", settings({{1, 0xffffffffU}}) + whole_get(), "ok GET /"},
      {"MAX_CONCURRENT_STREAMS 0", settings({{3, 0}}) + whole_get(), "ok GET /"},
      {"INITIAL_WINDOW_SIZE 0", settings({{4, 0}}) + whole_get(), "ok GET /"},
      {"INITIAL_WINDOW_SIZE 2^31-1", settings({{4, 0x7fffffffU}}) + whole_get(), "ok GET /"},
      {"an unknown setting", settings({{0x4a4a, 7}}) + whole_get(), "ok GET /"},
      {"setting 0", settings({{0, 7}}) + whole_get(), "ok GET /"},
      {"DATA of padding alone", open_post() + frame(kDataFrame, kPadded | kEndStream, 1, "\0"s),
       "ok POST /"},
      {"DATA with more padding than bytes", open_post() + frame(kDataFrame, kPadded, 1, "\5ab"),
       "ok POST /; goaway 1"},
      {"DATA with padding as long as the frame",
       open_post() + frame(kDataFrame, kPadded, 1, "\3ab"), "ok POST /; goaway 1"},
      {"DATA with a padding length and no byte", open_post() + frame(kDataFrame, kPadded, 1, ""),
       "ok POST /; goaway 1"},
      {"HEADERS with more padding than bytes",
       frame(kHeadersFrame, kPadded | kEndHeaders | kEndStream, 1,
             "\xff" + block(request_fields())),
       kProtocol},
      {"HEADERS with a padding length and no byte",
       frame(kHeadersFrame, kPadded | kEndHeaders | kEndStream, 1, ""), kProtocol},
      {"HEADERS with a priority and four bytes",
       frame(kHeadersFrame, 0x20 | kEndHeaders | kEndStream, 1, "\0\0\0\0"s), kFrameSize},
      {"HEADERS with padding",
       frame(kHeadersFrame, kPadded | kEndHeaders | kEndStream, 1,
             "\3" + block(request_fields()) + "\0\0\0"s),
       "ok GET /"},
      {"padding that is not zero",
       frame(kHeadersFrame, kPadded | kEndHeaders | kEndStream, 1,
             "\3" + block(request_fields()) + "abc"),
       "ok GET /"},
      {"GOAWAY of the client", whole_get() + goaway(0), "ok GET /"},
  });
  // Types and flags that are not known are passed over (RFC 9113 section 5.5).
  for (int type = 10; type < 256; ++type) {
    if (type == 10 || type == 12 || type == 16) continue;  // known to the library
    const auto t = static_cast<std::uint8_t>(type);
    expect("type " + std::to_string(type),
           frame(t, 0xff, 0, "abc") + frame(t, 0, 5, "") + whole_get(), "ok GET /");
  }
  for (const int flag : {0x02, 0x10, 0x40, 0x80}) {
    expect("HEADERS with flag " + std::to_string(flag),
           frame(kHeadersFrame, static_cast<std::uint8_t>(flag | kEndHeaders | kEndStream), 1,
                 block(request_fields())),
           "ok GET /");
  }
  Bytes reserved = whole_get();
  reserved[5] = static_cast<char>(0x80);
  expect("the reserved bit of a stream's number", reserved, "ok GET /");
  std::printf("%d values of frames\n", g_cases);
}

TEST(HostileFrameOrder, Compression) {
  g_cases = 0;
  const auto with_block = [](const Bytes& bytes) {
    return frame(kHeadersFrame, kEndHeaders | kEndStream, 1, block(request_fields()) + bytes);
  };
  const char* const kBroken = "goaway 9";
  expect_each({
      {"index 0", with_block("\x80"), kBroken},
      {"the index behind the static table", with_block("\xbe"), kBroken},
      {"an index of many bytes", with_block("\xff\xff\xff\x7f"), kBroken},
      {"an index without an end", with_block("\xff\xff"), kBroken},
      {"an index beyond 32 bits", with_block("\xff\xff\xff\xff\xff\xff\xff\x7f"), kBroken},
      {"an index in eleven bytes", with_block("\xff\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
       kBroken},
      {"a name's index behind the table", with_block("\x7f\x00\x01x"s), kBroken},
      {"a name's length beyond the block",
       with_block("\0\x05"
                  "ab"s),
       kBroken},
      {"a name's length beyond 32 bits", with_block("\0\x7f\xff\xff\xff\xff\x7f"s), kBroken},
      {"a value's length beyond the block",
       with_block("\0\1a\x05"
                  "b"s),
       kBroken},
      {"a literal without a value", with_block("\0\1a"s), kBroken},
      {"a literal without a name", with_block("\0"s), kBroken},
      {"a table size at the end", with_block("\x20"), kBroken},
      {"a table size beyond the setting",
       frame(kHeadersFrame, 5, 1, "\x3f\xff\x7f" + block(request_fields())), kBroken},
      {"Huffman: padding of eight bits", with_block("\0\1a\x82\x07\xff"s), kBroken},
      {"Huffman: padding of zeros", with_block("\0\1a\x81\x00"s), kBroken},
      {"Huffman: the end's code", with_block("\0\1a\x84\xff\xff\xff\xff"s), kBroken},
      {"Huffman: a text", with_block("\0\1a\x81\x1f"s), "ok GET /"},
      {"a table size of 0 first", frame(kHeadersFrame, 5, 1, "\x20" + block(request_fields())),
       "ok GET /"},
      {"two table sizes first",
       frame(kHeadersFrame, 5, 1, "\x20\x3f\xe1\x1f" + block(request_fields())), "ok GET /"},
      {"a field that is never indexed", with_block("\x10\1a\1b"s), "ok GET /"},
      {"an entry that is too large for the table",
       with_block("\x40\1a" + hpack_int(5000, 7) + Bytes(5000, 'v')), "ok GET /"},
  });
  for (const int index : {0xc1, 0xc5, 0xff}) {
    expect("dynamic index " + std::to_string(index), with_block(Bytes(1, static_cast<char>(index))),
           kBroken);
  }
  std::printf("%d header blocks for the decoder\n", g_cases);
}

TEST(HostileFrameOrder, Greetings) {
  int cases = 0;
  for (std::size_t at = 0; at < kClientPreface.size(); ++at) {
    for (const char other : {'X', '\0', '\n'}) {
      Bytes wrong = kClientPreface;
      if (wrong[at] == other) continue;
      wrong[at] = other;
      Server s(at % 2 == 0);
      EXPECT_FALSE(s.exchange(wrong + settings() + whole_get())) << at;
      EXPECT_TRUE(s.events.empty());
      ++cases;
    }
  }
  for (const Bytes& first : {whole_get(), ping(), window_update(0, 1), data(1, "x"), rst(1),
                             settings_ack(), goaway(0)}) {
    Server s;
    (void)s.exchange(kClientPreface + first);
    EXPECT_EQ(s.goaway_code(), 1) << static_cast<int>(first[3]);
    EXPECT_TRUE(s.events.empty());
    ++cases;
  }
  std::printf("%d greetings\n", cases);
}

}  // namespace
}  // namespace bottle
