#include "proxy/shown/shown_form.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "proxy/ledger/said_strings.h"
#include "proxy/shown/opaque_text.h"

namespace bottle {
namespace {

using nlohmann::json;

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(const std::string& bytes, std::string_view alphabet = kBase64) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (int k = 3; k >= 0; --k) out += alphabet[group >> (6 * k) & 63];
  }
  const std::size_t missing = (3 - bytes.size() % 3) % 3;
  out.replace(out.size() - missing, missing, missing, '=');
  return out;
}

std::string random_bytes(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string out;
  while (out.size() < size) out += static_cast<char>(random());
  return out;
}

std::string prose(std::size_t size) {
  const std::string sentence = "The proxy reads the whole request before it lets it go. ";
  std::string out;
  while (out.size() < size) out += sentence;
  return out.substr(0, size);
}

struct World {
  World() : place(known.place_of(*parse_host("a.example", 443), Scheme::Https)) {}

  struct Shown {
    std::string text;
    ShownRecord record;
    bool is_json = false;
    std::vector<TextMark> marks;
  };
  Shown show(const std::string& body, OpaqueRule opaque = OpaqueRule::Guard,
             std::size_t turn = 1024) {
    ShownForm form(body, known, place, {.opaque = opaque});
    while (form.look(turn)) continue;
    Shown out;
    out.is_json = form.is_json();
    std::size_t at = 0;
    for (const ShownForm::Gap& gap : form.gaps()) {
      out.text += body.substr(at, gap.begin - at);
      at = gap.end;
    }
    out.text += body.substr(at);
    out.record = form.record();
    out.marks = form.take_marks();
    return out;
  }
  void pass(const Shown& shown) {
    known.add_passed(known.epoch(), KnownText::Kind::Passed, place, shown.marks);
  }

  KnownText known;
  const KnownText::Place place;
};

std::string conversation(const std::vector<std::string>& turns) {
  json body{{"model", "m"}, {"messages", json::array()}};
  for (const std::string& turn : turns) {
    body["messages"].push_back({{"role", "user"}, {"content", turn}});
  }
  return body.dump();
}

TEST(ShownForm, ShowsTheFirstTurnWholeAndThenOnlyWhatIsNew) {
  World world;
  const std::string first = prose(500) + "first";
  const std::string second = prose(300) + "second";
  const auto one = world.show(conversation({first}));
  EXPECT_EQ(one.text, conversation({first}));
  EXPECT_EQ(one.record, ShownRecord());
  world.pass(one);
  const auto two = world.show(conversation({first, second}));
  EXPECT_EQ(two.record.seen, 1U);
  EXPECT_EQ(two.text.find("first"), std::string::npos);
  EXPECT_NE(two.text.find("second"), std::string::npos);
  // The same structure, with an empty string.
  const json shown = json::parse(two.text);
  EXPECT_EQ(shown["messages"][0]["content"], "");
  EXPECT_EQ(shown["messages"][1]["content"], second);
}

TEST(ShownForm, ATextThatWasNotPassedIsShownAgain) {
  World world;
  const std::string body = conversation({prose(500)});
  (void)world.show(body);
  EXPECT_EQ(world.show(body).text, body);
}

TEST(ShownForm, OneOtherByteMakesItNew) {
  World world;
  std::string text = prose(500);
  world.pass(world.show(conversation({text})));
  text[250] = text[250] == 'x' ? 'y' : 'x';
  EXPECT_EQ(world.show(conversation({text})).text, conversation({text}));
}

TEST(ShownForm, AnotherSpellingOfAPassedTextIsShown) {
  World world;
  const std::string rest = prose(200);
  world.pass(world.show(R"({"a":"/)" + rest + R"("})"));
  const auto shown = world.show(R"({"a":"\/)" + rest + R"("})");
  EXPECT_EQ(shown.record.seen, 0U);
}

TEST(ShownForm, WhatTheDestinationSaidIsTheirs) {
  World world;
  const std::string signature = base64(random_bytes(600));
  SaidStrings said(world.known, world.place);
  said.feed("data: {\"delta\":{\"signature\":\"" + signature + "\"}}\n\n");
  const auto shown = world.show(conversation({signature}), OpaqueRule::Scan);
  EXPECT_EQ(shown.record.theirs, 1U);
  EXPECT_EQ(shown.text.find(signature), std::string::npos);
}

TEST(ShownForm, KeysNumbersAndShortStringsStay) {
  World world;
  const std::string key(100, 'k');
  const std::string body =
      R"({")" + key + R"(":1,")" + key + R"(2":"v","n":-1.5e3,"b":[true,null]})";
  world.pass(world.show(body));
  EXPECT_EQ(world.show(body).text, body);
}

TEST(ShownForm, ShortStringsAreShownOnce) {
  World world;
  const auto shown = world.show(R"([{"role":"user"},{"role":"user"},{"role":"assistant"}])");
  EXPECT_EQ(shown.text, R"([{"role":"user"},{"role":""},{"role":"assistant"}])");
  EXPECT_EQ(shown.record.repeated, 1U);
}

TEST(ShownForm, ABodyThatIsNoJsonIsNone) {
  World world;
  const std::string text = prose(200);
  for (const std::string& body :
       {R"({"a":")" + text + R"(")", R"({"a":")" + text + R"("}x)", "\xef\xbb\xbf{}" + text,
        R"({'a':')" + text + R"('})", R"({"a":")" + text + "\xff\"}"}) {
    EXPECT_FALSE(world.show(body).is_json) << body;
  }
}

TEST(ShownForm, TurnsOfAnyLengthGiveTheSame) {
  World world;
  const std::string passed = prose(400);
  world.pass(world.show(conversation({passed})));
  const std::string body = conversation({"a", passed, "b", base64(random_bytes(900)), passed});
  const auto whole = world.show(body, OpaqueRule::Guard, 1 << 20);
  EXPECT_EQ(whole.record.seen, 2U);
  EXPECT_EQ(whole.record.unreadable, 1U);
  for (const std::size_t turn : {1u, 7u, 100u, 4096u}) {
    EXPECT_EQ(world.show(body, OpaqueRule::Guard, turn).text, whole.text);
  }
}

TEST(ShownForm, ATurnEndsAmongNumbersToo) {
  World world;
  std::string body = "[";
  for (int i = 0; i < 10'000; ++i) body += "1,";
  body += "2]";
  ShownForm form(body, world.known, world.place, {});
  int turns = 1;
  while (form.look(1000)) ++turns;
  EXPECT_GE(turns, 20);
  EXPECT_TRUE(form.is_json());
}

TEST(ShownForm, ABrokenBodyEndsTheTurns) {
  World world;
  const std::string body = "[1,]" + std::string(5000, ' ');
  ShownForm form(body, world.known, world.place, {});
  int turns = 1;
  while (form.look(100) && turns < 1000) ++turns;
  EXPECT_LT(turns, 1000);
  EXPECT_FALSE(form.is_json());
}

TEST(ShownForm, MoreThanTheMaximaIsShown) {
  World world;
  json body = json::array();
  for (std::size_t i = 0; i < ShownForm::kMostMarks + 100; ++i) {
    body.push_back(std::to_string(i) + std::string(64, 'm'));
  }
  const auto first = world.show(body.dump(), OpaqueRule::Guard, 1 << 20);
  EXPECT_EQ(first.marks.size(), ShownForm::kMostMarks);
  world.pass(first);
  const auto second = world.show(body.dump(), OpaqueRule::Guard, 1 << 20);
  EXPECT_LE(second.record.seen, ShownForm::kMostLeftOut);
  EXPECT_NE(second.text.find(std::to_string(ShownForm::kMostMarks + 99) + "m"), std::string::npos);
}

// ---- opaque strings ----------------------------------------------------------------------------

std::string png() {
  return std::string("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", 16) + std::string(17, '\1') +
         std::string(400, 'z');
}

TEST(OpaqueText, MediaAndCiphertextAre) {
  std::string url = base64(random_bytes(700));
  for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
  const std::vector<std::string> rows{
      base64(random_bytes(520)),
      base64(random_bytes(64 * 1024)),
      base64(random_bytes(521)),
      url,
      base64(png()),
      base64("%PDF-1.7\n" + prose(400)),
      base64("GIF89a\x10\x01\x10\x01\xf7\1\1" + prose(400)),
      base64("RIFF\x10\x10\x10\x10WEBPVP8 " + prose(400)),
      base64("\xff\xd8\xff\xe0\x01\x10JFIF" + prose(400)),
  };
  for (const std::string& row : rows) {
    const OpaquePart part = opaque_part(row);
    EXPECT_EQ(part.begin, 0U) << row.substr(0, 40);
    EXPECT_EQ(part.end, row.size()) << row.substr(0, 40);
  }
}

TEST(OpaqueText, OfADataUrlTheBase64) {
  const std::string head = "data:image/png;base64,";
  const std::string text = base64(png());
  const OpaquePart part = opaque_part(head + text);
  EXPECT_EQ(part.begin, head.size());
  EXPECT_EQ(part.end, head.size() + text.size());
}

TEST(OpaqueText, TextInBase64IsNot) {
  std::string broken = base64(random_bytes(600));
  broken[100] = '\n';
  std::string both = base64(random_bytes(600));
  both[10] = '-';
  both[11] = '+';
  const std::vector<std::string> rows{
      prose(600),
      base64(prose(600)),
      base64(base64(random_bytes(600))),
      base64(std::string(600, 'a')),
      base64(random_bytes(190)),  // too short
      base64("PNG\r\n" + prose(600)),
      base64("%PDF-x" + prose(600)),
      // Text among ciphertext.
      base64(random_bytes(1024) + prose(400) + random_bytes(1024)),
      base64(random_bytes(512) + prose(512)),
      broken,
      both,
      base64(random_bytes(600)).substr(3),
      base64(random_bytes(600)) + "=",
      "data:text/plain," + base64(random_bytes(600)),
  };
  for (const std::string& row : rows) EXPECT_TRUE(opaque_part(row).empty()) << row.substr(0, 60);
}

TEST(OpaqueText, IsCountedBehindAllThatCanBeLeftOut) {
  World world;
  json body = json::array();
  for (std::size_t i = 0; i <= ShownForm::kMostLeftOut; ++i) body.push_back("a");
  body.push_back(base64(png()));
  const auto shown = world.show(body.dump(), OpaqueRule::Refuse, 1 << 20);
  EXPECT_EQ(shown.record.repeated, ShownForm::kMostLeftOut);
  EXPECT_EQ(shown.record.unreadable, 1U);
}

TEST(OpaqueText, TheRuleSaysWhoReadsIt) {
  World world;
  const std::string body = conversation({base64(png())});
  EXPECT_EQ(world.show(body, OpaqueRule::Guard).record.unreadable, 1U);
  EXPECT_EQ(world.show(body, OpaqueRule::Scan).text, body);
}

}  // namespace
}  // namespace bottle
