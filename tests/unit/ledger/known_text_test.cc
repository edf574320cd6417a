#include "proxy/ledger/known_text.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "proxy/ledger/json_unescape.h"
#include "proxy/ledger/said_strings.h"

namespace bottle {
namespace {

Destination host(const std::string& name) { return *parse_host(name, 443); }

std::array<TextMark, 1> one(TextMark mark) { return {mark}; }

TEST(KnownText, KnowsThePassedTextAtItsDestinationOnly) {
  KnownText known;
  const auto here = known.place_of(host("a.example"), Scheme::Https);
  const auto there = known.place_of(host("b.example"), Scheme::Https);
  const auto plain = known.place_of(host("a.example"), Scheme::Http);
  const TextMark mark = known.mark_of("a text");
  EXPECT_FALSE(known.has(KnownText::Kind::Passed, here, mark));
  known.add_passed(known.epoch(), KnownText::Kind::Passed, here, one(mark));
  EXPECT_TRUE(known.has(KnownText::Kind::Passed, here, mark));
  EXPECT_FALSE(known.has(KnownText::Kind::Said, here, mark));
  EXPECT_FALSE(known.has(KnownText::Kind::Passed, there, mark));
  EXPECT_FALSE(known.has(KnownText::Kind::Passed, plain, mark));
  EXPECT_FALSE(known.has(KnownText::Kind::Passed, here, known.mark_of("a text.")));
}

TEST(KnownText, AnotherPortIsAnotherDestination) {
  KnownText known;
  const auto here = known.place_of(*parse_host("a.example", 443), Scheme::Https);
  const auto there = known.place_of(*parse_host("a.example", 8443), Scheme::Https);
  const TextMark mark = known.mark_of("a text");
  known.add_said(here, one(mark));
  EXPECT_TRUE(known.has(KnownText::Kind::Said, here, mark));
  EXPECT_FALSE(known.has(KnownText::Kind::Said, there, mark));
}

TEST(KnownText, AnotherScannerHasPassedNothing) {
  KnownText known;
  const auto here = known.place_of(host("a.example"), Scheme::Https);
  const TextMark passed = known.mark_of("passed");
  const TextMark said = known.mark_of("said");
  const std::uint64_t first = known.epoch();
  known.add_passed(first, KnownText::Kind::Passed, here, one(passed));
  known.add_said(here, one(said));
  known.begin_epoch();
  EXPECT_FALSE(known.has(KnownText::Kind::Passed, here, passed));
  EXPECT_TRUE(known.has(KnownText::Kind::Said, here, said));
  // The earlier scanner's word comes late.
  known.add_passed(first, KnownText::Kind::Passed, here, one(passed));
  EXPECT_FALSE(known.has(KnownText::Kind::Passed, here, passed));
}

TEST(KnownText, MarksOfTwoProcessesDiffer) {
  const KnownText first;
  const KnownText second;
  EXPECT_NE(first.mark_of("a text"), second.mark_of("a text"));
}

TEST(KnownText, AFullTableForgetsTheOldest) {
  KnownText known;
  const auto here = known.place_of(host("a.example"), Scheme::Https);
  const TextMark kept = known.mark_of("in use");
  known.add_passed(1, KnownText::Kind::Passed, here, one(kept));
  std::size_t remembered = 0;
  std::vector<TextMark> marks;
  for (int i = 0; i < 400'000; ++i) {
    marks.assign(1, known.mark_of("text " + std::to_string(i)));
    known.add_passed(1, KnownText::Kind::Passed, here, marks);
    if (i % 64 == 0) {
      EXPECT_TRUE(known.has(KnownText::Kind::Passed, here, kept)) << i;
    }
  }
  for (int i = 0; i < 400'000; i += 97) {
    remembered +=
        known.has(KnownText::Kind::Passed, here, known.mark_of("text " + std::to_string(i))) ? 1u
                                                                                             : 0u;
  }
  // Of 131 072 places for 400 000 texts.
  EXPECT_GT(remembered, 1000U);
  EXPECT_LT(remembered, 1500U);
  EXPECT_TRUE(known.has(KnownText::Kind::Passed, here, known.mark_of("text 399999")));
}

TEST(KnownText, IsRestoredWithItsKey) {
  KnownText first;
  const auto here = first.place_of(host("a.example"), Scheme::Https);
  const TextMark mark = first.mark_of("a text");
  first.add_passed(1, KnownText::Kind::Passed, here, one(mark));
  first.add_said(here, one(mark));
  const Bytes saved = first.save();
  KnownText second;
  ASSERT_TRUE(second.restore(saved));
  EXPECT_EQ(second.mark_of("a text"), mark);
  const auto there = second.place_of(host("a.example"), Scheme::Https);
  EXPECT_TRUE(second.has(KnownText::Kind::Passed, there, mark));
  EXPECT_FALSE(second.has(KnownText::Kind::Said, there, mark));
  KnownText third;
  EXPECT_FALSE(third.restore(ByteView(saved).substr(0, saved.size() - 1)));
  EXPECT_FALSE(third.restore({}));
  Bytes far = saved;
  far[64] = far[65] = far[66] = far[67] = '\xff';
  EXPECT_FALSE(third.restore(far));
}

// ---- strings of answers ------------------------------------------------------------------------

std::string unescaped(const std::string& raw, std::size_t cut) {
  JsonUnescape unescape;
  Bytes out;
  unescape.feed(ByteView(raw).substr(0, cut), out);
  unescape.feed(ByteView(raw).substr(cut), out);
  unescape.finish(out);
  return out;
}

TEST(JsonUnescape, UndoesEachEscapeInAnySplit) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {R"(plain)", "plain"},
      {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
      {R"(caf\u00e9 \u20AC)", "caf\xc3\xa9 \xe2\x82\xac"},
      {R"(\ud83d\ude00!)", "\xf0\x9f\x98\x80!"},
      {R"(\ud83d!)", "\xed\xa0\xbd!"},
      {R"(\ude00)", "\xed\xb8\x80"},
      {R"(\ud83d\ud83d\ude00)", "\xed\xa0\xbd\xf0\x9f\x98\x80"},
      {R"(\ud83d\n)", "\xed\xa0\xbd\n"},
  };
  for (const auto& [raw, text] : rows) {
    for (std::size_t cut = 0; cut <= raw.size(); ++cut) EXPECT_EQ(unescaped(raw, cut), text) << raw;
  }
}

struct Heard {
  Heard() : place(known.place_of(host("a.example"), Scheme::Https)) {}
  [[nodiscard]] bool knows(const std::string& raw) {
    return known.has(KnownText::Kind::Said, place, mark_of_string(known, raw));
  }
  KnownText known;
  const KnownText::Place place;
};

TEST(SaidStrings, HearsLongStringsInAnySplit) {
  const std::string text = std::string(70, 'x') + "\\n\\u00e9" + std::string(80, 'y');
  const std::string answer = R"({"id":"short","a":[")" + text + R"("],"b":")" + text + R"(2"})";
  for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
    Heard heard;
    SaidStrings said(heard.known, heard.place);
    said.feed(ByteView(answer).substr(0, cut));
    said.feed(ByteView(answer).substr(cut));
    EXPECT_TRUE(heard.knows(text)) << cut;
    EXPECT_TRUE(heard.knows(text + "2"));
    EXPECT_FALSE(heard.knows("short"));
    EXPECT_FALSE(heard.knows(text + "3"));
  }
}

TEST(SaidStrings, AnotherSpellingIsTheSameText) {
  Heard heard;
  SaidStrings said(heard.known, heard.place);
  const std::string rest(80, 'z');
  said.feed("{\"a\":\"caf\xc3\xa9/" + rest + "\"}");
  EXPECT_TRUE(heard.knows("caf\\u00e9\\/" + rest));
}

TEST(SaidStrings, EventsOneLineEach) {
  Heard heard;
  SaidStrings said(heard.known, heard.place);
  const std::string text(100, 's');
  said.feed(": it's \" a comment\n\ndata: {\"signature\":\"" + text + "\"}\n\n");
  EXPECT_TRUE(heard.knows(text));
}

TEST(SaidStrings, AStringThatDoesNotEndIsNone) {
  Heard heard;
  SaidStrings said(heard.known, heard.place);
  said.feed("{\"a\":\"" + std::string(100, 'u') + "\n");
  EXPECT_FALSE(heard.knows(std::string(100, 'u')));
}

}  // namespace
}  // namespace bottle
