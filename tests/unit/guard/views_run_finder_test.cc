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

std::vector<ViewText> found_in_steps(ByteView in, std::size_t step,
                                     RunFinder::Reading reading = RunFinder::Reading::Fast) {
  ViewTexts texts;
  RunFinder finder(texts, reading);
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

// Characters that are text in all alignments, and base32 or hex, too.
TEST(RunFinder, ChildrenAreCutOffAtThreeBytesForOne) {
  static constexpr ByteView kBusiest[] = {"ICAgICAg", "ICAg2222", "MjIyMjIy", "22222222", "IiIi"};
  for (const ByteView unit : kBusiest) {
    Bytes in;
    while (in.size() < 50'000) in += unit;
    for (const std::size_t step : {1u, 100u, 16'384u}) {
      ViewTexts texts;
      RunFinder finder(texts);
      for (std::size_t i = 0; i < in.size(); i += step) {
        finder.feed(ByteView(in).substr(i, step));
        EXPECT_LE(texts.size(), 3 * std::min(in.size(), i + step));
      }
      finder.flush();
      EXPECT_TRUE(texts.is_sound());
      EXPECT_LE(texts.size(), 3 * in.size());
      // The known alignment is whole.
      const auto found = texts.texts();
      ASSERT_FALSE(found.empty());
      EXPECT_EQ(found.front().slot, 0);
      EXPECT_EQ(found.front().text.size(), in.size() / 4 * 3);
    }
  }
}

// Text for what is passed a block at a time: samples, numbers, words of one length, prose and bytes
// behind each other, so that quiet and other text meet at any place of a block.
class RandomText {
 public:
  explicit RandomText(unsigned seed) : random_(seed) {}

  Bytes next() {
    Bytes text;
    for (const std::size_t size = 300 + below(6000); text.size() < size;) {
      add(text);
      if (below(3) > 0) text += gap();
    }
    return text;
  }
  std::size_t below(std::size_t bound) { return random_() % bound; }

 private:
  void add(Bytes& text) {
    switch (below(8)) {
      case 0:
        return add_sample(text);
      case 1:
        return add_words(text, alphabet(), 1, 1 + below(200), "");
      case 2:
        return add_words(text, alphabet(), below(14), 1 + below(21), gap());
      case 3:
        return add_numbers(text);
      case 4:
        for (std::size_t i = below(30); i > 0; --i) (text += word()) += gap();
        return;
      case 5:
        for (std::size_t i = below(60); i > 0; --i) text += static_cast<char>(random_());
        return;
      default:
        for (std::size_t i = below(60); i > 0; --i) {
          add_words(text, "abcdefghijklmnopqrstuvwxyz", 1, 1 + below(9), " ");
        }
    }
  }

  void add_sample(Bytes& text) {
    const ByteView sample = kEncodedSamples[below(std::size(kEncodedSamples))].text;
    text += below(2) == 0 ? sample : sample.substr(below(sample.size()), below(200));
  }
  void add_words(Bytes& text, ByteView of, std::size_t count, std::size_t size, ByteView between) {
    for (; count > 0; --count) {
      for (std::size_t i = 0; i < size; ++i) text += of[below(of.size())];
      text += between;
    }
  }
  void add_numbers(Bytes& text) {
    const ByteView between = gap();
    for (std::size_t i = below(16); i > 0; --i) (text += std::to_string(below(300))) += between;
  }

  ByteView alphabet() {
    static constexpr ByteView kAlphabets[] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
                                              "0123456789abcdef",
                                              "0123456789 \n",
                                              "abcdefgh01-=/\\x \n",
                                              "=5F\nab",
                                              "abcdef0123456789 :\n\""};
    return kAlphabets[below(std::size(kAlphabets))];
  }
  ByteView gap() {
    static constexpr ByteView kGaps[] = {" ",      "\n",   ", ",
                                         "=",      "=\n",  ": ",
                                         "\", \"", "\n> ", "                                ",
                                         "\\x",    "0x",   "                                 ",
                                         "=5F",    "=3D",  "\xe6\xbc\xa2\xe5\xad\x97"};
    return kGaps[below(std::size(kGaps))];
  }
  ByteView word() {
    static constexpr ByteView kWords[] = {
        "the", "responsibilities", "deadbeef", "00000010", "123", "0377",
        "a",   "begin 644 a\n",    "begin",    "1234567",  "255", "xx"};
    return kWords[below(std::size(kWords))];
  }

  std::mt19937 random_;
};

TEST(RunFinder, FindsTheSameAsIfEachWordWereLookedAt) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    RandomText random(seed);
    const Bytes text = random.next();
    const auto exact = found_in_steps(text, text.size(), RunFinder::Reading::Exact);
    const std::size_t step = 257 + random.below(3000);
    for (const auto reading : {RunFinder::Reading::Fast, RunFinder::Reading::Portable}) {
      ASSERT_EQ(found_in_steps(text, text.size(), reading), exact) << seed;
      ASSERT_EQ(found_in_steps(text, step, reading), exact) << seed << ", steps of " << step;
    }
  }
}

TEST(RunFinder, CutsBesideTheQuietTextChangeNothing) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    const Bytes text = RandomText(seed + 1000).next().substr(0, 1000);
    const auto exact = found_in_steps(text, text.size(), RunFinder::Reading::Exact);
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(found_in({ByteView(text).substr(0, cut), ByteView(text).substr(cut)}), exact)
          << seed << " cut at " << cut;
    }
  }
}

}  // namespace
}  // namespace bottle
