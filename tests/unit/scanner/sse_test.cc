#include <gtest/gtest.h>

#include <string>

#include "proxy/body/sse_comments.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using Clock = SseComments::Clock;

const Clock::time_point kStart{1000s};

// True if a comment may stand behind these bytes.
bool at_boundary(ByteView bytes) {
  SseComments comments(kStart, 15s);
  comments.passed(bytes, kStart);
  return !comments.emit(kStart + 1h).empty();
}

TEST(SseComments, OnlyBetweenEvents) {
  const struct {
    ByteView bytes;
    bool boundary;
  } cases[] = {
      {"data: x\n\n", true},
      {"data: x\r\n\r\n", true},
      {"data: x\r\r", true},
      {"data: x\n\r\n", true},
      {"data: x\r\n\n", true},
      {"\n", true},
      {"\r\n", true},
      {"data: x\n\n\n", true},
      {": ping\n\n", true},
      {"", false},  // a byte order mark may follow
      {"\xef\xbb\xbf", false},
      {"\xef\xbb\xbf\n\n", true},
      {"d", false},
      {"data: x", false},
      {"data: x\n", false},
      {"data: x\r", false},
      {"data: x\r\n", false},
      {"data: x\r\n\r", true},  // an LF that still comes is one more blank line
      {"data: x\n\ndata: y", false},
      {"data: x\n\ndata: y\n", false},
      {"data: x\n\n:", false},
      {"event: a\ndata: x\nid: 1\n\n", true},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(at_boundary(c.bytes), c.boundary) << testing::PrintToString(c.bytes);
    for (std::size_t i = 0; i <= c.bytes.size(); ++i) {
      SseComments comments(kStart, 15s);
      comments.passed(c.bytes.substr(0, i), kStart);
      comments.passed(c.bytes.substr(i), kStart);
      EXPECT_EQ(comments.due().has_value(), c.boundary) << i;
    }
  }
}

TEST(SseComments, ComeAfterSilenceAndAgain) {
  SseComments comments(kStart, 15s);
  comments.passed("data: x\n\n", kStart + 1s);
  EXPECT_EQ(comments.due(), kStart + 16s);
  EXPECT_TRUE(comments.emit(kStart + 16s - 1ms).empty());
  const ByteView comment = comments.emit(kStart + 16s);
  EXPECT_EQ(comment.front(), ':');
  EXPECT_TRUE(comment.ends_with("\n\n"));
  EXPECT_EQ(comment.find('\n'), comment.size() - 2);
  EXPECT_TRUE(comments.emit(kStart + 16s).empty());
  EXPECT_EQ(comments.due(), kStart + 31s);
  EXPECT_FALSE(comments.emit(kStart + 31s).empty());
  comments.passed("data: y\n\n", kStart + 40s);
  EXPECT_EQ(comments.due(), kStart + 55s);
  comments.passed("", kStart + 50s);
  EXPECT_EQ(comments.due(), kStart + 55s) << "nothing passed";
}

TEST(SseComments, StopWithTheUpstream) {
  SseComments comments(kStart, 15s);
  comments.passed("data: x\n\n", kStart);
  comments.upstream_ended();
  EXPECT_FALSE(comments.due());
  EXPECT_TRUE(comments.emit(kStart + 1h).empty());
}

TEST(SseComments, EventStreamsAreKnownByTheirType) {
  const struct {
    const char* type;
    bool stream;
  } cases[] = {{"text/event-stream", true},    {"Text/Event-Stream; charset=utf-8", true},
               {"text/event-stream ;x", true}, {"text/event-streams", false},
               {"application/json", false},    {"", false}};
  for (const auto& c : cases) {
    Fields fields;
    fields.add("Content-Type", c.type);
    EXPECT_EQ(is_event_stream(fields), c.stream) << c.type;
  }
  EXPECT_FALSE(is_event_stream(Fields{}));
}

}  // namespace
}  // namespace bottle
