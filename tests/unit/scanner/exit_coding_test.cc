#include <gtest/gtest.h>

#include <string>

#include "tests/unit/body/coders.h"
#include "tests/unit/scanner/exit_play.h"

namespace bottle {
namespace {

using namespace test;

// The signature covers the framing and the field that names it: the scanner gets what is in it, and
// the exit the body as it came.
TEST(ExitCoding, ASignedBodyIsScannedDecodedAndGoesAsItCame) {
  const std::string text = prose(400'000);  // more than the spool keeps in memory
  for (const bool compressed : {false, true}) {
    ExitWorld world;
    const HeadNews head = head_news(200);
    PlayRecord& peer =
        world.dial.will_play({take_head(), take_body(text.size()), claim(), tell(head),
                              tell(end_news("ok")), says(relayed(head, "ok"))});
    const std::string framed =
        aws_encode(compressed ? encode(Coding::Gzip, text) : text, 8192, std::string(64, 'a'));
    Request request = post(framed);
    request.head.fields.add("Content-Encoding", compressed ? "gzip,aws-chunked" : "aws-chunked");
    EXPECT_EQ(world.ask(std::move(request)).body, "ok");
    ASSERT_TRUE(peer.admission);
    EXPECT_FALSE(peer.admission->scanned.head.fields.has("content-encoding"));
    EXPECT_EQ(peer.admission->scanned.body_bytes, text.size());
    EXPECT_EQ(peer.admission->scanned.body_digest, sha256(text));
    EXPECT_EQ(peer.admission->sent.head.fields.find("content-encoding"),
              compressed ? "gzip,aws-chunked" : "aws-chunked");
    EXPECT_EQ(peer.admission->sent.head.content_length, framed.size());
    ASSERT_TRUE(peer.admission->sent.body);
    EXPECT_EQ(peer.admission->sent.body->size(), framed.size());
    peer.admission.reset();  // its body is the spool's, which goes before it
  }
}

TEST(ExitCoding, PlainNamesStayInTheHeadThatGoesOut) {
  ExitWorld world;
  const HeadNews head = head_news(200);
  PlayRecord& peer = world.dial.will_play({take_head(), take_body(2), claim(), tell(head),
                                           tell(end_news("ok")), says(relayed(head, "ok"))});
  Request request = post("{}");
  request.head.fields.add("Content-Encoding", "amz-1.0");
  EXPECT_EQ(world.ask(std::move(request)).body, "ok");
  ASSERT_TRUE(peer.admission);
  EXPECT_EQ(peer.admission->sent.head.fields.find("content-encoding"), "amz-1.0");
  EXPECT_FALSE(peer.admission->scanned.head.fields.has("content-encoding"));
  EXPECT_FALSE(peer.admission->sent.body);
}

TEST(ExitCoding, ABrokenFramingReachesNobody) {
  ExitWorld world;
  Request request = post("5\r\nhel");
  request.head.fields.add("Content-Encoding", "aws-chunked");
  const Outcome out = world.ask(std::move(request));
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->reason, "coding_broken");
  EXPECT_EQ(world.spool.held(), 0U);
}

}  // namespace
}  // namespace bottle
