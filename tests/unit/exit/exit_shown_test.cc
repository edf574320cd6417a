// Answers of which the scanner is shown what is new.
#include <string>

#include "proxy/ledger/said_strings.h"
#include "tests/unit/exit/exit_bench.h"

namespace bottle {
namespace {

using namespace test;

class ExitShown : public ExitBench {
 public:
  ExitShown() { known_texts = &known; }

  // One exchange: what the scanner heard, and the news of the body.
  struct Outcome {
    Bytes heard;
    WholeNews whole;
    EndNews end;
  };
  awaitable<Outcome> ask(std::string id) {
    Admission made = admission(std::move(id));
    made.epoch = known.epoch();
    auto front = admit(made);
    ScannersEnd scanner = connect();
    co_await scanner.say(relayed());
    Outcome out;
    out.heard = co_await scanner.hear("\r\n0\r\n\r\n");
    const auto first = co_await news(*front);
    expect<HeadNews>(first);
    const auto second = co_await news(*front);
    out.whole = expect<WholeNews>(second);
    const auto third = co_await news(*front);
    out.end = expect<EndNews>(third);
    co_return out;
  }
  void answer(const std::string& type, const Bytes& body) {
    origins.head.fields = Fields();
    origins.head.fields.add("Content-Type", type);
    origins.answer = body;
  }

  awaitable<void> strings_once();
  awaitable<void> documents_once();

  KnownText known;
  const Bytes text = Bytes(100, 't') + " of the answer";
};

awaitable<void> ExitShown::strings_once() {
  const Bytes body = R"({"id":"short","text":")" + text + R"("})";
  answer("application/json", body);
  const Outcome first = co_await ask("a-1");
  EXPECT_NE(first.heard.find(text), Bytes::npos);
  EXPECT_EQ(first.whole.whole, nullptr);
  EXPECT_EQ(first.whole.passing.marks.size(), 1U);
  EXPECT_EQ(first.end.digest, sha256(body));
  // The scanner's word counts, not that it was asked.
  const Outcome again = co_await ask("a-2");
  EXPECT_NE(again.heard.find(text), Bytes::npos);
  again.whole.passing.remember();
  const Outcome second = co_await ask("a-3");
  EXPECT_EQ(second.heard.find(text), Bytes::npos);
  EXPECT_NE(second.heard.find(R"({"id":"short","text":""})"), Bytes::npos);
  EXPECT_EQ(second.end.digest, sha256(R"({"id":"short","text":""})"));
  EXPECT_NE(second.whole.whole, nullptr);
  if (second.whole.whole) {
    EXPECT_EQ(second.whole.whole->size(), body.size());
  }
  // The origin said it.
  const auto place = known.place_of(admission("a-4").destination, admission("a-4").scheme);
  EXPECT_TRUE(known.has(KnownText::Kind::Said, place, mark_of_string(known, text)));
}
TEST_F(ExitShown, AStringOfJsonIsShownOnce) { play(strings_once()); }

awaitable<void> ExitShown::documents_once() {
  const Bytes body = "<html><p>" + text + "</p></html>";
  answer("text/html", body);
  const Outcome first = co_await ask("a-1");
  EXPECT_NE(first.heard.find(text), Bytes::npos);
  first.whole.passing.remember();
  const Outcome second = co_await ask("a-2");
  EXPECT_EQ(second.heard.find(text), Bytes::npos);
  EXPECT_EQ(second.end.bytes, 0U);
  EXPECT_NE(second.whole.whole, nullptr);
  answer("text/html", body + "<!-- more -->");
  const Outcome third = co_await ask("a-3");
  EXPECT_NE(third.heard.find(text), Bytes::npos);
}
TEST_F(ExitShown, ADocumentIsShownOnce) { play(documents_once()); }

}  // namespace
}  // namespace bottle
