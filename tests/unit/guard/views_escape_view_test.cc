#include <gtest/gtest.h>

#include "proxy/guard/views/escape_view.h"

namespace bottle {
namespace {

Bytes decoded(std::initializer_list<ByteView> pieces) {
  EscapeView view;
  Bytes out;
  for (const ByteView piece : pieces) view.decode(piece, out);
  view.flush(out);
  EXPECT_EQ(view.held(), 0u);
  return out;
}

void expect_decoded(ByteView in, ByteView want) {
  for (std::size_t cut = 0; cut <= in.size(); ++cut) {
    EXPECT_EQ(decoded({in.substr(0, cut), in.substr(cut)}), want) << in << " cut at " << cut;
  }
  EscapeView view;
  Bytes out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    view.decode(in.substr(i, 1), out);
    EXPECT_LE(view.held(), EscapeView::kMaxHeld);
  }
  view.flush(out);
  EXPECT_EQ(out, want) << in << " byte by byte";
}

TEST(EscapeView, UndoesEachKind) {
  const struct {
    ByteView in;
    ByteView out;
  } cases[] = {
      {"", ""},
      {"plain text of some length, more than a block",
       "plain text of some length, more than a block"},
      {"%41%6a%6A", "Ajj"},
      {"%", "%"},
      {"%4", "%4"},
      {"%4g", "%4g"},
      {"%%41", "%A"},
      {"%4%41", "%4A"},
      {"%zz%41", "%zzA"},
      {"%2541", "%41"},
      {"%C3%A4", "\xc3\xa4"},
      {"%4x%%41", "%4x%A"},
      {"%u0041%u20AC%ud83d%ude00", "A\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"%u", "%u"},
      {"%u004g%u00%41", "%u004g%u00A"},
      {"100% of 5%", "100% of 5%"},
      {R"(a\nb\tc\"d\\e\/f)", "a\nb\tc\"d\\e/f"},
      {R"(\u0041\u00e9\u20AC)", "A\xc3\xa9\xe2\x82\xac"},
      {R"(\ud83d\ude00)", "\xf0\x9f\x98\x80"},
      {R"(\ud83dx\ude00)", "x"},
      {R"(\ud83d\n\ude00)", "\n"},
      {R"(\u{41}\u{1F600}\u{})", "A\xf0\x9f\x98\x80\\u{}"},
      {R"(\x41\x4)", "A\\x4"},
      {R"(\101\60)", "A\\60"},
      {R"(\U00000041\U0001F600)", "A\xf0\x9f\x98\x80"},
      {R"(\q\)", "\\q\\"},
      {R"(\u00)", R"(\u00)"},
      {R"(\u00g1)", R"(\u00g1)"},
      {R"(\ud83dA)", "A"},
      {R"(\ude00A)", "A"},
      {R"(\\n)", "\\n"},
      {"&amp;&lt;&gt;&quot;&apos;", "&<>\"'"},
      {"&sol;&plus;&equals;&lowbar;&hyphen;&period;&colon;&num;&nbsp;", "/+=_-.:# "},
      {"&#65;&#x42;&#X43;&#0000068;", "ABCD"},
      {"&#65 &#x42-", "A B-"},
      {"&#65", "A"},
      {"&#;&#x;&#xg;&#1114112;", "&#;&#x;&#xg;&#1114112;"},
      {"a&b=c&d&amp", "a&b=c&d&amp"},
      {"R&D & more; &nosuch;", "R&D & more; &nosuch;"},
      {"&#37;41", "%41"},  // one layer
      {R"(%5Cn\u0025&amp;lt;)", "\\n%&lt;"},
  };
  for (const auto& c : cases) expect_decoded(c.in, c.out);
}

TEST(EscapeView, TellsWhereTheFirstEscapeIs) {
  EXPECT_EQ(EscapeView::find_escape("no escape: 100% of R&D, C:\\Users"), ByteView::npos);
  EXPECT_EQ(EscapeView::find_escape("a\\nb"), 1u);
  EXPECT_EQ(EscapeView::find_escape("it is 5% and then %41"), 18u);
  EXPECT_EQ(EscapeView::find_escape("may go on: %4"), 11u);
  EXPECT_EQ(EscapeView::find_escape("may go on: &am"), 11u);
  EXPECT_EQ(EscapeView::find_escape("a=1&b=2"), ByteView::npos);
}

TEST(EscapeView, PassesWhatStaysAsItIs) {
  EscapeView view;
  EXPECT_TRUE(view.passes("abc"));
  EXPECT_FALSE(view.passes("a%41"));
  Bytes out;
  view.decode("%4", out);
  EXPECT_FALSE(view.passes("abc"));
  EXPECT_EQ(view.held(), 2u);
  view.flush(out);
  EXPECT_TRUE(view.passes("abc"));
  EXPECT_EQ(out, "%4");
}

}  // namespace
}  // namespace bottle
