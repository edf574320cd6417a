#include "proxy/contract/audit_chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace bottle {
namespace {

// No hash: the tests see what goes into it. Its last 16 bytes, so that all of a short text counts.
std::array<unsigned char, 32> tail_bytes(std::string_view front, std::string_view back) {
  const std::string bytes = std::string(front).append(back);
  std::array<unsigned char, 32> out{};
  out.fill('.');
  const auto last = bytes.substr(bytes.size() - std::min<std::size_t>(16, bytes.size()));
  std::copy(last.begin(), last.end(), out.begin());
  return out;
}

std::string text_of(const ChainValue& value) { return std::string(std::string_view(value)); }

TEST(AuditChain, LineHasItsNumberAndValueAtItsEnd) {
  const ChainedLine first = chain_line("{\"a\":1}\n", {}, true, &tail_bytes);
  EXPECT_EQ(first.link.line, 1u);
  EXPECT_EQ(first.link.value, "307b2261223a312c226c696e65223a31") << "of '0{\"a\":1,\"line\":1'";
  EXPECT_EQ(first.text, R"({"a":1,"line":1,"chain":")" + text_of(first.link.value) +
                            R"(","after":")" + std::string(kFirstChain) + "\"}\n");
  const ChainedLine second = chain_line("{\"a\":2}\n", first.link, false, &tail_bytes);
  EXPECT_EQ(second.text, R"({"a":2,"line":2,"chain":")" + text_of(second.link.value) + "\"}\n");
  EXPECT_NE(second.link.value, first.link.value);
}

TEST(AuditChain, PartsAreThoseThatWereWritten) {
  const ChainedLine line = chain_line("{\"a\":1}\n", {6, std::string(32, 'b')}, true, &tail_bytes);
  const auto parts = chain_parts(std::string_view(line.text).substr(0, line.text.size() - 1));
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->hashed, R"({"a":1,"line":7)");
  EXPECT_EQ(parts->line, 7u);
  EXPECT_EQ(parts->value, line.link.value);
  EXPECT_EQ(parts->after, std::string(32, 'b'));
}

TEST(AuditChain, OtherFormsHaveNoParts) {
  const std::string value(32, 'a');
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string(R"({"a":1})"),
        R"({"a":1,"line":1,"chain":")" + value + "\"", R"("line":1,"chain":")" + value + "\"}",
        R"({"a":1,"line":0,"chain":")" + value + "\"}",
        R"({"a":1,"line":x,"chain":")" + value + "\"}",
        R"({"a":1,"line":1 ,"chain":")" + value + "\"}", R"({"a":1,"chain":")" + value + "\"}",
        R"({"a":1,"line":99999999999999999999,"chain":")" + value + "\"}",
        R"({"a":1,"line":1,"chain":")" + std::string(32, 'A') + "\"}",
        R"({"a":1,"line":1,"chain":")" + value + "\" }",
        R"({"a":1,"line":1,"chain":")" + value.substr(1) + "\"}"}) {
    EXPECT_FALSE(chain_parts(text)) << text;
  }
  EXPECT_TRUE(chain_parts(R"({"a":1,"line":1,"chain":")" + value + "\"}"));
}

TEST(AuditChain, LineGetsTheValueBeforeIt) {
  const ChainedLine line = chain_line("{\"a\":1}\n", {6, std::string(32, 'b')}, false, &tail_bytes);
  const std::string moved = with_value_before(line.text, std::string(32, 'b'));
  EXPECT_EQ(moved, chain_line("{\"a\":1}\n", {6, std::string(32, 'b')}, true, &tail_bytes).text);
  EXPECT_EQ(with_value_before(moved, std::string(32, 'c')), moved) << "it has one";
  EXPECT_EQ(with_value_before("{\"a\":1}\n", std::string(32, 'c')), "{\"a\":1}\n");
}

TEST(AuditChain, TailOfAFile) {
  const ChainedLine one = chain_line("{\"a\":1}\n", {}, true, &tail_bytes);
  const ChainedLine two = chain_line("{\"a\":2}\n", one.link, false, &tail_bytes);
  struct Case {
    const char* name;
    std::string tail;
    ChainLink link{};
    bool found = false;
    std::size_t unfinished = 0;
    bool open = false;
  };
  const std::vector<Case> cases{
      {.name = "nothing", .tail = ""},
      {.name = "whole", .tail = one.text + two.text, .link = two.link, .found = true},
      {.name = "cut before it",
       .tail = one.text.substr(9) + two.text,
       .link = two.link,
       .found = true},
      {.name = "torn",
       .tail = one.text + two.text.substr(0, 20),
       .link = one.link,
       .found = true,
       .unfinished = 20,
       .open = true},
      {.name = "without its line end",
       .tail = one.text + two.text.substr(0, two.text.size() - 1),
       .link = two.link,
       .found = true,
       .open = true},
      {.name = "zeros of a crashed machine",
       .tail = one.text + std::string(100, '\0'),
       .link = one.link,
       .found = true,
       .unfinished = 100,
       .open = true},
      {.name = "torn lines and empty ones",
       .tail = one.text + "\n{\"a\n\n{\"b\n",
       .link = one.link,
       .found = true,
       .unfinished = 6},
      {.name = "an older version", .tail = "{\"a\":1}\n", .unfinished = 7},
  };
  for (const Case& one_case : cases) {
    SCOPED_TRACE(one_case.name);
    const ChainTail tail = chain_tail(one_case.tail);
    EXPECT_EQ(tail.link, one_case.link);
    EXPECT_EQ(tail.found, one_case.found);
    EXPECT_EQ(tail.unfinished, one_case.unfinished);
    EXPECT_EQ(tail.open, one_case.open);
  }
}

}  // namespace
}  // namespace bottle
