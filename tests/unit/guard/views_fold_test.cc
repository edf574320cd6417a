#include <gtest/gtest.h>

#include "proxy/guard/views/fold.h"
#include "proxy/guard/views/fold_table.h"

namespace bottle {
namespace {

void expect_folded(ByteView in, ByteView want) {
  for (std::size_t cut = 0; cut <= in.size(); ++cut) {
    Fold fold;
    Bytes out;
    fold.decode(in.substr(0, cut), out);
    fold.decode(in.substr(cut), out);
    fold.flush(out);
    EXPECT_EQ(out, want) << in << " cut at " << cut;
  }
  Fold fold;
  Bytes out;
  for (std::size_t i = 0; i < in.size(); ++i) fold.decode(in.substr(i, 1), out);
  fold.flush(out);
  EXPECT_EQ(out, want) << in << " byte by byte";
}

TEST(Fold, MakesAsciiOfWhatLooksLikeIt) {
  const struct {
    ByteView in;
    ByteView out;
  } cases[] = {
      {"", ""},
      {"plain ASCII that is longer than a block of it",
       "plain ASCII that is longer than a block of it"},
      {"to\u200bken\u200d_\ufeffvalue\u2060", "token_value"},
      {"\u202etoken\u202c", "token"},
      {"tok\u00aden", "token"},
      {"ｔｏｋｅｎ＿１２３－ａ", "token_123-a"},
      {"𝐭𝐨𝐤𝐞𝐧 𝓽𝓸𝓴𝓮𝓷 𝟙𝟚𝟛", "token token 123"},
      {"ⓣⓞⓚⓔⓝ ¹²³ ₁₂₃", "token 123 123"},
      {"\u0455\u0435\u0441ret \u03bf\u0440", "secret op"},  // Cyrillic, Greek
      {"t\u0301o\u0308ken", "token"},
      {"caf\u00e9 na\u00efve", "cafe naive"},
      {"sk\u2010ant\u2011api\u2212x\u2024y", "sk-ant-api-x.y"},
      {"\U000e0074\U000e006f\U000e006b", "tok"},  // tags
      {"\u4e2d\u6587 \U0001f600", "\u4e2d\u6587 \U0001f600"},
      {"\xff\xfe a\xc3", "\xff\xfe a\xc3"},
      {"\xe2\x80", "\xe2\x80"},
      {"\xc0\x80\xed\xa0\x80\xf5\x80", "\xc0\x80\xed\xa0\x80\xf5\x80"},
      {"\xe2\x80z\xe2\x80\x8bz", "\xe2\x80zz"},
  };
  for (const auto& c : cases) expect_folded(c.in, c.out);
}

TEST(Fold, FoldsAtEachPlaceOfABlock) {
  for (std::size_t before = 0; before < 70; ++before) {
    const Bytes lead = Bytes(before, 'x') + "\xff\xc3z";
    const Bytes rest(40, 'y');
    expect_folded(lead + "\u0430\u4e2d\u200b" + rest, lead + "a\u4e2d" + rest);
  }
}

TEST(Fold, PassesWhatStays) {
  Fold fold;
  EXPECT_TRUE(fold.passes("plain"));
  EXPECT_TRUE(fold.passes(Bytes(100, 'a') + "\u4e2d\u6587 \U0001f600" + Bytes(100, 'a')));
  EXPECT_TRUE(fold.passes("\xff\xfe a\xc3z"));
  EXPECT_FALSE(fold.passes("\u4e2d\u6587\u200b"));
  EXPECT_FALSE(fold.passes("ends within \xe4\xb8"));
  EXPECT_FALSE(fold.passes("caf\u00e9"));
  Bytes out;
  fold.decode("\xc3", out);
  EXPECT_FALSE(fold.passes("plain"));
}

TEST(Fold, TheTablesAreSorted) {
  char32_t last = 0x7f;
  for (const FoldedRange& range : folded_ranges()) {
    EXPECT_GT(range.first, last);
    EXPECT_GE(range.last, range.first);
    last = range.last;
  }
  last = 0x7f;
  for (const RemovedRange& range : removed_ranges()) {
    EXPECT_GT(range.first, last);
    EXPECT_GE(range.last, range.first);
    last = range.last;
  }
}

}  // namespace
}  // namespace bottle
