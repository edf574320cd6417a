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
