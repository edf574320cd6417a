#include "proxy/credentials/asked_part.h"

#include <algorithm>

#include "tests/unit/credentials/credential_bench.h"

namespace bottle::test {
namespace {

RequestHead asking(const std::string& range) {
  RequestHead head;
  head.method = "GET";
  head.target = "/";
  head.fields.add("range", range);
  return head;
}

// An origin that keeps a text and gives parts of it.
void keep(CredentialBench& bench, const std::string& text, const std::string& range) {
  // The bench's own part is asked for beforehand, as the credentials would.
  CredentialBench probe;
  Request request;
  request.head = asking(range);
  probe.ask(std::move(request));
  auto part = AskedPart::of(probe.inner.head);
  ASSERT_TRUE(part) << range;
  const std::string asked(*probe.inner.head.fields.find("range"));
  const std::size_t dash = asked.find('-');
  const std::string from = asked.substr(6, dash - 6);
  const std::string to = asked.substr(dash + 1);
  std::size_t first = 0;
  std::size_t last = text.size() - 1;
  if (from.empty()) {
    first = text.size() - std::min<std::size_t>(std::stoul(to), text.size());
  } else {
    first = std::stoul(from);
    if (!to.empty()) last = std::min<std::size_t>(std::stoul(to), last);
  }
  ASSERT_LE(first, last);
  auto& head = bench.inner.answer.head;
  head.status = 206;
  head.has_body = true;
  head.content_length = last - first + 1;
  head.fields.add("content-range", "bytes " + std::to_string(first) + "-" + std::to_string(last) +
                                       "/" + std::to_string(text.size()));
  bench.inner.answer.body = std::make_unique<SlicedSource>(text.substr(first, last - first + 1), 7);
}

TEST(AskedPart, OneRangeOfBytesOnly) {
  for (const std::string range : {"bytes=0-0", "bytes=5-", "bytes=-5", "bytes=5-5"}) {
    EXPECT_TRUE(AskedPart::of(asking(range))) << range;
  }
  for (const std::string range :
       {"bytes=", "bytes=-", "bytes=-0", "bytes=6-5", "bytes=0-1,3-4", "bytes= 0-1", "items=0-1",
        "bytes=a-b", "bytes=0", "bytes=1-99999999999999999999", "bytes=+1-2"}) {
    EXPECT_FALSE(AskedPart::of(asking(range))) << range;
  }
  RequestHead head = asking("bytes=0-1");
  head.fields.add("range", "bytes=0-1");
  EXPECT_FALSE(AskedPart::of(head));
  head = asking("bytes=0-1");
  head.method = "HEAD";
  EXPECT_FALSE(AskedPart::of(head));
}

TEST(AskedPart, IsWiderAndEndsNowhereBeforeTheFirstByte) {
  EXPECT_EQ(AskedPart::of(asking("bytes=100-200"))->widen(30), "bytes=70-230");
  EXPECT_EQ(AskedPart::of(asking("bytes=10-200"))->widen(30), "bytes=0-230");
  EXPECT_EQ(AskedPart::of(asking("bytes=100-"))->widen(30), "bytes=70-");
  EXPECT_EQ(AskedPart::of(asking("bytes=-100"))->widen(30), "bytes=-130");
}

// Every part of a text with the value has the placeholder's bytes in the value's place.
TEST(AskedPart, NoPartHasAPartOfTheValue) {
  const std::string text = std::string(300, 'x') + kValue + std::string(300, 'y');
  const std::string shown = std::string(300, 'x') + kPlaceholder + std::string(300, 'y');
  for (std::size_t first = 280; first < 345; first += 3) {
    for (const std::size_t size : {1U, 7U, 40U, 600U}) {
      const std::size_t last = first + size - 1;
      const std::string range = "bytes=" + std::to_string(first) + "-" + std::to_string(last);
      CredentialBench bench;
      keep(bench, text, range);
      Request request;
      request.head = asking(range);
      bench.ask(std::move(request));
      ASSERT_FALSE(bench.failure) << range;
      EXPECT_EQ(bench.head.status, 206);
      EXPECT_EQ(bench.body, shown.substr(first, size));
      EXPECT_EQ(bench.head.content_length, bench.body.size());
      EXPECT_EQ(bench.head.fields.find("content-range"),
                "bytes " + std::to_string(first) + "-" +
                    std::to_string(std::min(last, text.size() - 1)) + "/" +
                    std::to_string(text.size()));
      EXPECT_EQ(bench.inner.head.fields.find("accept-encoding"), "identity");
    }
  }
}

TEST(AskedPart, FromAPlaceOnAndTheLastBytes) {
  const std::string text = std::string(600, 'x') + kValue + "z";
  const std::string shown = std::string(600, 'x') + kPlaceholder + "z";
  for (const std::size_t size : {std::size_t{1}, std::size_t{20}, text.size() - 100}) {
    const std::size_t first = text.size() - size;
    for (const std::string& range :
         {"bytes=" + std::to_string(first) + "-", "bytes=-" + std::to_string(size)}) {
      CredentialBench bench;
      keep(bench, text, range);
      Request request;
      request.head = asking(range);
      bench.ask(std::move(request));
      ASSERT_FALSE(bench.failure);
      EXPECT_EQ(bench.body, shown.substr(first)) << range;
    }
  }
}

TEST(AskedPart, BehindTheEndIsNothing) {
  const std::string text(600, 'x');
  CredentialBench bench;
  keep(bench, text, "bytes=605-");
  Request request;
  request.head = asking("bytes=605-");
  bench.ask(std::move(request));
  ASSERT_FALSE(bench.failure);
  EXPECT_EQ(bench.head.status, 416);
  EXPECT_EQ(bench.head.fields.find("content-range"), "bytes */600");
  EXPECT_EQ(bench.body, "");
}

TEST(AskedPart, AnotherPartThanWasAskedForIsRefused) {
  for (const std::string given :
       {"bytes 100-110/600", "bytes 0-599/*", "bytes 0-110/600", "bytes 0-599/600x", "",
        "bytes 9-5/600", "items 0-599/600", "bytes 0-600/600"}) {
    CredentialBench bench;
    Request request;
    request.head = asking("bytes=100-110");
    bench.inner.answer.head.status = 206;
    bench.inner.answer.head.has_body = true;
    if (!given.empty()) bench.inner.answer.head.fields.add("content-range", given);
    bench.inner.answer.body = std::make_unique<SlicedSource>(std::string(600, 'x'), 100);
    bench.ask(std::move(request));
    ASSERT_TRUE(bench.failure) << given;
    EXPECT_EQ(bench.failure->code, Code::UpstreamBroken);
  }
}

TEST(AskedPart, ACodedPartIsRefusedAndAWholeAnswerPasses) {
  CredentialBench bench;
  keep(bench, std::string(600, 'x'), "bytes=0-9");
  bench.inner.answer.head.fields.add("content-encoding", "gzip");
  Request request;
  request.head = asking("bytes=0-9");
  bench.ask(std::move(request));
  ASSERT_TRUE(bench.failure);

  CredentialBench whole;
  whole.inner.answer.body = std::make_unique<SlicedSource>(std::string(600, 'x'), 100);
  request.head = asking("bytes=0-9");
  whole.ask(std::move(request));
  ASSERT_FALSE(whole.failure);
  EXPECT_EQ(whole.head.status, 200);
  EXPECT_EQ(whole.body, std::string(600, 'x'));
}

TEST(AskedPart, ABodyThatEndsEarlyIsBroken) {
  CredentialBench bench;
  keep(bench, std::string(600, 'x'), "bytes=0-99");
  bench.inner.answer.body = std::make_unique<SlicedSource>(std::string(50, 'x'), 7);
  Request request;
  request.head = asking("bytes=0-99");
  bench.ask(std::move(request));
  ASSERT_TRUE(bench.failure);
}

}  // namespace
}  // namespace bottle::test
