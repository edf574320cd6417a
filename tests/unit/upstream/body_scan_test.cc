#include "proxy/upstream/body_scan.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/upstream/coders.h"

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
  const auto decoder = ContentDecoder::make(coding, {});
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
};

TEST_P(BodyScanTest, HitComesBeforeTheSecretsLastByteLeaves) {
  const std::string text = prose(400) + kSecret + prose(400);
  const std::string coded = encode(GetParam(), text);
  for (std::size_t step = 1; step < coded.size(); step = step * 3 / 2 + 1) {
    BodyScan scan(*set_, space_, "example.com", Scheme::Https, GetParam(), {});
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
    BodyScan scan(*set_, space_, "example.com", Scheme::Https, GetParam(), {});
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
  const std::string coded = encode(Coding::Gzip, prose(100));
  BodyScan cut(*set, space, "example.com", Scheme::Https, Coding::Gzip, {});
  EXPECT_FALSE(cut.feed(coded.substr(0, coded.size() - 1), true));
  BodyScan split(*set, space, "example.com", Scheme::Https, Coding::Gzip, {});
  EXPECT_TRUE(split.feed(coded, false));
  EXPECT_TRUE(split.feed("", true)) << "the end may come without bytes";
  BodyScan more(*set, space, "example.com", Scheme::Https, Coding::Gzip, {});
  EXPECT_FALSE(more.feed(coded + "x", true));
}

TEST(BodyScan, TextBesideTheCodedDataIsReadToo) {
  const auto set = secrets();
  ScanSpace space(*set);
  std::string coded = encode(Coding::Gzip, "hello");
  coded[3] = 0x10;  // a comment follows the header (RFC 1952 section 2.3)
  coded.insert(10, kSecret + std::string(1, '\0'));
  ASSERT_EQ(*decode_all(Coding::Gzip, {}, coded), "hello");
  BodyScan scan(*set, space, "example.com", Scheme::Https, Coding::Gzip, {});
  EXPECT_FALSE(scan.feed(coded, true));
}

TEST(BodyScan, SecretInAZstdBlockDoesNotLeaveInPieces) {
  const auto set = secrets();
  ScanSpace space(*set);
  // Noise around it: the literals of a block stand readable at its beginning.
  const std::string coded = encode(Coding::Zstd, prose(1000) + kSecret + prose(60000));
  BodyScan scan(*set, space, "example.com", Scheme::Https, Coding::Zstd, {});
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

}  // namespace
}  // namespace bottle
