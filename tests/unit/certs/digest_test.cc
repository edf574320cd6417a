#include "certs/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bottle {
namespace {

// FIPS 180-4's examples.
constexpr std::string_view kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr std::string_view kOfTwoBlocks =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";

TEST(Sha256, KnowsTheStandardsExamples) {
  EXPECT_EQ(hex(sha256("")), kOfNothing);
  EXPECT_EQ(hex(sha256("abc")), kOfAbc);
  EXPECT_EQ(hex(sha256(kTwoBlocks)), kOfTwoBlocks);
  // Once more, with what the first call left behind.
  EXPECT_EQ(hex(sha256("abc")), kOfAbc);
  EXPECT_EQ(hex(sha256("")), kOfNothing);
}

TEST(Sha256, IsTheSameHoweverTheBytesAreCut) {
  for (std::size_t cut = 0; cut <= kTwoBlocks.size(); ++cut) {
    Sha256 hash;
    hash.update(kTwoBlocks.substr(0, cut));
    hash.update(kTwoBlocks.substr(cut));
    EXPECT_EQ(hex(hash.finish()), kOfTwoBlocks) << cut;
    Sha256 with_last;
    with_last.update(kTwoBlocks.substr(0, cut));
    EXPECT_EQ(hex(with_last.finish(kTwoBlocks.substr(cut))), kOfTwoBlocks) << cut;
  }
  EXPECT_EQ(hex(Sha256().finish(kTwoBlocks)), kOfTwoBlocks);
  Sha256 nothing;
  EXPECT_EQ(hex(nothing.finish()), kOfNothing);
}

TEST(Sha256, CanBeMoved) {
  Sha256 first;
  first.update("a");
  Sha256 second(std::move(first));
  second.update("b");
  Sha256 third;
  third.update("something else");
  third = std::move(second);
  third.update("c");
  EXPECT_EQ(hex(third.finish()), kOfAbc);
}

// FIPS 180-4's example.
TEST(Sha1, KnowsTheStandardsExample) {
  const Sha1Digest digest = sha1("abc");
  const Sha1Digest expected{0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                            0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
  EXPECT_EQ(digest, expected);
}

// RFC 4231 sections 4.2, 4.3, 4.4 and 4.7.
TEST(MacKey, KnowsTheRfcsExamples) {
  struct Row {
    std::string key;
    std::string data;
    std::string_view mac;
  };
  const std::vector<Row> rows{
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}};
  for (const Row& row : rows) {
    const MacKey key(row.key);
    EXPECT_EQ(hex(key.mac(row.data)), row.mac);
    // The key stays in the context for the next one.
    EXPECT_NE(hex(key.mac("other")), row.mac);
    EXPECT_EQ(hex(key.mac(row.data)), row.mac);
  }
}

TEST(MacKey, TwoRandomKeysDiffer) {
  const MacKey one;
  const MacKey other;
  EXPECT_EQ(one.mac("text"), one.mac("text"));
  EXPECT_NE(one.mac("text"), other.mac("text"));
}

TEST(MacKey, ServesSeveralThreads) {
  const MacKey key;
  const Digest expected = key.mac("text");
  const auto same = [&] {
    for (int i = 0; i < 2000; ++i) {
      if (key.mac("text") != expected) ADD_FAILURE() << "a MAC of two threads' texts";
    }
  };
  std::thread other(same);
  same();
  other.join();
}

TEST(ConstantTime, ComparesBytesAndLength) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_in_constant_time("ab", "abc"));
}

}  // namespace
}  // namespace bottle
