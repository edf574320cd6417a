#include "launcher/command/chain_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "launcher/process/sha256.h"

namespace bottle::launcher {
namespace {

using testing::HasSubstr;

// Lines 1 to `count` of a chain, without line ends.
std::vector<std::string> chain_of(int count, ChainLink* last = nullptr) {
  std::vector<std::string> out;
  ChainLink link;
  for (int i = 1; i <= count; ++i) {
    ChainedLine line = chain_line(R"({"kind":"exchange","id":")" + std::to_string(i) + "\"}", link,
                                  i == 1, &sha256_of_both);
    line.text.pop_back();
    out.push_back(line.text);
    link = line.link;
  }
  if (last != nullptr) *last = link;
  return out;
}

ChainCheck check_of(const std::vector<std::string>& lines) {
  ChainCheck check(false);
  check.file("FILE");
  for (const std::string& line : lines) check.line(line);
  check.end(false);
  return check;
}

TEST(ChainCheck, WholeChainIsWhole) {
  const ChainCheck check = check_of(chain_of(9));
  EXPECT_FALSE(check.broken());
  EXPECT_EQ(check.lines(), 9u);
  EXPECT_EQ(check.last().line, 9u);
}

TEST(ChainCheck, SaysWhatHappenedAndWhere) {
  using Lines = std::vector<std::string>;
  struct Case {
    const char* name;
    std::function<void(Lines&)> change;
    std::uint64_t at;
    const char* words;
  };
  const auto change_one = [](Lines& l, std::size_t i) {
    l[i].replace(l[i].find("change"), 1, "X");
  };
  const std::vector<Case> cases{
      {"a byte", [&](Lines& l) { change_one(l, 4); }, 5, "line 5 was changed"},
      {"a byte of the first line", [&](Lines& l) { change_one(l, 0); }, 1, "line 1 was changed"},
      {"a byte of the last line", [&](Lines& l) { change_one(l, 8); }, 9, "line 9 was changed"},
      {"the number", [](Lines& l) { l[4].replace(l[4].find(R"("line":5)"), 8, R"("line":7)"); }, 5,
       "line 5 was changed"},
      {"the value",
       [](Lines& l) { l[4][l[4].size() - 3] = l[4][l[4].size() - 3] == 'a' ? 'b' : 'a'; }, 5,
       "line 5 was changed"},
      {"its form", [](Lines& l) { l[4].pop_back(); }, 5, "line 5 was changed or torn"},
      {"a line gone", [](Lines& l) { l.erase(l.begin() + 4); }, 5, "line 5 is missing before"},
      {"lines gone", [](Lines& l) { l.erase(l.begin() + 4, l.begin() + 7); }, 5,
       "lines 5 to 7 are missing before"},
      {"the first gone", [](Lines& l) { l.erase(l.begin()); }, 1, "missing at the beginning"},
      {"two swapped", [](Lines& l) { std::swap(l[4], l[5]); }, 5,
       "line 6 is in front of line 5: they are in the wrong order"},
      {"a line twice", [](Lines& l) { l.insert(l.begin() + 5, l[4]); }, 6, "a second time"},
      {"a line put in", [](Lines& l) { l.insert(l.begin() + 4, "{\"kind\":\"exchange\"}"); }, 5,
       "no line of the proxy"},
      {"a line without a chain in front",
       [](Lines& l) {
         l.erase(l.begin());
         l.insert(l.begin(), "{\"kind\":\"exchange\"}");
       },
       1, "has no chain"},
      {"bytes at the end", [](Lines& l) { l.emplace_back("x"); }, 10, "no line of the proxy"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    Lines lines = chain_of(9);
    one.change(lines);
    const ChainCheck check = check_of(lines);
    ASSERT_TRUE(check.broken());
    EXPECT_EQ(check.broken()->file, "FILE");
    EXPECT_EQ(check.broken()->line, one.at);
    EXPECT_THAT(check.broken()->words, HasSubstr(one.words));
  }
}

// Every byte of a line counts, also those of its chain.
TEST(ChainCheck, NoByteCanBeChanged) {
  const std::vector<std::string> whole = chain_of(3);
  for (std::size_t line = 0; line < whole.size(); ++line) {
    for (std::size_t at = 0; at < whole[line].size(); ++at) {
      std::vector<std::string> lines = whole;
      lines[line][at] = static_cast<char>(lines[line][at] ^ 1);
      EXPECT_TRUE(check_of(lines).broken()) << line << " " << at << " " << lines[line];
    }
  }
}

TEST(ChainCheck, LinesCutOffTheEndAreSeenByWhatTheEndSays) {
  ChainLink last;
  std::vector<std::string> lines = chain_of(5, &last);
  ChainCheck whole = check_of(lines);
  whole.ends_with(last);
  EXPECT_FALSE(whole.broken());
  lines.resize(3);
  ChainCheck cut = check_of(lines);
  EXPECT_FALSE(cut.broken()) << "the chain alone does not show it";
  cut.ends_with(last);
  ASSERT_TRUE(cut.broken());
  EXPECT_THAT(cut.broken()->words, HasSubstr("lines 4 to 5 are missing at the end"));
}

TEST(ChainCheck, RotatedFilesAndOneThatIsGone) {
  const std::vector<std::string> lines = chain_of(4);
  const auto parts = chain_parts(lines[1]);
  ASSERT_TRUE(parts);
  const std::string moved = with_value_before(lines[2], parts->value);
  for (const bool gone : {true, false}) {
    ChainCheck check(gone);
    check.file("FILE.3");
    check.line(moved);
    check.file("FILE");
    check.line(lines[3]);
    check.end(false);
    EXPECT_EQ(check.broken().has_value(), !gone);
    if (gone) {
      EXPECT_EQ(check.first(), 3u);
    } else {
      EXPECT_THAT(check.broken()->words, HasSubstr("lines 1 to 2 are missing: the file"));
    }
  }
}

TEST(ChainCheck, TornLineIsToldByTheProxyOrIsABreak) {
  ChainLink link;
  std::vector<std::string> lines = chain_of(2, &link);
  lines.emplace_back("{\"kind\":\"exch");
  ChainCheck torn = check_of(lines);
  EXPECT_TRUE(torn.broken());
  lines.push_back(chain_line(R"({"kind":"torn_line"})", link, false, &sha256_of_both).text);
  lines.back().pop_back();
  EXPECT_FALSE(check_of(lines).broken());
  lines.back() = chain_line(R"({"kind":"exchange"})", link, false, &sha256_of_both).text;
  lines.back().pop_back();
  EXPECT_TRUE(check_of(lines).broken()) << "the line after it is another";
}

TEST(ChainCheck, LastLineMayBeUnfinishedWhileItIsWritten) {
  for (const bool writing : {true, false}) {
    ChainCheck check(false);
    check.file("FILE");
    const std::vector<std::string> lines = chain_of(2);
    check.line(lines[0]);
    check.unfinished(lines[1].substr(0, 12));
    check.end(writing);
    EXPECT_EQ(check.broken().has_value(), !writing);
    if (!writing) {
      EXPECT_THAT(check.broken()->words, HasSubstr("torn"));
    }
  }
}

TEST(ChainCheck, OlderVersionsLinesStandBeforeTheChain) {
  std::vector<std::string> lines = chain_of(2);
  lines.insert(lines.begin(), 3, "{\"kind\":\"exchange\"}");
  const ChainCheck check = check_of(lines);
  EXPECT_FALSE(check.broken());
  EXPECT_EQ(check.unchained(), 3u);
}

TEST(ChainCheck, StreamsChainBeginsAnewAndIsTold) {
  std::vector<std::string> lines = chain_of(2);
  const std::vector<std::string> again = chain_of(3);
  lines.insert(lines.end(), again.begin(), again.end());
  const ChainCheck check = check_of(lines);
  EXPECT_FALSE(check.broken());
  ASSERT_EQ(check.new_chains().size(), 1u);
  EXPECT_EQ(check.new_chains()[0].line, 3u);
}

}  // namespace
}  // namespace bottle::launcher
