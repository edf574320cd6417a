#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/contract/keyed_hash.h"

namespace bottle {

// The memory of a HostWatch, which is Lasting: an engine that is started again goes on with it. All
// zero: no name was seen. Written by a HostWatch alone.
struct NewNames {
  static constexpr std::size_t kNames = 8192;       // of all parents together
  static constexpr std::size_t kParents = 256;      // beyond them some share a place
  static constexpr std::size_t kNewOfParent = 100;  // the last ones, with their time

  struct Parent {
    std::uint64_t hash;  // 0: free
    std::uint64_t count;
    std::array<std::int64_t, kNewOfParent> times;  // steady_clock's ticks, a ring
  };

  HashKey key;
  std::uint64_t count;                      // of names that were let through, ever
  std::array<std::uint64_t, kNames> names;  // their hashes, a ring: the oldest is forgotten
  std::array<Parent, kParents> parents;
};

}  // namespace bottle
