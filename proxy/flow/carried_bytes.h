#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/contract/keyed_hash.h"

namespace bottle {

// The bytes that tunnels carried to and from each host, in Lasting memory: an engine that is
// started again goes on with them. All zero: nothing was carried. Written by a TunnelBook alone.
struct CarriedBytes {
  struct Entry {
    std::uint64_t host;  // its hash; 0: free
    std::uint64_t up;    // through std::atomic_ref
    std::uint64_t down;
  };
  static constexpr std::size_t kHosts = 1024;

  // The host's entry, a new one if there are fewer than `most`; nullptr: there are not.
  [[nodiscard]] Entry* find_or_add(std::string_view name, std::size_t most) noexcept;

  HashKey key;
  std::array<Entry, kHosts> entries;
};

}  // namespace bottle
