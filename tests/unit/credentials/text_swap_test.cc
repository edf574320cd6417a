#include "proxy/credentials/text_swap.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "proxy/contract/locked_bytes.h"

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

namespace bottle {
namespace {

std::string in_pieces(const std::string& text, const std::vector<std::size_t>& cuts,
                      const std::vector<const SwapPair*>& pairs,
                      TextSwaps::Hold hold = TextSwaps::Hold::Fixed) {
  TextSwaps swaps(pairs, hold);
  std::string out;
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    out += swaps.feed(text.substr(at, cut - at));
    at = cut;
  }
  out += swaps.feed(text.substr(at));
  return out + swaps.finish();
}

struct Case {
  std::string from, to, text, want;
};
const std::vector<Case> kCases{
    {"sk-Zq8Rw3Tn6y", "sk-Lf4Ck9Pe2s", "a sk-Zq8Rw3Tn6y b", "a sk-Lf4Ck9Pe2s b"},
    {"sk-Zq8Rw3Tn6y", "sk-Lf4Ck9Pe2s", "sk-Zq8Rw3Tn6ysk-Zq8Rw3Tn6y", "sk-Lf4Ck9Pe2ssk-Lf4Ck9Pe2s"},
    {"sk-Zq8Rw3Tn6y", "sk-Lf4Ck9Pe2s", "sk-Zq8Rsk-Zq8Rw3Tn6", "sk-Zq8Rsk-Zq8Rw3Tn6"},
    {"sk-Zq8Rw3Tn6y", "sk-Lf4Ck9Pe2s", "ssk-sk-Zq8Rw3Tn6ys", "ssk-sk-Lf4Ck9Pe2ss"},
    {"aabaabaac", "123456789", "aabaabaabaabaac aabaabaa", "aabaab123456789 aabaabaa"},
    {"aaaa", "bbbb", "aaaaaaaaa", "bbbbbbbba"},
    {"x", "y", "axxb", "ayyb"},
    {"secret", "public", "", ""},
};

TEST(TextSwap, OtherLengths) {
  const std::vector<Case> cases{
      {"sk-Zq8Rw3", "longer-by-far", "a sk-Zq8Rw3 b", "a longer-by-far b"},
      {"sk-Zq8Rw3", "s", "sk-Zq8Rw3sk-Zq8Rw3", "ss"},
      {"sk-Zq8Rw3", "", "xsk-Zq8Rsk-Zq8Rw3y", "xsk-Zq8Ry"},
      {"aaaa", "bb", "aaaaaaaaa", "bbbba"},
      {"x", "yyyy", "axxb", "ayyyyyyyyb"},
  };
  for (const Case& one : cases) {
    const SwapPair pair(one.from, one.to);
    for (std::size_t a = 0; a <= one.text.size(); ++a) {
      for (std::size_t b = a; b <= one.text.size(); ++b) {
        EXPECT_EQ(in_pieces(one.text, {a, b}, {&pair}, TextSwaps::Hold::Least), one.want)
            << one.text << " " << a << " " << b;
      }
    }
  }
}

// The one that begins first, wherever the pieces end.
TEST(TextSwap, OtherLengthsThatOverlap) {
  const SwapPair first("abcdef", "1");
  const SwapPair second("efghijkl", "22222222222");
  const std::string text = "abcdefghijkl efghijkl abcde efghijk";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(in_pieces(text, {cut}, {&first, &second}, TextSwaps::Hold::Least),
              "1ghijkl 22222222222 abcde efghijk")
        << cut;
  }
}

TEST(TextSwap, DoesNotDependOnTheCuts) {
  for (const Case& one : kCases) {
    const SwapPair pair(one.from, one.to);
    const std::vector<const SwapPair*> pairs{&pair};
    for (std::size_t a = 0; a <= one.text.size(); ++a) {
      for (std::size_t b = a; b <= one.text.size(); ++b) {
        for (const auto hold : {TextSwaps::Hold::Fixed, TextSwaps::Hold::Least}) {
          EXPECT_EQ(in_pieces(one.text, {a, b}, pairs, hold), one.want)
              << one.text << " " << a << " " << b;
        }
      }
    }
    std::vector<std::size_t> each;
    for (std::size_t i = 1; i < one.text.size(); ++i) each.push_back(i);
    EXPECT_EQ(in_pieces(one.text, each, pairs), one.want);
    std::string whole = one.text;
    EXPECT_EQ(swap_in(whole, pairs), one.text != one.want);
    EXPECT_EQ(whole, one.want);
  }
}

TEST(TextSwap, HoldsBackOnlyWhatMayBegin) {
  const SwapPair pair("sk-Zq8Rw3", "sk-Lf4Ck9");
  TextSwaps swaps({&pair}, TextSwaps::Hold::Least);
  EXPECT_EQ(swaps.feed("data: sk-Zq8\n\n"), "data: sk-Zq8\n\n");
  EXPECT_EQ(swaps.feed("data: sk-Zq8"), "data: ");
  EXPECT_EQ(swaps.feed("Rw3!"), "sk-Lf4Ck9!");
  EXPECT_EQ(swaps.finish(), "");
}

// The sizes of what comes out, after pieces of each size.
std::vector<std::size_t> sizes_of(const std::string& text, std::size_t slice,
                                  const std::vector<const SwapPair*>& pairs) {
  TextSwaps swaps(pairs, TextSwaps::Hold::Fixed);
  std::vector<std::size_t> sizes;
  for (std::size_t at = 0; at < text.size(); at += slice) {
    sizes.push_back(swaps.feed(text.substr(at, slice)).size());
  }
  sizes.push_back(swaps.finish().size());
  return sizes;
}

TEST(TextSwap, NeitherTimeNorSizeTellsOfTheText) {
  const std::string value = "sk-Zq8Rw3Tn6y";
  const SwapPair pair(value, "sk-Lf4Ck9Pe2s");
  const SwapPair shorter("Rw3T", "0000");
  const std::vector<const SwapPair*> pairs{&pair, &shorter};
  for (std::size_t guessed = 0; guessed <= value.size(); ++guessed) {
    const std::string text = "you said " + value.substr(0, guessed);
    const std::string other = "you said " + std::string(guessed, '#');
    for (std::size_t slice = 1; slice <= text.size(); ++slice) {
      EXPECT_EQ(sizes_of(text, slice, pairs), sizes_of(other, slice, pairs)) << text << slice;
      EXPECT_EQ(sizes_of("a\n" + text + "\nb", slice, pairs),
                sizes_of("a\n" + other + "\nb", slice, pairs));
    }
  }
  TextSwaps swaps(pairs, TextSwaps::Hold::Fixed);
  EXPECT_EQ(swaps.feed("data: sk-Zq8\n\n"), "data: sk-Zq8\n\n");
  EXPECT_EQ(swaps.feed("0123456789abcdef"), "0123");
  EXPECT_EQ(swaps.feed("g"), "4");
  EXPECT_EQ(swaps.feed("\nh"), "56789abcdefg\n");
  EXPECT_EQ(swaps.feed("ij", 1), "hi");
  EXPECT_EQ(swaps.finish(), "j");
}

TEST(TextSwap, EveryByteOfTwoThatOverlapIsReplaced) {
  const SwapPair longer("Zq8Rw3Tn6y", "Lf4Ck9Pe2s");
  const SwapPair shorter("abZq", "0000");
  const std::string text = "abZq8Rw3Tn6y abZq";
  for (std::size_t a = 0; a <= text.size(); ++a) {
    EXPECT_EQ(in_pieces(text, {a}, {&longer, &shorter}), "00Lf4Ck9Pe2s 0000");
    EXPECT_EQ(in_pieces(text, {a}, {&shorter, &longer}), "00004Ck9Pe2s 0000");
  }
}

TEST(TextSwap, ALongerOneComesFirst) {
  const SwapPair longer("Zq8Rw3Tn6y", "Lf4Ck9Pe2s");
  const SwapPair shorter("Rw3T", "0000");
  EXPECT_EQ(in_pieces("Zq8Rw3Tn6y Rw3T Zq8Rw3T", {3, 11, 19}, {&longer, &shorter}),
            "Lf4Ck9Pe2s 0000 Zq80000");
}

// The kernel's flags of the pages that hold `address`.
std::string flags_of(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      here = begin <= wanted && wanted < end;
    }
    if (here && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

TEST(LockedBytes, IsLockedAndLeftOutOfDumps) {
  LockedBytes some(5000);
  EXPECT_EQ(some.span().size(), 5000U);
  some.span().back() = 'x';
  const std::string flags = flags_of(some.span().data());
  EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
  // The sanitizers lock nothing, and say that they did.
  if (!kSanitized) {
    EXPECT_EQ(flags.find(" lo ") != std::string::npos, some.locked()) << flags;
  }
  LockedBytes none(0);
  EXPECT_TRUE(none.span().empty());
  EXPECT_TRUE(none.locked());
}

}  // namespace
}  // namespace bottle
