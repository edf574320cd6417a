#include "proxy/http/json_rpc.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

struct Read {
  bool is_call;
  std::string id;
  bool done;
};

Read read(std::string_view text, std::size_t piece) {
  JsonRpcReader reader;
  for (std::size_t at = 0; at < text.size(); at += piece) reader.feed(text.substr(at, piece));
  return {reader.is_call(), std::string(reader.id()), reader.done()};
}

struct Case {
  std::string text;
  bool is_call;
  std::string id;
};

TEST(JsonRpc, FindsTheIdOfACallWhereverItIs) {
  const std::string kLong(70, 'x');
  const Case cases[] = {
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})", true, "1"},
      {R"( { "id" : "a-1" , "jsonrpc" : "2.0" })", true, R"("a-1")"},
      // As the SDKs of MCP write it: the parameters first.
      {R"({"method":"m","params":{"id":7,"a":["}",{"jsonrpc":"1"}]},"jsonrpc":"2.0","id":12})",
       true, "12"},
      {R"({"params":"\"id\":5,\\","jsonrpc":"2.0","id":-3.5e2})", true, "-3.5e2"},
      {R"({"jsonrpc":"2.0","method":"notifications/initialized"})", true, ""},
      {R"({"jsonrpc":"2.0","id":null})", true, ""},
      {R"({"jsonrpc":"2.0","id":true})", true, ""},
      {R"({"jsonrpc":"2.0","id":{"id":4}})", true, ""},
      {R"({"jsonrpc":"2.0","id":"<script>"})", true, ""},
      {R"({"jsonrpc":"2.0","id":"a\"b"})", true, ""},
      {R"({"jsonrpc":"2.0","id":")" + kLong + "\"}", true, ""},
      {R"({"id":1})", false, ""},
      {R"({"jsonrpc":2.0,"id":1})", false, ""},
      {R"({"jsonrpc":"1.0","id":1})", false, ""},
      {R"({"a":{"jsonrpc":"2.0","id":1}})", false, ""},
      {R"([{"jsonrpc":"2.0","id":1}])", false, ""},
      {R"({id:1,"jsonrpc":"2.0"})", false, ""},
      {"", false, ""},
      {"not JSON", false, ""},
  };
  for (const Case& row : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
      const Read got = read(row.text, piece);
      EXPECT_EQ(got.is_call, row.is_call) << row.text;
      EXPECT_EQ(got.id, row.id) << row.text;
    }
  }
}

TEST(JsonRpc, ReadsNoMoreThanItHasTo) {
  EXPECT_TRUE(read(R"({"jsonrpc":"2.0","id":1,)", 1).done);
  EXPECT_TRUE(read("x", 1).done);
  const std::string big =
      R"({"params":")" + std::string(70'000, 'a') + R"(","jsonrpc":"2.0","id":1})";
  const Read got = read(big, 1000);
  EXPECT_TRUE(got.done);
  EXPECT_FALSE(got.is_call);
}

}  // namespace
}  // namespace bottle
