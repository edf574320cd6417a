#include "proxy/guard/fingerprint.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

template <class Key>
Key counting_key() {
  Key key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(i);
  return key;
}

// The first vector of SipHash's authors, for 128 bits of output.
TEST(Fingerprint, HashIsSipHash) {
  const std::array<unsigned char, 16> expected = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                                  0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
  EXPECT_EQ(keyed_hash(counting_key<HashKey>(), ""), expected);
}

TEST(Fingerprint, SaysTheSameOfTheSameTextAndKeyAlone) {
  const std::string print = fingerprint(counting_key<FingerprintKey>(), "correcthorsebattery");
  EXPECT_EQ(print.size(), 16u);
  EXPECT_EQ(print, fingerprint(counting_key<FingerprintKey>(), "correcthorsebattery"));
  EXPECT_NE(print, fingerprint(counting_key<FingerprintKey>(), "correcthorsebatterx"));
  EXPECT_NE(print, fingerprint(FingerprintKey{}, "correcthorsebattery"));
  EXPECT_EQ(print.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
}

}  // namespace
}  // namespace bottle
