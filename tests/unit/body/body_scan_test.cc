#include "proxy/body/body_scan.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/body/text_inflater.h"
#include "proxy/guard/encodings.h"
#include "tests/unit/body/coders.h"

namespace bottle {
namespace {

using test::encode;
using test::prose;

const std::string kSecret = "correcthorsebattery";

std::unique_ptr<const SecretSet> secrets() {
  auto set = SecretSet::make(
      {SecretSpec{.name = "PASSWORD", .value = kSecret, .hosts = {}, .in_body = false}});
  EXPECT_TRUE(set);
  return std::move(*set);
}

// All that a patient reader gets out of the beginning of a coded body.
std::string readable(Coding coding, ByteView in) {
  DecodeSpace space(DecodeLimits{}.memory_bytes);
  const auto decoder = ContentDecoder::make(coding, {}, space);
  std::string room(65536, '\0');
  std::string out;
  bool full = false;
  while (!in.empty() || full) {
    const auto progress = decoder->decode(in, room);
    if (!progress) break;
    in.remove_prefix(progress->consumed);
    out.append(room.data(), progress->produced);
    full = progress->produced == room.size();
  }
  return out;
}

class BodyScanTest : public testing::TestWithParam<Coding> {
 protected:
  const std::unique_ptr<const SecretSet> set_ = secrets();
  ScanSpace space_{*set_};
  DecodeSpace decode_{DecodeLimits{}.memory_bytes};
};

TEST_P(BodyScanTest, HitComesBeforeTheSecretsLastByteLeaves) {
  const std::string text = prose(400) + kSecret + prose(400);
  const std::string coded = encode(GetParam(), text);
  for (std::size_t step = 1; step < coded.size(); step = step * 3 / 2 + 1) {
    BodyScan scan(*set_, space_, decode_, "example.com", Scheme::Https, GetParam(), {});
    std::string out;
    std::optional<Failure> failure;
    for (std::size_t i = 0; i < coded.size() && !failure; i += step) {
      auto piece = scan.feed(coded.substr(i, step), i + step >= coded.size());
      if (piece) {
        out += *piece;
      } else {
        failure = piece.error();
      }
    }
    ASSERT_TRUE(failure) << step;
    EXPECT_EQ(failure->reason, "secret_in_body");
    EXPECT_EQ(readable(GetParam(), out).find(kSecret), std::string::npos) << step;
  }
}

TEST_P(BodyScanTest, CleanBodyComesOutAsItIs) {
  const std::string coded = encode(GetParam(), prose(500000));
  for (const std::size_t step : {std::size_t{1000}, std::size_t{70000}, coded.size()}) {
    BodyScan scan(*set_, space_, decode_, "example.com", Scheme::Https, GetParam(), {});
    std::string out;
    for (std::size_t i = 0; i < coded.size(); i += step) {
      auto piece = scan.feed(coded.substr(i, step), i + step >= coded.size());
      ASSERT_TRUE(piece) << piece.error().detail;
      out += *piece;
    }
    ASSERT_EQ(out, coded);
  }
}

INSTANTIATE_TEST_SUITE_P(Codings, BodyScanTest,
                         testing::Values(Coding::Identity, Coding::Gzip, Coding::Deflate,
                                         Coding::Brotli, Coding::Zstd),
                         [](const auto& param_info) {
                           return std::string(to_string(param_info.param));
                         });

TEST(BodyScan, CodedBodyMustBeComplete) {
  const auto set = secrets();
  ScanSpace space(*set);
  DecodeSpace decode(DecodeLimits{}.memory_bytes);
  const std::string coded = encode(Coding::Gzip, prose(100));
  BodyScan cut(*set, space, decode, "example.com", Scheme::Https, Coding::Gzip, {});
  EXPECT_FALSE(cut.feed(coded.substr(0, coded.size() - 1), true));
  BodyScan split(*set, space, decode, "example.com", Scheme::Https, Coding::Gzip, {});
  EXPECT_TRUE(split.feed(coded, false));
  EXPECT_TRUE(split.feed("", true)) << "the end may come without bytes";
  BodyScan more(*set, space, decode, "example.com", Scheme::Https, Coding::Gzip, {});
  EXPECT_FALSE(more.feed(coded + "x", true));
}

TEST(BodyScan, TextBesideTheCodedDataIsReadToo) {
  const auto set = secrets();
  ScanSpace space(*set);
  DecodeSpace decode(DecodeLimits{}.memory_bytes);
  std::string coded = encode(Coding::Gzip, "hello");
  coded[3] = 0x10;  // a comment follows the header (RFC 1952 section 2.3)
  coded.insert(10, kSecret + std::string(1, '\0'));
  ASSERT_EQ(*decode_all(Coding::Gzip, {}, coded), "hello");
  BodyScan scan(*set, space, decode, "example.com", Scheme::Https, Coding::Gzip, {});
  EXPECT_FALSE(scan.feed(coded, true));
}

TEST(BodyScan, SecretInAZstdBlockDoesNotLeaveInPieces) {
  const auto set = secrets();
  ScanSpace space(*set);
  DecodeSpace decode(DecodeLimits{}.memory_bytes);
  // Noise around it: the literals of a block stand readable at its beginning.
  const std::string coded = encode(Coding::Zstd, prose(1000) + kSecret + prose(60000));
  BodyScan scan(*set, space, decode, "example.com", Scheme::Https, Coding::Zstd, {});
  std::size_t out = 0;
  bool hit = false;
  for (std::size_t i = 0; i < coded.size() && !hit; ++i) {
    auto piece = scan.feed(coded.substr(i, 1), i + 1 == coded.size());
    hit = !piece;
    if (piece) out += piece->size();
  }
  EXPECT_TRUE(hit);
  EXPECT_EQ(out, 0u) << "the first block holds the secret: nothing of it may go";
}

// ---- what says nothing of a coding -------------------------------------------------------------

struct Fed {
  std::string out;
  std::optional<Failure> failure;
};

class Undeclared : public testing::Test {
 protected:
  Fed feed(const std::string& body, std::size_t step, DecodeLimits limits = {},
           Codings codings = {}) {
    BodyScan scan(*set_, space_, decode_, "example.com", Scheme::Https, codings, limits);
    Fed fed;
    std::size_t at = 0;
    do {
      auto piece = scan.feed(body.substr(at, step), at + step >= body.size());
      if (!piece) {
        fed.failure = piece.error();
        break;
      }
      fed.out += *piece;
      at += step;
    } while (at < body.size());
    return fed;
  }
  void expect_refused(const std::string& body) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, body.size()}) {
      const Fed fed = feed(body, step);
      ASSERT_TRUE(fed.failure) << step;
      EXPECT_EQ(fed.failure->reason, "secret_in_body");
    }
  }
  void expect_passed(const std::string& body, DecodeLimits limits = {}) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, body.size() + 1}) {
      const Fed fed = feed(body, step, limits);
      ASSERT_FALSE(fed.failure) << step << ' ' << fed.failure->detail;
      EXPECT_EQ(fed.out, body) << step;
    }
  }

  const std::unique_ptr<const SecretSet> set_ = secrets();
  ScanSpace space_{*set_};
  DecodeSpace decode_{DecodeLimits{}.memory_bytes};
};

TEST_F(Undeclared, IsDecodedWhenItBeginsLikeACoding) {
  const std::string text = prose(400) + kSecret + prose(400);
  for (const Coding coding : {Coding::Gzip, Coding::Deflate, Coding::Zstd}) {
    expect_refused(encode(coding, text));
    expect_passed(encode(coding, prose(2000)));
  }
}

TEST_F(Undeclared, EveryStreamOfItIsLookedAt) {
  const std::string clean = encode(Coding::Gzip, "nothing");
  const std::string hit = encode(Coding::Gzip, prose(40) + kSecret);
  expect_refused(clean + hit);
  expect_refused(clean + clean + encode(Coding::Zstd, kSecret + " "));
  expect_passed(clean + clean);
  expect_passed(clean + "and padding");
}

TEST_F(Undeclared, NeedNotBeOne) {
  const std::string coded = encode(Coding::Gzip, prose(3000));
  expect_passed("\x1f\x8b\x08 is how it begins");
  expect_passed("x^2 + 1");
  expect_passed("(");
  expect_passed("\x28\xb5\x2f\xfd and no frame");
  expect_passed(coded.substr(0, coded.size() / 2));
  expect_passed(coded.substr(0, 30) + "damage" + coded.substr(36));
}

TEST_F(Undeclared, IsDecodedWithinTheLimitsAndNotRefusedBeyondThem) {
  DecodeLimits limits;
  limits.decoded_bytes = 100'000;
  expect_passed(encode(Coding::Gzip, prose(500'000)), limits);
  expect_passed(encode(Coding::Gzip, std::string(40 << 20, 'a')));
  std::string many;
  for (int i = 0; i < 2000; ++i) many += encode(Coding::Gzip, "");
  expect_passed(many);
}

// A secret in the raw form counts too.
TEST_F(Undeclared, RawTextBesideItIsReadToo) {
  expect_refused(encode(Coding::Gzip, "nothing") + kSecret);
}

TEST_F(Undeclared, WithoutMemoryToLookItIsRefused) {
  DecodeSpace little(1000);
  BodyScan scan(*set_, space_, little, "example.com", Scheme::Https, {}, {});
  const auto piece = scan.feed(encode(Coding::Gzip, prose(2000)), true);
  ASSERT_FALSE(piece);
  EXPECT_EQ(piece.error().reason, "decode_memory_full");
}

TEST_F(Undeclared, FramedBodiesAreReadAndGoAsTheyCame) {
  Codings codings(Coding::Gzip);
  ASSERT_TRUE(codings.add(Coding::AwsChunked));
  const std::string clean = test::aws_encode(encode(Coding::Gzip, prose(5000)), 300);
  const std::string hit = test::aws_encode(encode(Coding::Gzip, prose(50) + kSecret), 30);
  for (const std::size_t step : {std::size_t{1}, std::size_t{50}, std::size_t{100'000}}) {
    const Fed passed = feed(clean, step, {}, codings);
    ASSERT_FALSE(passed.failure) << passed.failure->detail;
    EXPECT_EQ(passed.out, clean);
    const Fed refused = feed(hit, step, {}, codings);
    ASSERT_TRUE(refused.failure);
    EXPECT_EQ(refused.failure->reason, "secret_in_body");
  }
  // A secret that the chunks cut.
  const Fed cut = feed(test::aws_encode("a " + kSecret + " b", 5), 1, {}, Coding::AwsChunked);
  ASSERT_TRUE(cut.failure);
  EXPECT_EQ(cut.failure->reason, "secret_in_body");
}

// One blob, as a push sends it: pkt-lines, and a pack of one object.
std::string push_of(const std::string& blob) {
  std::string pack("PACK\0\0\0\2\0\0\0\1", 12);
  std::size_t size = blob.size();
  pack.push_back(static_cast<char>(0x80u | 3u << 4 | (size & 15u)));
  for (size >>= 4; size >= 128; size >>= 7)
    pack.push_back(static_cast<char>(0x80u | (size & 127u)));
  pack.push_back(static_cast<char>(size));
  return "000bcommand0000" + pack + encode(Coding::Deflate, blob) + std::string(20, 'h');
}

TEST(BodyScan, ObjectsOfAGitPackAreLookedInto) {
  const auto set = secrets();
  ScanSpace space(*set);
  DecodeSpace decode(DecodeLimits{}.memory_bytes);
  for (const bool bad : {false, true}) {
    const std::string body = push_of(prose(300) + (bad ? kSecret : "nothing") + prose(300));
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, body.size()}) {
      BodyScan scan(*set, space, decode, "example.com", Scheme::Https, {}, {});
      bool refused = false;
      for (std::size_t at = 0; at < body.size() && !refused; at += step) {
        refused = !scan.feed(body.substr(at, step), at + step >= body.size());
      }
      EXPECT_EQ(refused, bad) << step;
    }
  }
}

std::string base64(std::string_view text) {
  std::string out = base64_core(text, 0);
  while (out.size() % 4 != 0) out += '=';
  return out;
}

TEST(BodyScan, ACompressedStreamInsideOfATextIsLookedInto) {
  const auto set = secrets();
  DecodeSpace decode(DecodeLimits{}.memory_bytes);
  TextInflater inflater(decode, {});
  ScanSpace space(*set, &inflater);
  for (const Coding coding : {Coding::Gzip, Coding::Deflate, Coding::Zstd}) {
    for (const bool bad : {false, true}) {
      // Of a length that is a multiple of three, so that the last characters are whole.
      std::string coded = encode(coding, prose(90) + (bad ? kSecret : "nothing") + prose(90));
      coded.resize((coded.size() + 2) / 3 * 3, '\0');
      const std::string body = "{\"note\":\"" + base64(coded) + "\"}";
      for (const std::size_t step : {std::size_t{1}, std::size_t{5}, body.size()}) {
        BodyScan scan(*set, space, decode, "example.com", Scheme::Https, {}, {});
        bool refused = false;
        for (std::size_t at = 0; at < body.size() && !refused; at += step) {
          refused = !scan.feed(body.substr(at, step), at + step >= body.size());
        }
        EXPECT_EQ(refused, bad) << step << " " << static_cast<int>(coding);
      }
    }
  }
}

}  // namespace
}  // namespace bottle
