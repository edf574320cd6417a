// An adversary's table, of what a shell can make of a value: each row is found, or is given up.
#include <gtest/gtest.h>

#include <iostream>

#include "proxy/body/body_scan.h"
#include "proxy/body/text_inflater.h"
#include "proxy/guard/encodings.h"
#include "tests/unit/body/coders.h"
#include "tests/unit/guard/evasion_samples.h"

namespace bottle {
namespace {

class Evasions : public testing::Test {
 protected:
  static const SecretSet& secrets() {
    static const auto set = SecretSet::make({SecretSpec{
        .name = "K", .value = std::string(kEvasionValue), .hosts = {}, .in_body = false}});
    return **set;
  }

  bool is_found(std::string_view body, std::size_t step) {
    BodyScan scan(secrets(), space, decode, "example.com", Scheme::Https, Codings(),
                  DecodeLimits{});
    for (std::size_t at = 0; at < body.size(); at += step) {
      const bool end = at + step >= body.size();
      if (!scan.feed(Bytes(body.substr(at, step)), end)) return true;
    }
    return false;
  }

  DecodeSpace decode{DecodeLimits{}.memory_bytes};
  TextInflater inflater{decode, DecodeLimits{}};
  ScanSpace space{secrets(), &inflater};
};

TEST_F(Evasions, AreFoundOrGivenUp) {
  std::size_t found = 0;
  for (const Evasion& evasion : kEvasions) {
    found += is_found(evasion.body, evasion.body.size()) ? 1 : 0;
    EXPECT_EQ(is_found(evasion.body, evasion.body.size()), evasion.found) << evasion.made_by;
    EXPECT_EQ(is_found(evasion.body, 1), evasion.found) << evasion.made_by << ", byte by byte";
  }
  std::cout << found << " of " << std::size(kEvasions) << " found\n";
}

std::string base64(std::string text) {
  while (text.size() % 3 != 0) text += '\0';
  return base64_core(text, 0);
}

// The work spent on them is not missing for the texts behind them, not even in one piece.
TEST_F(Evasions, DecoysDoNotHideWhatFollows) {
  const std::string bomb = base64(test::encode(Coding::Gzip, std::string(1 << 20, '0')));
  std::string decoys;
  for (int i = 0; i < 4; ++i) decoys += bomb + "\n-- \n";
  const std::string value(kEvasionValue);
  const std::string packed = test::encode(Coding::Gzip, "TOKEN=" + value + "\n");
  for (const std::string& hidden :
       {base64("TOKEN=" + value), base64(base64("a=" + value)), base64(packed)}) {
    EXPECT_TRUE(is_found(decoys + hidden + "\n", 64 * 1024)) << hidden;
    EXPECT_TRUE(is_found(decoys + hidden + "\n", 1)) << hidden;
  }
}

TEST_F(Evasions, WithoutMemoryToLookIntoATextItIsRefused) {
  DecodeSpace little(1024);
  TextInflater small_inflater(little, DecodeLimits{});
  ScanSpace small_space(secrets(), &small_inflater);
  const std::string body =
      "{\"a\": \"" + base64(test::encode(Coding::Gzip, "some text, and nothing in it")) + "\"}";
  BodyScan scan(secrets(), small_space, little, "example.com", Scheme::Https, Codings(),
                DecodeLimits{});
  const auto scanned = scan.feed(Bytes(body), true);
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().code, Code::Overloaded);
}

TEST_F(Evasions, WithoutMemoryToLookIntoAPackItIsRefused) {
  const std::string pack =
      std::string("PACK\0\0\0\2\0\0\0\1\x3a", 13) + test::encode(Coding::Deflate, "0123456789");
  DecodeSpace little(1024);
  BodyScan scan(secrets(), space, little, "example.com", Scheme::Https, Codings(), DecodeLimits{});
  const auto scanned = scan.feed(Bytes(pack), true);
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().code, Code::Overloaded);
}

TEST_F(Evasions, TooManyBeginningsOfStreamsAreRefused) {
  std::string marks;
  while (marks.size() < 4096) marks += "x\x9c";
  BodyScan scan(secrets(), space, decode, "example.com", Scheme::Https, Codings(), DecodeLimits{});
  const auto scanned = scan.feed("text " + marks, true);
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().code, Code::BodyTooLarge);
}

// A picture is small for its size.
TEST_F(Evasions, StreamThatHoldsMuchBehindOtherBytesIsNoBomb) {
  const std::string packed = test::encode(Coding::Deflate, std::string(8 << 20, '\0'));
  BodyScan scan(secrets(), space, decode, "example.com", Scheme::Https, Codings(), DecodeLimits{});
  EXPECT_TRUE(scan.feed("\x89PNG\r\n" + packed, true));
}

}  // namespace
}  // namespace bottle
