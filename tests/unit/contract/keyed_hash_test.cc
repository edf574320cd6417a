#include "proxy/contract/keyed_hash.h"

#include <gtest/gtest.h>

#include <array>

namespace bottle {
namespace {

// The first vector of SipHash's authors, for 128 bits of output.
TEST(KeyedHash, IsSipHash) {
  const std::array<unsigned char, 16> expected = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                                  0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
  HashKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(i);
  EXPECT_EQ(keyed_hash(key, ""), expected);
}

}  // namespace
}  // namespace bottle
