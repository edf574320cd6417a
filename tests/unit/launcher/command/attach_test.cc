#include "launcher/command/attach.h"

#include <gtest/gtest.h>

namespace bottle::launcher {
namespace {

TEST(DetachKeys, AreTwoInARow) {
  struct Case {
    std::string typed;
    std::string text;
    bool detach;
  };
  for (const auto& [typed, text, detach] :
       {Case{"", "", false}, Case{"abc", "abc", false}, Case{"\x10\x11", "", true},
        Case{"ab\x10\x11"
             "cd",
             "ab", true},
        Case{"\x10x", "\x10x", false}, Case{"\x10\x10\x11", "\x10", true},
        Case{"\x11\x10x", "\x11\x10x", false}}) {
    // However the keys arrive.
    for (std::size_t cut = 0; cut <= typed.size(); ++cut) {
      DetachKeys keys;
      const auto first = keys.take(std::string_view(typed).substr(0, cut));
      std::string all = first.text;
      bool left = first.detach;
      if (!left) {
        const auto second = keys.take(std::string_view(typed).substr(cut));
        all += second.text;
        left = second.detach;
      }
      EXPECT_EQ(all, text) << cut;
      EXPECT_EQ(left, detach) << cut;
    }
  }
}

TEST(DetachKeys, AHalfOfThemWaitsForTheNextKey) {
  DetachKeys keys;
  EXPECT_EQ(keys.take("\x10").text, "");
  EXPECT_EQ(keys.take("x").text, "\x10x");
}

TEST(ScreenWatch, KnowsWhichScreenIsShown) {
  const std::string enter = "\033[?1049h";
  const std::string leave = "\033[?1049l";
  for (std::size_t cut = 0; cut <= enter.size(); ++cut) {
    ScreenWatch watch;
    watch.see("text " + enter.substr(0, cut));
    watch.see(enter.substr(cut) + " more");
    EXPECT_TRUE(watch.other_screen()) << cut;
    watch.see(std::string(1000, 'x'));
    EXPECT_TRUE(watch.other_screen()) << cut;
    watch.see(leave.substr(0, cut));
    watch.see(leave.substr(cut));
    EXPECT_FALSE(watch.other_screen()) << cut;
  }
  ScreenWatch watch;
  watch.see(enter + leave + enter);
  EXPECT_TRUE(watch.other_screen());
  watch.see(leave + enter + leave);
  EXPECT_FALSE(watch.other_screen());
}

}  // namespace
}  // namespace bottle::launcher
