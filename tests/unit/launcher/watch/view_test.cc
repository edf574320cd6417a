// Screens as text.
#include "launcher/watch/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "launcher/watch/columns.h"
#include "tests/unit/launcher/watch/model_play.h"

namespace bottle::launcher::watch {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string file(const std::string& name) {
  std::ifstream in(std::string(BOTTLE_TESTS_DIR) + "/unit/launcher/watch/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

// An agent at work, with an ask.
Model picture() {
  Model model;
  model.time_is(kNow * 1000);
  const std::string one = "4f2a9c12ab34";
  const std::string two = "b81d03e6f0a9";
  model.bottle_started({.id = one, .name = "claude", .started = kNow - 1505});
  model.bottle_started({.id = two, .name = "docs", .started = kNow - 245});
  const auto line = [&model](const std::string& bottle, const std::string& text) {
    model.audit_line(bottle, text);
  };
  const auto exchange =
      [](const std::string& time, const std::string& method, const std::string& host,
         const std::string& path, int status, const std::string& route, long in, long out, int ms,
         const std::string& scanned, const std::string& verdict, const std::string& why = "") {
        return audit_line(time, host + path + time, "exchange",
                          R"("route":")" + route + R"(","client_protocol":"h2",)" +
                              R"("upstream_protocol":"h2","method":")" + method + R"(","host":")" +
                              host + R"(","port":443,"path":")" + path + R"(","status":)" +
                              std::to_string(status) + R"(,"bytes_in":)" + std::to_string(in) +
                              R"(,"bytes_out":)" + std::to_string(out) + R"(,"ttfb_ms":)" +
                              std::to_string(ms / 2) + R"(,"total_ms":)" + std::to_string(ms) +
                              R"(,"verdict":")" + verdict + R"(","scanned":)" + scanned + why);
      };
  const std::string both = R"(["request_body","response_body"])";
  line(one, exchange("10:59:12", "POST", "api.anthropic.com", "/v1/messages?beta=*", 200, "scan",
                     48'210, 9'120, 6'412, both, "allowed"));
  line(one, exchange("10:59:20", "GET", "registry.npmjs.org", "/left-pad", 200, "scan-requests", 0,
                     18'433, 88, R"(["request_body"])", "allowed"));
  line(one, exchange("10:59:31", "POST", "api.anthropic.com", "/v1/messages?beta=*", 200, "scan",
                     51'900, 12'044, 8'007, both, "allowed"));
  line(two, exchange("10:59:40", "GET", "docs.python.org", "/3/library/asyncio.html", 200, "scan",
                     0, 140'233, 240, both, "allowed"));
  line(one, exchange("10:59:44", "POST", "collector.example", "/upload", 403, "scan", 2'048, 412, 3,
                     R"(["request_body"])", "refused",
                     R"(,"reason":"secret_found","by":"guard","detail":"the body has a secret",)"
                     R"("findings":[{"name":"GitHub token","part":"body","json_path":"notes[0]",)"
                     R"("action":"refused","fingerprint":"k5xw4ytq2mzrhd6a"}])"));
  line(one, exchange("10:59:52", "GET", "api.github.com", "/repos/a/b/pulls", 502, "scan", 0, 310,
                     10'004, "[]", "failed",
                     R"(,"reason":"connect_failed","by":"origin","detail":"no address answers")"));
  line(two, audit_line("10:59:58", "p", "policy_changed",
                       R"~("detail":"allow files.pythonhosted.org (bottle allow, uid 1000)")~"));
  line(two, exchange("11:00:02", "GET", "files.pythonhosted.org", "/packages/ab/cd/numpy.whl", 200,
                     "scan-requests", 0, 18'874'368, 2'950, R"(["request_body"])", "cut",
                     R"(,"reason":"client_gone","by":"client","detail":"the client closed")"));
  line(one, begin_line("11:00:07", "x", "api.anthropic.com", "/v1/messages?beta=*"));
  line(one, refused_line("11:00:15", "y", "telemetry.example"));
  model.asks_are(two, {ask_of(two, "3", "pypi.org")});
  return model;
}

// The picture of the README is made of this file: scripts/watch-picture.
TEST(WatchView, PictureOfTheReadme) {
  Model model = picture();
  const Screen screen = model.screen({.rows = 24, .columns = 110});
  EXPECT_EQ(screen.text() + "\n" + screen.looks(), file("picture.txt"));
}

TEST(WatchView, FitsIntoTheSmallestUsualTerminal) {
  Model model = picture();
  press(model, Key::Kind::kTab);
  const std::string text = model.screen({.rows = 24, .columns = 80}).text();
  EXPECT_EQ(text, file("screen80.txt"));
  for (const auto& line : lines_of(text)) EXPECT_LE(line.size(), 80U);
}

TEST(WatchView, AnswersForAnAskAreNamed) {
  Model model = picture();
  const std::string text = model.screen({.rows = 24, .columns = 80}).text();
  EXPECT_THAT(text, HasSubstr("|>ASK pypi.org:443  GET /simple/"));
  EXPECT_THAT(text, HasSubstr("2 wait, 42 s\n"));
  EXPECT_THAT(text, HasSubstr("a allow until the bottle ends   o this request only"));
  EXPECT_THAT(text, HasSubstr("s allow and save in the manifest   d refuse"));
}

TEST(WatchView, RefusalsAndFailuresStandOutWithoutColour) {
  Model model = picture();
  const std::string text = model.screen({.rows = 24, .columns = 110}).text();
  for (const char* word : {" REFUSED ", " FAILED ", " CUT ", " open ", " changed "}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
  EXPECT_THAT(text, HasSubstr("1 open, 2 refused, 2 failed"));
}

TEST(WatchView, EveryKeyOfALineIsInItsDetail) {
  Model model = picture();
  type(model, "/github");
  press(model, Key::Kind::kEnter);
  (void)model.screen({});
  press(model, Key::Kind::kEnter);
  const std::string text = model.screen({.rows = 30, .columns = 100}).text();
  for (const char* part :
       {"bottle     4f2a9c12ab34  claude", "verdict    FAILED by origin",
        "reason     connect_failed", "detail     no address answers", "method     GET",
        "host       api.github.com:443", "path       /repos/a/b/pulls", "status     502",
        "route      scan", "scanned    nothing", "protocols  h2 > h2",
        "bytes      0 B out, 310 B in", "first byte 5002 ms", "total      10004 ms"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  press(model, Key::Kind::kEscape);
  EXPECT_THAT(model.screen({}).text(), HasSubstr("VERDICT"));
}

TEST(WatchView, ALongDetailIsScrolled) {
  Played play;
  const std::string path = "/" + std::string(900, 'p') + "END";
  play.model.audit_line(play.bottle, end_line("11:00:01", "a", "one.test", "allowed", "", path));
  (void)play.model.screen({});
  press(play.model, Key::Kind::kEnter);
  EXPECT_THAT(play.model.screen({}).text(), Not(HasSubstr("total      120 ms")));
  EXPECT_THAT(play.model.screen({}).text(), HasSubstr("more: Down, PageDown"));
  press(play.model, Key::Kind::kEnd);
  EXPECT_THAT(play.model.screen({}).text(), HasSubstr("total      120 ms"));
  press(play.model, Key::Kind::kPageUp);
  EXPECT_THAT(play.model.screen({}).text(), HasSubstr("ppEND"));
  for (int i = 0; i < 100; ++i) press(play.model, Key::Kind::kUp);
  EXPECT_THAT(play.model.screen({}).text(), HasSubstr("bottle     4f2a"));
}

// Texts that the agent chooses: each cell of each screen is a printable character.
TEST(WatchView, HostileTextDoesNotReachTheTerminal) {
  // As JSON writes it: ESC ] 0 ; x BEL, ESC [ 2 J, CR, DEL, C1, a right-to-left mark.
  const std::string evil =
      R"(/\u001b]0;owned\u0007\u001b[2J\r\n\u007f\u009b31m\u202e\u0000\t)" + std::string(400, 'A');
  Played play;
  play.model.bottle_started({.id = "\x1b[2Jid", .name = "\x1b]0;n\x07", .started = kNow});
  const std::string all =
      R"("route":")" + evil + R"(","client_protocol":")" + evil + R"(","method":")" + evil +
      R"(","host":")" + evil + R"(","port":")" + evil + R"(","path":")" + evil + R"(","status":")" +
      evil + R"(","verdict":"refused","reason":"host_not_allowed","detail":")" + evil +
      R"(","by":")" + evil + R"(","scanned":[")" + evil + R"("],"changed":[")" + evil +
      R"("],"count":")" + evil + R"(","findings":[{"name":")" + evil + R"(","json_path":")" + evil +
      R"(","action":")" + evil + R"(","fingerprint":")" + evil + "\"}]";
  play.model.audit_line(play.bottle, audit_line("11:00:01", evil, evil, all));
  play.model.audit_line(play.bottle, R"({"time":")" + evil + "\"}");
  play.model.audit_line(
      "\x1b[31m", audit_line("11:00:02", "b", "policy_changed", R"("detail":")" + evil + "\""));
  WatchedAsk ask = ask_of(play.bottle, "3", "\x1b[2J\x07host");
  ask.method = "\x1b]0;m\x07";
  ask.path = "/\x1b[?1049l\xc2\x9b\xff";
  play.model.note("\x1b[2J", true);
  const auto check = [&play](const char* where) {
    for (const Size size : {Size{24, 80}, Size{50, 200}, Size{10, 44}, Size{3, 10}, Size{0, -5}}) {
      const Screen screen = play.model.screen(size);
      const std::string text = screen.text();
      EXPECT_TRUE(std::all_of(text.begin(), text.end(),
                              [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }))
          << where << text;
    }
  };
  check("list");
  play.model.asks_are(play.bottle, {ask});
  check("asks");
  press(play.model, Key::Kind::kTab);
  for (int row = 0; row < 3; ++row) {
    (void)play.model.screen({});
    press(play.model, Key::Kind::kEnter);
    check("detail");
    press(play.model, Key::Kind::kEscape);
    press(play.model, Key::Kind::kUp);
  }
  play.model.key({.character = '/'});
  play.model.key({.character = '\x1b'});
  check("filter");
}

TEST(WatchView, EachSizeHasAScreen) {
  Model model = picture();
  for (int rows = 1; rows < 60; ++rows) {
    for (int columns = 1; columns < 220; columns += 3) {
      const Size size{.rows = rows, .columns = columns};
      const Screen screen = model.screen(size);
      EXPECT_EQ(screen.size().rows, rows);
      EXPECT_EQ(screen.size().columns, columns);
    }
  }
  EXPECT_THAT(model.screen({.rows = 9, .columns = 80}).text(), HasSubstr("too small\n44 x 10\n"));
}

TEST(WatchView, MoreBottlesThanRoomAreShownAroundTheChosenOne) {
  Model model;
  model.time_is(kNow * 1000);
  for (int i = 0; i < 60; ++i) {
    model.bottle_started({.id = "id" + std::to_string(i), .name = "n", .started = kNow});
  }
  for (int i = 0; i < 50; ++i) press(model, Key::Kind::kRight);
  EXPECT_THAT(model.screen({}).text(), HasSubstr(">id49"));
  type(model, "b");
  EXPECT_THAT(model.screen({}).text(), Not(HasSubstr("BOTTLES")));
}

TEST(WatchView, WithoutABottleItSaysWhatToDo) {
  Model model;
  EXPECT_THAT(model.screen({}).text(), HasSubstr("no bottle runs; bottle start starts one"));
  EXPECT_THAT(model.screen({}).text(), HasSubstr("q quit  ? help"));
}

TEST(WatchView, ALongNoteHasMoreThanOneRow) {
  Played play;
  play.model.note(
      "bottle 4f2a allows late.test until it ends; bottle: wrote it to "
      "/home/agent/a/rather/long/folder/of/a/project/bottle.json: warning: it was "
      "changed LAST",
      true);
  const std::string text = play.model.screen({}).text();
  EXPECT_THAT(text, HasSubstr("allows late.test"));
  EXPECT_THAT(text, HasSubstr("LAST"));
}

TEST(WatchView, NumbersFitTheirColumns) {
  EXPECT_EQ(short_bytes(0), "0");
  EXPECT_EQ(short_bytes(999), "999");
  EXPECT_EQ(short_bytes(1000), "1.0K");
  EXPECT_EQ(short_bytes(10'000), "9.8K");
  EXPECT_EQ(short_bytes(102'400), "100K");
  EXPECT_EQ(short_bytes(18'874'368), "18M");
  EXPECT_EQ(short_ms(99'999), "99999");
  EXPECT_EQ(short_ms(100'000), "100s");
  EXPECT_EQ(short_ms(10'000'000), "167min");
  for (double value = 1; value < 1e20; value *= 1.7) {
    EXPECT_LE(short_bytes(value).size(), value < 1e15 ? 5U : 20U) << value;
  }
}

TEST(WatchView, LongTextsKeepTheirEnds) {
  EXPECT_EQ(shortened("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(shortened("abcdefghijk", 10), "abcdef~ijk");
  EXPECT_EQ(shortened("abc", 0), "~");
  EXPECT_THAT(wrapped("one two three", 8, 9), testing::ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("abcdefgh", 3, 2), testing::ElementsAre("abc", "def"));
}

TEST(WatchView, TimesOfTheLogAreRead) {
  EXPECT_EQ(seconds_of("2026-11-30T11:00:19.123Z"), kNow);
  EXPECT_EQ(time_words(kNow), "2026-11-30T11:00:19");
  for (const char* bad : {"", "t", "2026-13-30T11:00:19Z", "2026-02-30T11:00:19Z", "20x6-01-01T"}) {
    EXPECT_FALSE(seconds_of(bad)) << bad;
  }
}

}  // namespace
}  // namespace bottle::launcher::watch
