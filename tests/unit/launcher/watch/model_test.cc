// Keys, lines and asks change the view.
#include "launcher/watch/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "launcher/watch/view.h"
#include "tests/unit/launcher/watch/model_play.h"

namespace bottle::launcher::watch {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Size kWindow{.rows = 24, .columns = 80};

TEST(WatchModel, TheEndOfAnExchangeTakesThePlaceOfItsBeginning) {
  Played play;
  play.model.audit_line(play.bottle, begin_line("11:00:01", "a", "slow.test"));
  play.model.audit_line(play.bottle, end_line("11:00:02", "b", "fast.test", "allowed"));
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("2 lines, 1 open"));
  play.model.audit_line(play.bottle, end_line("11:00:01", "a", "slow.test", "failed"));
  const std::string text = play.model.screen(kWindow).text();
  EXPECT_THAT(text, HasSubstr("2 lines, 0 open, 0 refused, 1 failed"));
  EXPECT_LT(text.find("FAILED  200 GET     slow.test"), text.find("ok      200 GET     fast.test"));
}

TEST(WatchModel, AnOpenExchangeShowsHowLongItRuns) {
  Played play;
  play.model.audit_line(play.bottle, begin_line("11:00:01", "a", "slow.test"));
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr(" 18000\n"));
  play.model.time_is((kNow + 100) * 1000);
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("  118s\n"));
}

TEST(WatchModel, AnExchangeWithoutAnEndIsLostWithItsBottle) {
  Played play;
  play.model.audit_line(play.bottle, begin_line("11:00:01", "a", "slow.test"));
  play.model.bottle_ended(play.bottle);
  const std::string text = play.model.screen(kWindow).text();
  EXPECT_THAT(text, HasSubstr("LOST"));
  EXPECT_THAT(text, HasSubstr("default ended"));
  EXPECT_THAT(text, HasSubstr("the log does not have its end"));
}

TEST(WatchModel, AFindingOfAnExchangeThatHadBegunIsNoLineOfItsOwn) {
  Played play;
  play.model.audit_line(play.bottle, begin_line("11:00:01", "a", "x.test"));
  play.model.audit_line(play.bottle,
                        end_line("11:00:01", "a", "x.test", "refused", R"(,"begun":true)"));
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("1 line, 1 open"));
}

TEST(WatchModel, LinesThatAreNoneAreLeftOut) {
  Played play;
  for (const char* line : {"", "{", "[]", "17", "null", R"({"time":)"}) {
    play.model.audit_line(play.bottle, line);
  }
  EXPECT_TRUE(play.model.state().history.rows().empty());
  // Keys of other kinds than expected are no reason to fail.
  play.model.audit_line(play.bottle, R"({"time":1,"id":[],"kind":{},"host":null,"port":"x",)"
                                     R"("findings":[1],"scanned":{},"total_ms":"y"})");
  EXPECT_EQ(play.model.state().history.rows().size(), 1U);
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("event"));
}

TEST(WatchModel, AnAskThatIsOverIsAnEvent) {
  Played play;
  play.model.audit_line(
      play.bottle,
      audit_line("11:00:02", "", "ask",
                 R"("method":"GET","host":"late.test","port":443,"path":"/a","status":0,)"
                 R"("total_ms":11039,"verdict":"allowed","detail":"2 requests waited",)"
                 R"("by":"policy","answer":"once","who":"uid 1000")"));
  const std::string text = play.model.screen(kWindow).text();
  EXPECT_THAT(text, HasSubstr("asked   -   GET     late.test/a                 -  11039\n"));
  EXPECT_THAT(text, HasSubstr("|once by uid 1000, 2 requests waited\n"));
}

// A host that --learn let pass can be saved from its line.
TEST(WatchModel, ALearnedHostStandsOutAndIsAllowed) {
  Played play;
  play.model.audit_line(play.bottle,
                        end_line("11:00:02", "a", "new.test", "allowed", R"(,"learned":true)"));
  EXPECT_THAT(settle(play.model).text(), HasSubstr("learned 200 GET     new.test/"));
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("not in the allowlist   a allow"));
  type(play.model, "s");
  const auto actions = play.model.take_actions();
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].host, "new.test");
  EXPECT_TRUE(actions[0].save);
}

TEST(WatchModel, HistoryIsBoundedAndOpenExchangesStay) {
  History history(3);
  const auto add = [&history](const std::string& line) {
    auto row = row_of("b", line);
    ASSERT_TRUE(row);
    history.add(std::move(*row));
  };
  add(begin_line("11:00:01", "open", "open.test"));
  for (int i = 0; i < 10; ++i) {
    add(end_line("11:00:02", "n" + std::to_string(i), std::to_string(i) + ".test", "allowed"));
  }
  ASSERT_EQ(history.rows().size(), 3U);
  EXPECT_EQ(history.rows().begin()->second.host, "open.test");
  EXPECT_EQ(history.rows().rbegin()->second.host, "9.test");
  // If all are open, the oldest goes, and its end is a line of its own.
  for (int i = 0; i < 3; ++i) add(begin_line("11:00:03", "m" + std::to_string(i), "more.test"));
  EXPECT_EQ(history.rows().size(), 3U);
  EXPECT_EQ(history.open_count(), 3U);
  add(end_line("11:00:01", "open", "open.test", "allowed"));
  EXPECT_EQ(history.rows().size(), 3U);
  EXPECT_EQ(history.open_count(), 2U);
  // A beginning that comes twice is one exchange.
  add(begin_line("11:00:03", "m2", "more.test"));
  EXPECT_EQ(history.open_count(), 2U);
}

TEST(WatchModel, TheFilterFindsHostsVerdictsAndReasons) {
  Played play;
  play.model.audit_line(play.bottle, end_line("11:00:01", "a", "one.test", "allowed"));
  play.model.audit_line(play.bottle, refused_line("11:00:02", "b", "two.test"));
  for (const auto& [filter, host] :
       {std::pair{"ONE", "one.test"}, std::pair{"refused", "two.test"},
        std::pair{"host_not", "two.test"}, std::pair{"403", "two.test"}}) {
    type(play.model, "/");
    type(play.model, filter);
    press(play.model, Key::Kind::kEnter);
    const std::string text = play.model.screen(kWindow).text();
    EXPECT_THAT(text, HasSubstr(host)) << filter;
    EXPECT_THAT(text, HasSubstr("1 line,")) << filter;
    EXPECT_THAT(text, HasSubstr(std::string("/") + filter));
    press(play.model, Key::Kind::kEscape);
  }
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("2 lines,"));
  type(play.model, "/nothing");
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("no line has \"nothing\""));
  // q is a letter while a filter is typed.
  type(play.model, "q");
  EXPECT_FALSE(play.model.wants_to_quit());
  for (int i = 0; i < 300; ++i) type(play.model, "x");
  EXPECT_EQ(play.model.state().filter.size(), kMaxFilter);
}

TEST(WatchModel, NewLinesDoNotMoveWhatIsRead) {
  Played play;
  for (int i = 0; i < 100; ++i) {
    play.model.audit_line(play.bottle, end_line("11:00:01", "a" + std::to_string(i),
                                                "h" + std::to_string(i) + ".test", "allowed"));
  }
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("h99.test"));
  press(play.model, Key::Kind::kPageUp);
  const std::string before = play.model.screen(kWindow).text();
  EXPECT_THAT(before, HasSubstr("paused"));
  for (int i = 100; i < 200; ++i) {
    play.model.audit_line(play.bottle, end_line("11:00:02", "a" + std::to_string(i),
                                                "h" + std::to_string(i) + ".test", "allowed"));
  }
  const std::string after = play.model.screen(kWindow).text();
  // All but the counters of the title.
  EXPECT_EQ(before.substr(before.find('\n')), after.substr(after.find('\n')));
  type(play.model, "G");
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("h199.test"));
  type(play.model, "g");
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr(" h0.test"));
  for (int i = 0; i < 199; ++i) type(play.model, "j");
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("paused"));
  type(play.model, "j");
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("follows"));
}

TEST(WatchModel, OneBottleCanBeChosen) {
  Played play;
  play.model.bottle_started({.id = "bbbb", .name = "claude", .started = kNow - 4});
  play.model.audit_line(play.bottle, end_line("11:00:01", "a", "one.test", "allowed"));
  play.model.audit_line("bbbb", end_line("11:00:02", "a", "two.test", "allowed"));
  press(play.model, Key::Kind::kRight);
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("one.test"));
  EXPECT_THAT(play.model.screen(kWindow).text(), Not(HasSubstr("two.test")));
  press(play.model, Key::Kind::kRight);
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("two.test"));
  EXPECT_THAT(play.model.screen(kWindow).text(), Not(HasSubstr("one.test")));
  press(play.model, Key::Kind::kRight);
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr(">all"));
  press(play.model, Key::Kind::kLeft);
  EXPECT_EQ(play.model.state().only, "bbbb");
}

TEST(WatchModel, BottlesThatHaveEndedAreBounded) {
  Played play;
  for (int i = 0; i < 200; ++i) {
    const std::string id = "id" + std::to_string(i);
    play.model.bottle_started({.id = id, .name = "n", .started = kNow});
    play.model.bottle_ended(id);
  }
  EXPECT_EQ(play.model.state().bottles.size(), kMaxEnded + 1);
  EXPECT_TRUE(play.model.has_bottle(play.bottle));
}

TEST(WatchModel, ARefusedHostIsAllowedFromItsLine) {
  struct Case {
    char key;
    Action::Answer answer;
    bool save;
  };
  for (const Case& one :
       {Case{'a', Action::Answer::kAllow, false}, Case{'o', Action::Answer::kOnce, false},
        Case{'s', Action::Answer::kAllow, true}}) {
    for (const bool in_detail : {false, true}) {
      Played play;
      play.model.audit_line(play.bottle, refused_line("11:00:02", "b", "late.test"));
      (void)settle(play.model);
      if (in_detail) press(play.model, Key::Kind::kEnter);
      type(play.model, std::string(1, one.key));
      const auto actions = play.model.take_actions();
      ASSERT_EQ(actions.size(), 1U) << one.key;
      EXPECT_EQ(actions[0].bottle, play.bottle);
      EXPECT_EQ(actions[0].host, "late.test");
      EXPECT_EQ(actions[0].ask, "");
      EXPECT_EQ(actions[0].answer, one.answer);
      EXPECT_EQ(actions[0].save, one.save);
      EXPECT_TRUE(play.model.take_actions().empty());
    }
  }
}

TEST(WatchModel, OtherLinesAreNotAllowed) {
  Played play;
  play.model.audit_line(play.bottle, end_line("11:00:01", "a", "one.test", "allowed"));
  (void)settle(play.model);
  type(play.model, "a");
  EXPECT_TRUE(play.model.take_actions().empty());
  EXPECT_THAT(play.model.screen(kWindow).text(),
              HasSubstr("only a host that the allowlist does not have"));
  // A name that is none for a shell, nor for a manifest.
  play.model.audit_line(play.bottle, refused_line("11:00:02", "b", "`reboot`.test"));
  (void)settle(play.model);
  type(play.model, "s");
  EXPECT_TRUE(play.model.take_actions().empty());
  play.model.audit_line(play.bottle, refused_line("11:00:03", "c", "late.test"));
  play.model.bottle_ended(play.bottle);
  (void)settle(play.model);
  type(play.model, "a");
  EXPECT_TRUE(play.model.take_actions().empty());
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("has ended"));
  type(play.model, "d");
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("bottle deny HOST"));
}

// The agent chooses when its requests come, but not what the person's next key says.
TEST(WatchModel, AKeyDoesNotActOnWhatHasJustCome) {
  Played play;
  play.model.audit_line(play.bottle, refused_line("11:00:02", "a", "wanted.test"));
  (void)settle(play.model);
  play.model.audit_line(play.bottle, refused_line("11:00:03", "b", "sly.test"));
  (void)play.model.screen(kWindow);
  type(play.model, "a");
  EXPECT_TRUE(play.model.take_actions().empty());
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("has just changed"));
  // Drawn before the line came: the key is for the one that was on the screen.
  (void)settle(play.model);
  play.model.audit_line(play.bottle, refused_line("11:00:04", "c", "slyer.test"));
  type(play.model, "a");
  const auto actions = play.model.take_actions();
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].host, "sly.test");
  // A line that has stood there needs no more time when the person moves to it.
  (void)settle(play.model);
  press(play.model, Key::Kind::kUp);
  type(play.model, "a");
  EXPECT_EQ(play.model.take_actions().size(), 1U);
}

TEST(WatchModel, AsksTakeTheKeysAndGiveThemBack) {
  Played play;
  play.model.audit_line(play.bottle, refused_line("11:00:02", "a", "line.test"));
  (void)settle(play.model);
  play.model.asks_are(play.bottle, {ask_of(play.bottle, "3", "pypi.org")});
  EXPECT_TRUE(play.model.take_bell());
  EXPECT_FALSE(play.model.take_bell());
  (void)play.model.screen(kWindow);
  type(play.model, "a");
  EXPECT_TRUE(play.model.take_actions().empty()) << "it has just come";
  (void)settle(play.model);
  type(play.model, "dd");
  auto actions = play.model.take_actions();
  ASSERT_EQ(actions.size(), 1U) << "a key that is pressed twice is one answer";
  EXPECT_EQ(actions[0].ask, "3");
  EXPECT_EQ(actions[0].host, "pypi.org");
  EXPECT_EQ(actions[0].answer, Action::Answer::kDeny);
  EXPECT_FALSE(play.model.state().asks.empty()) << "the answer may not go out";
  play.model.ask_was_answered(play.bottle, "3");
  EXPECT_TRUE(play.model.state().asks.empty()) << "it is on its way";
  EXPECT_FALSE(play.model.take_bell());
  (void)settle(play.model);
  type(play.model, "a");
  actions = play.model.take_actions();
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].host, "line.test");
}

TEST(WatchModel, TheNextAskHasToSettleToo) {
  Played play;
  play.model.asks_are(play.bottle,
                      {ask_of(play.bottle, "3", "one.test"), ask_of(play.bottle, "4", "two.test")});
  (void)settle(play.model);
  // The first one is over, and the second one stands in its place.
  play.model.asks_are(play.bottle, {ask_of(play.bottle, "4", "two.test")});
  (void)play.model.screen(kWindow);
  type(play.model, "a");
  EXPECT_TRUE(play.model.take_actions().empty());
  (void)settle(play.model);
  type(play.model, "o");
  const auto actions = play.model.take_actions();
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].ask, "4");
  EXPECT_EQ(actions[0].answer, Action::Answer::kOnce);
}

// A key that moves, or goes nowhere, makes nothing older than it is.
TEST(WatchModel, AMoveDoesNotSettleWhatHasJustCome) {
  for (const char* keys : {"ja", "jka", "ka", "jo"}) {
    Played play;
    play.model.asks_are(play.bottle, {ask_of(play.bottle, "3", "one.test")});
    (void)settle(play.model);
    play.model.asks_are(play.bottle, {ask_of(play.bottle, "4", "sly.test")});
    (void)play.model.screen(kWindow);
    play.model.time_is(play.model.state().now_ms + 160);
    type(play.model, keys);
    EXPECT_TRUE(play.model.take_actions().empty()) << keys;
    (void)settle(play.model);
    type(play.model, keys);
    EXPECT_EQ(play.model.take_actions().size(), 1U) << keys;
  }
  // A new one below the chosen one.
  Played play;
  const auto one = ask_of(play.bottle, "3", "one.test");
  const auto sly = ask_of(play.bottle, "4", "sly.test");
  play.model.asks_are(play.bottle, {one});
  (void)settle(play.model);
  play.model.asks_are(play.bottle, {one, sly});
  type(play.model, "ja");
  EXPECT_TRUE(play.model.take_actions().empty()) << "no screen has had it";
  (void)play.model.screen(kWindow);
  type(play.model, "a");
  EXPECT_TRUE(play.model.take_actions().empty());
  (void)settle(play.model);
  type(play.model, "a");
  EXPECT_EQ(play.model.take_actions().size(), 1U);
}

// The person moved from the first to the second, and not to the third.
TEST(WatchModel, AMoveFromWhatHasJustMovedUpIsNoChoice) {
  Played play;
  const auto two = ask_of(play.bottle, "4", "two.test");
  const auto three = ask_of(play.bottle, "5", "three.test");
  play.model.asks_are(play.bottle, {ask_of(play.bottle, "3", "one.test"), two, three});
  (void)settle(play.model);
  type(play.model, "j");
  type(play.model, "k");
  play.model.asks_are(play.bottle, {two, three});
  type(play.model, "ja");
  EXPECT_TRUE(play.model.take_actions().empty());
  (void)settle(play.model);
  type(play.model, "a");
  const auto actions = play.model.take_actions();
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].host, "three.test");
}

TEST(WatchModel, TheChosenAskStaysChosen) {
  Played play;
  play.model.bottle_started({.id = "bbbb", .name = "claude", .started = kNow});
  play.model.asks_are("bbbb", {ask_of("bbbb", "1", "one.test"), ask_of("bbbb", "2", "two.test")});
  press(play.model, Key::Kind::kDown);
  (void)settle(play.model);
  // Asks of another bottle come, and the list is in another order.
  play.model.asks_are(play.bottle, {ask_of(play.bottle, "9", "nine.test")});
  play.model.asks_are("bbbb", {ask_of("bbbb", "1", "one.test"), ask_of("bbbb", "2", "two.test")});
  (void)play.model.screen(kWindow);
  type(play.model, "s");
  const auto actions = play.model.take_actions();
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].host, "two.test");
  EXPECT_TRUE(actions[0].save);
}

TEST(WatchModel, TabGivesTheKeysToTheLines) {
  Played play;
  play.model.audit_line(play.bottle, refused_line("11:00:02", "a", "line.test"));
  play.model.asks_are(play.bottle, {ask_of(play.bottle, "3", "pypi.org")});
  (void)play.model.screen(kWindow);
  press(play.model, Key::Kind::kTab);
  (void)settle(play.model);
  type(play.model, "a");
  const auto actions = play.model.take_actions();
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].host, "line.test");
  EXPECT_EQ(play.model.state().asks.size(), 1U);
}

TEST(WatchModel, AnAskOfABottleThatEndsIsOver) {
  Played play;
  play.model.asks_are(play.bottle, {ask_of(play.bottle, "3", "pypi.org")});
  play.model.bottle_ended(play.bottle);
  EXPECT_TRUE(play.model.state().asks.empty());
  (void)settle(play.model);
  type(play.model, "a");
  EXPECT_TRUE(play.model.take_actions().empty());
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("nothing to answer"));
}

TEST(WatchModel, KeysThatMeanNothingSayWhatToDo) {
  Played play;
  type(play.model, "z");
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("? shows the keys"));
  type(play.model, "?");
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("write it into the manifest"));
  type(play.model, "q");
  EXPECT_FALSE(play.model.wants_to_quit()) << "it leaves the help";
  type(play.model, "q");
  EXPECT_TRUE(play.model.wants_to_quit());
}

TEST(WatchModel, ANotePasses) {
  Played play;
  play.model.note("bottle 4f2a allows late.test", false);
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("allows late.test"));
  play.model.time_is(kNow * 1000 + kNoteMs);
  EXPECT_THAT(play.model.screen(kWindow).text(), Not(HasSubstr("allows late.test")));
  // An ask has no time to wait for that.
  play.model.note(std::string(300, 'x'), false);
  play.model.asks_are(play.bottle, {ask_of(play.bottle, "3", "pypi.org")});
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("d refuse"));
  // ... but one that is told again covers nothing.
  play.model.note("still here", false);
  play.model.asks_are(play.bottle, {ask_of(play.bottle, "3", "pypi.org")});
  EXPECT_THAT(play.model.screen(kWindow).text(), HasSubstr("still here"));
}

}  // namespace
}  // namespace bottle::launcher::watch
