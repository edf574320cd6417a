#include "proxy/scanner/sse_match.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace bottle {
namespace {

// A scanner's reader and writer of events (docs/pipelock.md, section 7): lines end at LF, a CR
// before it is taken off, comments, unknown fields and blocks without data are dropped, the last id
// is repeated, the type of a block without data goes over to the next.
class Rewriter {
 public:
  std::vector<std::string> feed(const std::string& bytes) {
    std::vector<std::string> events;
    for (const char c : bytes) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      line(events);
    }
    return events;
  }
  std::vector<std::string> end() {
    std::vector<std::string> events;
    if (!line_.empty()) line(events);
    if (has_data_) finish(events);
    return events;
  }

 private:
  void line(std::vector<std::string>& events) {
    if (line_.ends_with('\r')) line_.pop_back();
    const std::string text = std::exchange(line_, {});
    if (text.empty()) {
      if (has_data_) finish(events);
      return;
    }
    if (text[0] == ':') return;
    const std::size_t colon = text.find(':');
    const std::string name = text.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (name == "data") {
      data_ += "data: " + value + "\n";
      has_data_ = true;
    } else if (name == "event") {
      type_ = value;
    } else if (name == "retry") {
      retry_ = value;
    } else if (name == "id" && value.find('\0') == std::string::npos) {
      id_ = value;
    }
  }
  void finish(std::vector<std::string>& events) {
    std::string out;
    if (!type_.empty()) out += "event: " + type_ + "\n";
    if (!id_.empty()) out += "id: " + id_ + "\n";
    if (!retry_.empty()) out += "retry: " + retry_ + "\n";
    events.push_back(out + data_ + "\n");
    type_.clear();
    retry_.clear();
    data_.clear();
    has_data_ = false;
  }

  std::string line_;
  std::string type_;
  std::string retry_;
  std::string id_;
  std::string data_;
  bool has_data_ = false;
};

std::string take_all(SseMatch& match) {
  std::string out;
  while (match.ready() > 0) out += match.take(7);
  return out;
}

struct Seen {
  std::string out;
  std::string failure;
};

// The origin's stream in pieces of `piece` bytes, each told first, then read by the scanner, which
// leaves out the events whose number `drops` has.
Seen play(const std::string& stream, std::size_t piece, const std::vector<std::size_t>& drops = {},
          bool verbatim = false) {
  SseMatch match(4096);
  Rewriter scanner;
  Seen seen;
  std::size_t number = 0;
  const auto pass = [&](const std::vector<std::string>& events) {
    for (const std::string& event : events) {
      const bool dropped = std::find(drops.begin(), drops.end(), number++) != drops.end();
      if (dropped) continue;
      for (const char c : event) {
        const auto passed = match.passed(std::string(1, c));
        if (!passed && seen.failure.empty()) seen.failure = passed.error().reason;
      }
    }
  };
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    const std::string bytes = stream.substr(at, piece);
    const auto told = match.original(bytes);
    if (!told && seen.failure.empty()) seen.failure = told.error().reason;
    pass(verbatim ? std::vector<std::string>{bytes} : scanner.feed(bytes));
    seen.out += take_all(match);
  }
  if (!verbatim) pass(scanner.end());
  match.original_ended();
  const auto finished = match.finish();
  if (!finished && seen.failure.empty()) seen.failure = finished.error().reason;
  seen.out += take_all(match);
  return seen;
}

const std::vector<std::string> kStreams = {
    "data: 1\n\ndata: 2\n\n",
    ": hello\n\nevent: a\ndata: 1\n\n: ping\n\n: ping\n\nevent: b\nid: 7\ndata: 2\ndata: 3\n\n: "
    "bye\n\n",
    "event: a\r\ndata: 1\r\n\r\n: c\r\n\r\ndata:2\r\n\r\n",
    "retry: 3000\n\nevent: sticks\n\ndata: 1\n\ndata: 2\n\n",
    "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\ndata: d\n\n",
    "data\n\ndata:\n\ndata: \ndata\n\n",
    "data: same\n\ndata: same\n\ndata: same\n\n",
    ": c1\ndata: 1\n: c2\ndata: 2\nunknown: x\n\n\n\n: c3\n",
    "data: 1\n\ndata: only the end ends it",
    "data: 1\n\ndata: only the end ends it\n",
    "data: 1\n\n: a comment that nothing ends",
    "event: e\nevent: f\nretry: 1\nid: x\ndata: {\"a\":1}\n\n",
    "",
    "\n\n\n",
};

TEST(SseMatch, GivesTheOriginsBytesWhereverTheyAreSplit) {
  for (const std::string& stream : kStreams) {
    for (std::size_t piece = 1; piece <= stream.size() + 1; ++piece) {
      const Seen seen = play(stream, piece);
      EXPECT_EQ(seen.out, stream) << piece;
      EXPECT_EQ(seen.failure, "") << stream;
    }
  }
}

TEST(SseMatch, AlsoOfAScannerThatPassesThemAsTheyCame) {
  for (const std::string& stream : kStreams) {
    for (std::size_t piece = 1; piece <= stream.size() + 1; piece += 3) {
      const Seen seen = play(stream, piece, {}, true);
      EXPECT_EQ(seen.out, stream);
      EXPECT_EQ(seen.failure, "") << stream;
    }
  }
}

TEST(SseMatch, NothingOfAnEventBeforeItWasPassed) {
  SseMatch match(4096);
  ASSERT_TRUE(match.original(": a\n: b\nevent: x\ndata: 1\n: c\n\n: d\n\n"));
  EXPECT_EQ(take_all(match), ": a\n: b\n");
  ASSERT_TRUE(match.passed("event: x\ndata: 1\n"));
  EXPECT_EQ(take_all(match), "");
  ASSERT_TRUE(match.passed("\n"));
  EXPECT_EQ(take_all(match), "event: x\ndata: 1\n: c\n\n: d\n\n");
  EXPECT_EQ(match.held(), 0U);
}

TEST(SseMatch, ACommentWaitsForTheEventsBeforeItAndForNoOther) {
  SseMatch match(4096);
  ASSERT_TRUE(match.original("data: 1\n\n: ping\n"));
  EXPECT_EQ(take_all(match), "");
  ASSERT_TRUE(match.passed("data: 1\n\n"));
  EXPECT_EQ(take_all(match), "data: 1\n\n: ping\n");
  ASSERT_TRUE(match.original("\n: ping\n\nretry: 5\n\ndata: 2\n"));
  EXPECT_EQ(take_all(match), "\n: ping\n\nretry: 5\n\n");
}

TEST(SseMatch, WhatWasNotPassedIsNotGiven) {
  const std::string stream = ": a\n\ndata: 1\n\n: b\n\ndata: 2\n\ndata: 3\n\n";
  EXPECT_EQ(play(stream, 5, {0}).out, ": a\n\n: b\n\ndata: 2\n\ndata: 3\n\n");
  EXPECT_EQ(play(stream, 5, {1}).out, ": a\n\ndata: 1\n\n: b\n\ndata: 3\n\n");
  // Nothing after it: the stream was cut, as far as can be seen.
  const Seen cut = play(stream, 5, {2});
  EXPECT_EQ(cut.out, ": a\n\ndata: 1\n\n: b\n\ndata: 2\n\n");
  EXPECT_EQ(cut.failure, "scanner_cut_stream");
}

TEST(SseMatch, WhatTheOriginDidNotSendIsAFailure) {
  for (const char* forged :
       {"data: 2\n\n", "data: 1\ndata: 1\n\n", "event: x\ndata: 1\n\n", "id: 9\ndata: 1\n\n",
        "retry: 1\ndata: 1\n\n", "data: 1 \n\n", "data: 1\n\ndata: 1\n\n"}) {
    SseMatch match(4096);
    ASSERT_TRUE(match.original("data: 1\n\n"));
    const auto passed = match.passed(forged);
    ASSERT_FALSE(passed) << forged;
    EXPECT_EQ(passed.error().reason, "changed_by_scanner");
  }
}

TEST(SseMatch, AForgedEventBesideAnOpenBlockIsAFailureAtTheEnd) {
  SseMatch match(4096);
  ASSERT_TRUE(match.original("data: 1"));
  ASSERT_TRUE(match.original("\n"));
  ASSERT_TRUE(match.passed("data: 2\n\n"));
  match.original_ended();
  EXPECT_EQ(match.finish().error().reason, "changed_by_scanner");
  EXPECT_EQ(take_all(match), "");
}

// A client ends a line at a CR alone and reads past a byte order mark; the scanner does neither.
TEST(SseMatch, WhatAClientWouldReadOtherwiseGoesAsTheScannerReadIt) {
  const std::pair<std::string, std::string> rows[] = {
      {": c\rdata: hidden\n\ndata: 1\n\n", "\ndata: 1\n\n"},
      {"event: e\rdata: hidden\n\n", ""},
      {"x: c\rdata: hidden\ndata: 1\n\n", "data: 1\n\n"},
      {"event: e\nid: 3\nx: \r\rdata: h\ndata: 1\n: c\n\n", "event: e\nid: 3\ndata: 1\n\n"},
      {"\xef\xbb\xbf"
       "data: hidden\n\ndata: 1\n\n",
       "data: 1\n\n"},
      {"\xef\xbb\xbf: c\rdata: hidden\n\ndata: 1\n\n", "data: 1\n\n"},
      {"data: 1\r\r\n\n", "data: 1\n\n"},
  };
  for (const auto& [stream, expected] : rows) {
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
      const Seen seen = play(stream, piece);
      EXPECT_EQ(seen.out, expected) << stream;
      EXPECT_EQ(seen.failure, "") << stream;
    }
  }
}

TEST(SseMatch, ABlockHasALimit) {
  for (const std::size_t size : {std::size_t{999}, std::size_t{1000}, std::size_t{1001}}) {
    SseMatch match(1000);
    const auto told = match.original("data: " + std::string(size - 6, 'x'));
    EXPECT_EQ(told.has_value(), size <= 1000) << size;
    if (!told) {
      EXPECT_EQ(told.error().reason, "event_too_large");
    }
  }
  SseMatch match(1000);
  EXPECT_FALSE(match.passed(std::string(2000, 'x')));
  // Many small ones are no large one.
  SseMatch many(1000);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(many.original("data: " + std::string(90, 'x') + "\n\n"));
  }
  EXPECT_EQ(many.held(), 9800U + 100 * SseMatch::kBlockCost);
}

// held() bounds the memory for a scanner that is behind, so it counts the cost of small blocks;
// those without an event cost nothing each.
TEST(SseMatch, SmallBlocksCountAsWhatTheyCost) {
  SseMatch match(1 << 20);
  ASSERT_TRUE(match.original("data\n\n" + std::string(10'000, '\n')));
  EXPECT_EQ(match.held(), 6 + 10'000 + 2 * SseMatch::kBlockCost);
  ASSERT_TRUE(match.original("data\n\n"));
  EXPECT_EQ(match.held(), 12 + 10'000 + 3 * SseMatch::kBlockCost);
  ASSERT_TRUE(match.passed("data: \n\n"));
  EXPECT_EQ(take_all(match), "data\n\n" + std::string(10'000, '\n'));
}

// Comments that are left out, as many as a piece has room for: each may cost its own length only.
TEST(SseMatch, CommentsThatAreLeftOutTakeNoTimeOfOthers) {
  SseMatch match(8u << 20);
  std::string comments;
  while (comments.size() < (1u << 20)) comments += ":\rx\n";
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(match.original(comments));
  ASSERT_TRUE(match.original("data: 1\n\n"));
  // A million lines: it was minutes when each of them moved what stood behind it.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  ASSERT_TRUE(match.passed("data: 1\n\n"));
  EXPECT_EQ(take_all(match), "data: 1\n\n");
}

}  // namespace
}  // namespace bottle
