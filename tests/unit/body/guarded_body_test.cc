#include "proxy/body/guarded_body.h"

#include <zlib.h>

#include "tests/unit/flow/flow_bench.h"

namespace bottle {
namespace {

using namespace test;

class GuardedBodies : public FlowBench {
 protected:
  GuardedBodies() : space(secrets) {}

  void wrap(std::vector<Bytes> pieces, Coding coding = Coding::Identity) {
    auto scan = std::make_unique<BodyScan>(secrets, space, decode, "a.test", Scheme::Https, coding,
                                           DecodeLimits{});
    body = std::make_unique<GuardedBody>(std::make_unique<PiecesSource>(std::move(pieces), notes),
                                         std::move(scan));
  }
  // Reads in steps of at most `max`; the pieces, and how it ended.
  awaitable<void> drain(std::size_t max) {
    for (;;) {
      auto chunk = co_await body->read(max);
      if (!chunk) {
        failure = chunk.error();
        co_return;
      }
      EXPECT_LE(chunk->data.size(), max);
      EXPECT_TRUE(!chunk->data.empty() || chunk->end) << "an empty piece that is not the end";
      out += chunk->data;
      if (chunk->end) {
        ended = true;
        co_return;
      }
    }
  }
  void read_all(std::size_t max) {
    out.clear();
    failure.reset();
    ended = false;
    run(io, drain(max));
  }

  ScanSpace space;
  PiecesSource::Notes notes;
  std::unique_ptr<GuardedBody> body;
  Bytes out;
  std::optional<Failure> failure;
  bool ended = false;
};

TEST_F(GuardedBodies, HandsOutWhatCameInPiecesOfAnySize) {
  for (const std::size_t max : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    wrap({"one ", "two ", "three"});
    read_all(max);
    EXPECT_TRUE(ended);
    EXPECT_EQ(out, "one two three");
  }
}

TEST_F(GuardedBodies, EmptyBodyIsAnEnd) {
  wrap({""});
  read_all(10);
  EXPECT_TRUE(ended);
  EXPECT_TRUE(out.empty());
}

// However the value is cut, its last byte's piece and all after it stay here.
TEST_F(GuardedBodies, NoPieceWithAHitGoesOut) {
  const std::string secret = kSecret;
  for (std::size_t cut = 1; cut < secret.size(); ++cut) {
    notes = {};
    wrap({"ok ", secret.substr(0, cut), secret.substr(cut) + "!", "tail"});
    read_all(64 * 1024);
    ASSERT_FALSE(ended) << cut;
    ASSERT_TRUE(failure) << cut;
    EXPECT_EQ(failure->code, Code::Denied);
    EXPECT_EQ(word(*failure), "secret_in_body");
    EXPECT_EQ(out, "ok " + secret.substr(0, cut));
    EXPECT_EQ(notes.stopped, Code::Denied);
    EXPECT_EQ(notes.pieces_read, 3U) << "nothing is read after the hit";
  }
}

TEST_F(GuardedBodies, HitInTheLastPieceIsAFailureAndNoEnd) {
  wrap({"ok ", kSecret});
  read_all(64 * 1024);
  EXPECT_FALSE(ended);
  ASSERT_TRUE(failure);
  EXPECT_EQ(out, "ok ");
}

Bytes gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(1024, '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

TEST_F(GuardedBodies, LooksIntoACodedBody) {
  const Bytes clean = gzip("nothing to see");
  wrap({clean.substr(0, 5), clean.substr(5)}, Coding::Gzip);
  read_all(64 * 1024);
  EXPECT_TRUE(ended);
  EXPECT_EQ(out, clean) << "it goes on as it came";

  const Bytes bad = gzip(std::string("a ") + kSecret);
  wrap({bad.substr(0, 5), bad.substr(5)}, Coding::Gzip);
  read_all(64 * 1024);
  EXPECT_FALSE(ended);
  ASSERT_TRUE(failure);
  EXPECT_EQ(word(*failure), "secret_in_body");
}

TEST_F(GuardedBodies, CodedBodyThatIsCutOffIsAFailure) {
  const Bytes whole = gzip("nothing to see");
  wrap({whole.substr(0, whole.size() - 4)}, Coding::Gzip);
  read_all(64 * 1024);
  EXPECT_FALSE(ended);
  EXPECT_TRUE(failure);
}

TEST_F(GuardedBodies, StopReachesTheSource) {
  wrap({"x"});
  body->stop(Failure{Code::UpstreamBroken, "gone"});
  EXPECT_EQ(notes.stopped, Code::UpstreamBroken);
}

}  // namespace
}  // namespace bottle
