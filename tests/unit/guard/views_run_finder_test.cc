#include <gtest/gtest.h>

#include <random>

#include "proxy/guard/views/run_finder.h"
#include "tests/unit/guard/encoded_samples.h"
#include "tests/unit/guard/view_texts.h"

namespace bottle {
namespace {

std::vector<ViewText> found_in(std::initializer_list<ByteView> pieces) {
  ViewTexts texts;
  RunFinder finder(texts);
  for (const ByteView piece : pieces) finder.feed(piece);
  finder.flush();
  EXPECT_TRUE(finder.idle());
  EXPECT_TRUE(texts.is_sound());
  return texts.texts();
}

std::vector<ViewText> found_in_steps(ByteView in, std::size_t step) {
  ViewTexts texts;
  RunFinder finder(texts);
  for (std::size_t i = 0; i < in.size(); i += step) finder.feed(in.substr(i, step));
  finder.flush();
  EXPECT_TRUE(texts.is_sound());
  return texts.texts();
}

bool shows(const std::vector<ViewText>& texts, Coded coded, ByteView what) {
  return std::ranges::any_of(texts, [&](const ViewText& view) {
    return view.coded == coded && view.text.find(what) != Bytes::npos;
  });
}

std::string listed(const std::vector<ViewText>& texts) {
  std::string all;
  for (const ViewText& view : texts) {
    all += std::to_string(view.slot) + ": " + testing::PrintToString(view.text) + "\n";
  }
  return all;
}

TEST(RunFinder, FindsWhatToolsEncode) {
  for (const EncodedSample& sample : kEncodedSamples) {
    const auto whole = found_in({sample.text});
    EXPECT_TRUE(shows(whole, sample.coded, kSampleText)) << sample.made_by << "\n" << listed(whole);
  }
}

TEST(RunFinder, FindsTheSameHoweverTheTextIsCut) {
  for (const EncodedSample& sample : kEncodedSamples) {
    const auto whole = found_in({sample.text});
    for (std::size_t cut = 1; cut < sample.text.size(); ++cut) {
      ASSERT_EQ(found_in({sample.text.substr(0, cut), sample.text.substr(cut)}), whole)
          << sample.made_by << " cut at " << cut;
    }
    EXPECT_EQ(found_in_steps(sample.text, 1), whole) << sample.made_by;
    EXPECT_EQ(found_in_steps(sample.text, 63), whole) << sample.made_by;
  }
}

TEST(RunFinder, FindsThemOneBehindTheOther) {
  Bytes all;
  for (const EncodedSample& sample : kEncodedSamples) {
    all += "Some words of prose, and then a sample that is encoded somehow:\n\n";
    all += sample.text;
    all += "\n";
  }
  const auto whole = found_in({all});
  for (const std::size_t step : {1u, 7u, 64u, 100u, 4096u}) {
    EXPECT_EQ(found_in_steps(all, step), whole) << step;
  }
  for (const Coded coded : {Coded::Base64, Coded::Base32, Coded::Hex, Coded::Numbers, Coded::Dump,
                            Coded::QuotedPrintable, Coded::Uuencode}) {
    const auto samples = std::ranges::count(kEncodedSamples, coded, &EncodedSample::coded);
    const auto found = std::ranges::count_if(whole, [coded](const ViewText& view) {
      return view.coded == coded && view.text.find(kSampleText) != Bytes::npos;
    });
    EXPECT_GE(found, samples) << static_cast<int>(coded);
  }
}

TEST(RunFinder, ProseHoldsNothing) {
  const auto found = found_in(
      {"The quick brown fox jumps over the lazy dog, and some of the words here are not short: "
       "responsibilities has sixteen letters. It was the best of times, it was the worst of "
       "times.\n\n  int main(int argc, char** argv) { return argc > 1 ? run(argv[1]) : usage(); }\n"
       "a=1&b=2&c=3; 10, 20, 30, 40\n"});
  EXPECT_EQ(found.size(), 0u) << listed(found);
}

TEST(RunFinder, ARunsPlaceInTheTextIsTold) {
  const auto found = found_in({"{\"x\": \"YSBwbGFpbiB0ZXh0IG9mIDI2IGxldHRlcnM=\"}"});
  ASSERT_EQ(found.size(), 1u) << listed(found);
  EXPECT_EQ(found[0].text, "a plain text of 26 letters");
  EXPECT_EQ(found[0].begin, 7u);
  EXPECT_EQ(found[0].end, 42u);
}

TEST(RunFinder, ACompressedStreamBehindAPathIsFound) {
  for (const ByteView prefix : {"/v1/upload/", "name-of-it-", "a/", ""}) {
    const Bytes in = Bytes(prefix) + "H4sIAAAAAAAAA8tIzcnJVyjPL8pJ4eICAC0AZGINAAAA";
    EXPECT_TRUE(shows(found_in({in}), Coded::Base64, ByteView("\x1f\x8b\x08\0", 4))) << in;
  }
}

TEST(RunFinder, LinesOfTheirOwnAreReadFromTheirBeginning) {
  // Each line is base64 of its own, and decodes to 29 bytes: a continued reading would be off.
  const auto found =
      found_in({"[\"YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTI\",\n"
                " \"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTI\"]"});
  EXPECT_TRUE(shows(found, Coded::Base64, "abcdefghijklmnopqrstuvwxyz012")) << listed(found);
  EXPECT_TRUE(shows(found, Coded::Base64, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012")) << listed(found);
}

TEST(RunFinder, LongRunsAreStreamed) {
  std::mt19937 random(1);
  Bytes bytes;
  for (int i = 0; i < 100'000; ++i) bytes.push_back(static_cast<char>(random()));
  static constexpr ByteView kHex = "0123456789abcdef";
  Bytes hex;
  for (const char byte : bytes) {
    hex += kHex[static_cast<unsigned char>(byte) >> 4];
    hex += kHex[static_cast<unsigned char>(byte) & 15];
  }
  const auto found = found_in({hex});
  EXPECT_TRUE(shows(found, Coded::Hex, bytes));
  EXPECT_EQ(found_in_steps(hex, 1000), found);
}

TEST(RunFinder, WhatIsThereSoFarIsHandedOutAtOnce) {
  ViewTexts texts;
  RunFinder finder(texts);
  finder.feed("YSBwbGFpbiB0ZXh0IG9mIDI3IGxldHRlcnMu");
  EXPECT_EQ(texts.size(), 27u);
  EXPECT_FALSE(finder.idle());
  finder.flush();
}

// Whatever comes: the children together stay within three bytes for one, and no cut changes them.
TEST(RunFinder, ChildrenAreBounded) {
  std::mt19937 random(7);
  static constexpr ByteView kAlphabets[] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
                                            "0123456789abcdef",
                                            "0123456789 \n",
                                            "abcdefgh01-=/\\x \n",
                                            "AQgw",
                                            "ICAg\n\"",
                                            "=5F\nab"};
  for (const ByteView alphabet : kAlphabets) {
    Bytes in;
    for (int i = 0; i < 20'000; ++i) in += alphabet[random() % alphabet.size()];
    ViewTexts texts;
    RunFinder finder(texts);
    finder.feed(in);
    finder.flush();
    EXPECT_LE(texts.size(), 3 * in.size()) << alphabet;
    for (const std::size_t step : {1u, 3u, 64u, 777u}) {
      ASSERT_EQ(found_in_steps(in, step), texts.texts()) << alphabet << " in steps of " << step;
    }
  }
}

}  // namespace
}  // namespace bottle
