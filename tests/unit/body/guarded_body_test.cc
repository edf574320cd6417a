#include "proxy/body/guarded_body.h"

#include <zlib.h>

#include "tests/unit/flow/flow_bench.h"

namespace bottle {
namespace {

using namespace test;

class GuardedBodies : public FlowBench {
 protected:
  GuardedBodies() : space(*secrets) {}

  void wrap(std::vector<Bytes> pieces, Coding coding = Coding::Identity) {
    auto scan = std::make_unique<BodyScan>(*secrets, space, decode, "a.test", Scheme::Https, coding,
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

// Sends a text in pieces, which are all there (`is_ready`), or come when they are waited for.
class SlowSource final : public BodySource {
 public:
  SlowSource(Bytes text, std::size_t piece, bool is_ready)
      : text_(std::move(text)), piece_(piece), is_ready_(is_ready) {}
  awaitable<Result<Chunk>> read(std::size_t max) override {
    Chunk chunk;
    chunk.data = text_.substr(at_, std::min(piece_, max));
    at_ += chunk.data.size();
    chunk.end = at_ == text_.size();
    co_return chunk;
  }
  [[nodiscard]] bool ready() const noexcept override { return is_ready_; }
  void stop(Failure) noexcept override {}
  [[nodiscard]] std::size_t read_so_far() const { return at_; }

 private:
  Bytes text_;
  std::size_t at_ = 0;
  const std::size_t piece_;
  const bool is_ready_;
};

struct Trickle {
  std::string name;
  std::string encoded;
};

class TrickledBodies : public GuardedBodies {
 protected:
  // Returns how many bytes went out.
  std::size_t trickle(Bytes text, std::size_t piece, bool is_ready, GuardedBody::Length length) {
    auto scan = std::make_unique<BodyScan>(*secrets, space, decode, "a.test", Scheme::Https,
                                           Coding::Identity, DecodeLimits{});
    auto slow = std::make_unique<SlowSource>(std::move(text), piece, is_ready);
    source = slow.get();
    body = std::make_unique<GuardedBody>(std::move(slow), std::move(scan), length);
    read_all(64 * 1024);
    return out.size();
  }

  static std::string each_byte(const char* format, std::string_view between) {
    std::string text;
    for (const char* c = kSecret; *c != '\0'; ++c) {
      char cell[16];
      std::snprintf(cell, sizeof cell, format, static_cast<unsigned>(*c));
      text += (text.empty() ? "" : std::string(between)) + cell;
    }
    return text;
  }
  // kSecret in encodings that are found when a line, a word or a run ends.
  static std::vector<Trickle> trickles() {
    const std::string secret = kSecret;
    const std::string hex = each_byte("%02x", "");
    return {
        {"base64", "IyMgUzNjcjN0LVZhbHVlLTAxMjM0NTY3ODkgIyM="},
        {"hex", hex},
        {"hex of hex",
         [&] {
           std::string twice;
           for (const char c : hex)
             twice += c <= '9' ? std::string{'3', c}
                               : std::string{'6', static_cast<char>(c - 'a' + '1')};
           return twice;
         }()},
        {"numbers", each_byte("%u", ", ")},
        {"a dump", "0000000 " + each_byte("%02x", " ")},
        {"quoted-printable", "a=3Db=3Dc=20" + each_byte("=%02X", "")},
        {"uuencode", "begin 644 x\n74S-C<C-T+59A;'5E+3`Q,C,T-38W.#D`"},
        {"percent", each_byte("%%%02x", "")},
    };
  }

  SlowSource* source = nullptr;
};

constexpr std::string_view kMore = "\n and a text that goes on for a while, so that all is read\n";

TEST_F(TrickledBodies, EncodedValueIsFoundWithItsLastByteWhenTheSenderPauses) {
  for (const Trickle& text : trickles()) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
      const Bytes whole = "one line\n" + text.encoded + Bytes(kMore);
      const std::size_t left = trickle(whole, piece, false, GuardedBody::Length::Unknown);
      EXPECT_TRUE(failure) << text.name;
      EXPECT_LT(left, 9 + text.encoded.size()) << text.name << " in pieces of " << piece;
    }
  }
}

TEST_F(TrickledBodies, NothingOfAShortBodyLeavesWhileMoreIsThereOrPromised) {
  for (const Trickle& text : trickles()) {
    const Bytes whole = "one line\n" + text.encoded + Bytes(kMore);
    EXPECT_EQ(trickle(whole, 1, false, GuardedBody::Length::Declared), 0U) << text.name;
    EXPECT_EQ(trickle(whole, 1, true, GuardedBody::Length::Unknown), 0U) << text.name;
    EXPECT_TRUE(failure) << text.name;
  }
}

TEST_F(TrickledBodies, WhatIsHeldBackIsBoundedAndComesAtTheEnd) {
  Bytes text;
  while (text.size() < 40 * 1024) text += "a line of text, and another one\n";
  auto scan = std::make_unique<BodyScan>(*secrets, space, decode, "a.test", Scheme::Https,
                                         Coding::Identity, DecodeLimits{});
  auto slow = std::make_unique<SlowSource>(text, 1000, false);
  source = slow.get();
  body = std::make_unique<GuardedBody>(std::move(slow), std::move(scan),
                                       GuardedBody::Length::Declared);
  read_all(1000);
  EXPECT_TRUE(ended);
  EXPECT_EQ(out, text);
}

awaitable<void> read_once(GuardedBody& body, Bytes& out) {
  auto chunk = co_await body.read(1000);
  if (chunk) out = chunk->data;
}

// A call that waits for an answer to each message must not wait for ever.
TEST_F(TrickledBodies, MessageOfASenderThatPausesGoesOutAtOnce) {
  const std::string message(
      "\0\0\0\0\x20"
      "aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8g",
      37);
  auto scan = std::make_unique<BodyScan>(*secrets, space, decode, "a.test", Scheme::Https,
                                         Coding::Identity, DecodeLimits{});
  auto slow = std::make_unique<SlowSource>(message + "and more", message.size(), false);
  source = slow.get();
  body = std::make_unique<GuardedBody>(std::move(slow), std::move(scan));
  run(io, read_once(*body, out));
  EXPECT_EQ(out, message);
  EXPECT_EQ(source->read_so_far(), message.size());
  body->stop(Failure{Code::ClientGone, "done"});
}

TEST_F(GuardedBodies, StopReachesTheSource) {
  wrap({"x"});
  body->stop(Failure{Code::UpstreamBroken, "gone"});
  EXPECT_EQ(notes.stopped, Code::UpstreamBroken);
}

}  // namespace
}  // namespace bottle
