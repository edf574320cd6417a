#include "proxy/upstream/connect_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

namespace bottle {
namespace {

using State = ConnectAnswer::State;

struct Read {
  State state;
  int status;
  std::string rest;
};

Read read(const std::string& bytes, std::size_t piece, std::size_t most = 16 * 1024) {
  ConnectAnswer answer(most);
  std::size_t at = 0;
  while (at < bytes.size() && answer.state() == State::NeedMore) {
    at += answer.take(ByteView(bytes).substr(at, piece));
  }
  return {answer.state(), answer.status(), bytes.substr(at)};
}

TEST(ConnectAnswer, AsksForTheDestinationByName) {
  EXPECT_EQ(connect_request("a.test:443", ""),
            "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
  EXPECT_EQ(connect_request("a.test:443", "Basic eA=="),
            "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n"
            "Proxy-Authorization: Basic eA==\r\n\r\n");
}

// [T86]
TEST(ConnectAnswer, TakesTheHeadAndNotOneByteMore) {
  const std::vector<std::tuple<std::string, State, int>> table = {
      {"HTTP/1.1 200 Connection established\r\n\r\n", State::Complete, 200},
      {"HTTP/1.0 200\r\nVia: x\r\nEmpty:\r\n\r\n", State::Complete, 200},
      {"HTTP/1.1 200 OK\n\n", State::Complete, 200},
      {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
       State::Complete, 407},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", State::Complete, 200},
      {"HTTP/1.1 20 OK\r\n", State::Malformed, 0},
      {"HTTP/1.1 2000 OK\r\n", State::Malformed, 0},
      {"HTTP/1.1 999 OK\r\n", State::Malformed, 0},
      {"HTTP/2 200\r\n", State::Malformed, 0},
      {"SSH-2.0-OpenSSH\r\n", State::Malformed, 0},
      {"\r\n", State::Malformed, 0},
      {"HTTP/1.1 200 OK\r\nno colon\r\n", State::Malformed, 200},
      {"HTTP/1.1 200 OK\r\n: x\r\n", State::Malformed, 200},
      {"HTTP/1.1 200 OK\r\na: x\ry\r\n", State::Malformed, 200},
  };
  for (const auto& [head, state, status] : table) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
      const Read got = read(head + "rest", piece);
      EXPECT_EQ(got.state, state) << head;
      EXPECT_EQ(got.status, status) << head;
      if (state == State::Complete) {
        EXPECT_EQ(got.rest, "rest") << head << piece;
      }
    }
  }
}

// [T86]
TEST(ConnectAnswer, TheHeadIsBounded) {
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  EXPECT_EQ(read(head, 4096, head.size()).state, State::Complete);
  EXPECT_EQ(read(head, 4096, head.size() - 1).state, State::TooLarge);
  // So are interim heads, all together.
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(read(flood, 4096).state, State::TooLarge);
}

TEST(ConnectAnswer, FirstWordsAreOneShortPrintableLine) {
  EXPECT_EQ(first_words("denied: a\x1b[31m b\r\nmore"), "denied: a[31m b");
  EXPECT_EQ(first_words(std::string(500, 'x')).size(), 200U);
}

}  // namespace
}  // namespace bottle
